"""A network of signs that learns from every event without ever making a float matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from .._kernels.memory import aligned, unlocked
from ..errors import SchemaError, StateError
from ..stage import Stage, gathered
from ..types import LEARN
from . import _arrays as k
from ._kernel import scan
from ._lanes import BITS
from .packing import pack
from .spec import BitSpec

f4 = np.float32
SPREAD = 0.1
"""Latent weights start within plus and minus this."""
HEAVIEST = 1e6
"""Largest sample weight: squares of errors stay finite."""


class BitNetwork(Stage):
    """Dense layers of +1 and -1, trained event by event in bits (Hubara et al. 2016, batches of one).

    Weights and hidden units are signs; the output layer has float32 weights. Inputs are whole numbers of 8 bits, and
    those that are 0 cost nothing. Behind each weight stands a latent one of 16 bits, whose sign it is. Since units are
    +1 or -1, a gradient's square is the same for all weights of a unit: one running mean square a unit does for RMS
    what float networks keep for every weight. Statistics of the units' inputs run slowly, so that a batch of one does.

    Parameters
    ----------
    spec : BitSpec
    inputs : int
        Columns read.
    outputs : int
        Classes.
    seed : int
    member : int
        Its place among the pool's predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.types import LEARN, OBSERVE
    >>> network = BitNetwork(BitSpec("n", (64,)), 2, 2, seed=1)
    >>> rows = np.tile(np.uint8([[0, 9], [9, 0]]), (100, 1))
    >>> op, slot = np.tile(np.int8([OBSERVE, LEARN]), 200), np.repeat(np.arange(200), 2)
    >>> p, no_ids = np.zeros((200, 1, 2), np.float32), np.zeros((200, 0), np.int32)
    >>> network.scan(op, slot, (slot % 2).astype(np.float32), np.ones(400, np.float32), 0, rows, no_ids, p)
    >>> p[-2:, 0].argmax(1).tolist()
    [0, 1]
    """

    def __init__(self, spec: BitSpec, inputs: int, outputs: int, seed: int, member: int = 0):
        super().__init__(f"bits/{spec.name}")
        if inputs < 1 or outputs < 2:
            raise SchemaError(
                f"network {spec.name}: {inputs} inputs and {outputs} outputs: one input and two classes are the least"
            )
        self.spec = spec
        self.sizes = tuple(-(-h // BITS) * BITS for h in spec.hidden)
        """Units of each layer as they are stored: those beyond `spec.hidden` are 0 and stay so."""
        self._alive = np.concatenate(
            [np.arange(size) < h for size, h in zip(self.sizes, spec.hidden, strict=True)]
        ).astype(f4)
        self.s = self._start(inputs, outputs, seed)
        out_step = spec.output_step / spec.hidden[-1]
        self._settings = k.Settings(
            np.array([inputs, 0, len(self.sizes), sum(self.sizes), member, 0], np.int64),
            np.array(self.sizes, np.int64),
            np.array([inputs, *spec.hidden[:-1]], np.int64),
            np.array(
                [
                    *(spec.step, spec.threshold_step, out_step, spec.beta, spec.window, spec.rate),
                    spec.skip_margin,
                ],
                f4,
            ),
            self._alive,
        )
        self._arrays: k.State | None = None  # as the kernel takes them

    def _start(self, inputs: int, outputs: int, seed: int) -> dict[str, np.ndarray]:
        rng, units, last = np.random.default_rng(seed), sum(self.sizes), self.sizes[-1]

        def latent(rows: int, columns: int, stored: tuple[int, int]) -> np.ndarray:
            w = np.zeros(stored, np.int16)
            drawn = rng.uniform(-SPREAD, SPREAD, (rows, columns)) * (1 << k.LATENT_FRACTION)
            w[:rows, :columns] = np.rint(drawn).astype(np.int16)
            return w

        hidden = [
            # input 64 k + i to unit j lies at [k, j, i]
            latent(g, h, stored).reshape(stored[0] // BITS, BITS, stored[1]).transpose(0, 2, 1).ravel()
            for (g, h), stored in zip(pairwise(self.spec.hidden), pairwise(self.sizes), strict=True)
        ]
        weights = sum(len(v) for v in hidden)
        out = np.zeros((outputs, last), f4)
        s = {
            "first": latent(inputs, self.spec.hidden[0], (inputs, self.sizes[0])),
            "first_bits": np.zeros((inputs, self.sizes[0] // BITS), np.uint64),
            "in_moment": np.zeros(inputs, f4),
            "hidden": np.concatenate([*hidden, np.zeros(0, np.int16)]),
            "hidden_bits": np.zeros(weights // BITS, np.uint64),
            "variance": np.ones(units, f4),
            "scale": np.ones(units, f4),
            **{name: np.zeros(units, f4) for name in ("mean", "threshold", "threshold_2", "moment")},
            "out": out,
            "out_bias": np.zeros(outputs, f4),
            "out_moment": np.zeros(outputs, f4),
            "learnt": np.zeros(1, np.int64),
            "flips": np.zeros(len(self.sizes), np.int64),
        }
        out[:, : self.spec.hidden[-1]] = rng.uniform(-0.01, 0.01, (outputs, self.spec.hidden[-1]))
        s |= self._copies(s)
        return s

    def latents(self, s: Mapping[str, np.ndarray] | None = None) -> list[np.ndarray]:
        """Latent weights of each layer of signs as matrices of int16, inputs by units, 15 fraction bits; copies."""
        s = self.s if s is None else s
        found, at = [s["first"].copy()], 0
        for g, h in pairwise(self.sizes):
            flat = s["hidden"][at : at + g * h].reshape(g // BITS, h, BITS)
            found.append(np.ascontiguousarray(flat.transpose(0, 2, 1).reshape(g, h)))
            at += g * h
        return found

    def _copies(self, s: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        # the packed copies as they must be: the signs of the latents
        first, *hidden = self.latents(s)
        none = [np.zeros(0, np.uint64)]
        return {
            "first_bits": pack(first),
            "hidden_bits": np.concatenate(
                none + [np.ascontiguousarray(pack(np.ascontiguousarray(w.T)).T).ravel() for w in hidden]
            ),
        }

    def out_of_step(self) -> Iterator[str]:
        """Names of the packed copies that are not the signs of the latent weights; none, always."""
        yield from (name for name, v in self._copies(self.s).items() if not np.array_equal(v, self.s[name]))

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        start: int,
        rows: np.ndarray,
        ids: np.ndarray,
        p: np.ndarray,
    ) -> None:
        """Predict at OBSERVE, learn at LEARN.

        Parameters
        ----------
        op, slot : ndarray of int8 and int64, shape (m,)
        target, weight : ndarray of float32, shape (m,)
            Class number and sample weight of LEARN operations.
        start : int
            First column of `rows` that it reads.
        rows : ndarray of uint8 or int8, shape (slots, width)
            Pixels, pixels as 0 and 1, or standardised whole numbers.
        ids : ndarray, shape (slots, any)
            Not read: there are no category rows.
        p : ndarray of float32, shape (slots, members, outputs)
            Receives predictions.

        Raises
        ------
        SchemaError
            When rows are of another type or too narrow, a label is no class, or a weight is below 0 or above 1e6.
        """
        n = self._settings.n
        if rows.ndim != 2 or rows.dtype not in (np.uint8, np.int8):
            raise SchemaError(
                f"network {self.spec.name}: rows are {rows.dtype} of shape {rows.shape}: inputs of a network of signs "
                "are a matrix of uint8 or int8; scale and round them first"
            )
        if start < 0 or start + n[k.BIT_INPUTS] > rows.shape[1]:
            raise SchemaError(
                f"network {self.spec.name}: rows have {rows.shape[1]} columns, {n[k.BIT_INPUTS]} are read from column "
                f"{start} on"
            )
        labels, classes = target[op == LEARN], len(self.s["out_bias"])
        if len(bad := labels[~((labels >= 0) & (labels < classes))]):
            raise SchemaError(f"network {self.spec.name}: label {bad[0]} is no class number below {classes}")
        weights = weight[op == LEARN]
        if len(bad := weights[~((weights >= 0) & (weights <= HEAVIEST))]):
            raise SchemaError(
                f"network {self.spec.name}: weight {bad[0]} of a label: allowed are 0 to {HEAVIEST:g}"
            )
        n[k.I_START] = start
        if self._arrays is None:
            if not self.kept:
                self.s.update({name: aligned(v) for name, v in self.s.items()})
            self._arrays = gathered(k.State, {name: v.reshape(-1) for name, v in self.s.items()})
        n[k.I_MASK] = 255 if rows.dtype == np.uint8 else -1
        seen = rows.view(np.int8)  # of one type, and not read-only, for a kernel that is compiled once
        seen = seen if rows.flags.writeable else unlocked(seen)
        scan(k.Operations(op, slot, target, weight), seen, p, self._settings, self._arrays)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_arrays": None}  # a copy must not hold views of copies

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over saved leaves.

        Raises
        ------
        StateError
            When a leaf does not fit, or a packed copy is not the signs of the latent weights; nothing has changed
            then.
        """
        super().load_state_dict(arrays, keep)
        self._arrays = None

    def _given(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = super()._given(arrays)
        for name, v in self._copies(found).items():
            if not np.array_equal(v, found[name]):
                raise StateError(
                    f"{self.name}: leaf {name!r} is not the signs of the latent weights: the state is damaged"
                )
        return found
