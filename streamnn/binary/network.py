"""One small network of signs that learns from every event."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .._kernels.lanes import LANES
from .._kernels.memory import aligned
from ..network.arrays import Operations, Store
from ..network.start import entry_bias
from ..stage import Stage, gathered, grown
from . import arrays as k
from .kernel import scan_signs
from .spec import BINARY_RULES, NORMALISATIONS, BinarySpec
from .start import BY_CATEGORY, BY_INPUT, FOLLOWED, moments, starting

f4 = np.float32
_WEIGHT_KINDS = {"real": k.REAL_WEIGHTS, "ternary": k.TERNARY_WEIGHTS, "binary": k.SIGN_WEIGHTS}


class BinaryNetwork(Stage):
    """Dense layers of units that are -1 or 1 (Courbariaux et al. 2016), trained event by event.

    It stands wherever a :class:`streamnn.network.Network` stands: its :meth:`scan` takes the same.

    Parameters
    ----------
    spec : BinarySpec
    inputs : int
        Columns read at the start. Columns added later start at latents of 0.
    outputs : int
        Classes, or 1.
    classify : bool
    seed : int
    member : int
        Its place among a pool's predictions.

    Examples
    --------
    Whether two numbers have the same sign:

    >>> import numpy as np
    >>> from streamnn.types import LEARN, OBSERVE
    >>> x = np.random.default_rng(0).standard_normal((4000, 2)).astype(np.float32)
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(np.float32)
    >>> net = BinaryNetwork(BinarySpec("b", categories=False, average=0), 2, 2, True, 1)
    >>> op, slot = np.tile(np.int8([OBSERVE, LEARN]), 4000), np.arange(4000).repeat(2)
    >>> p = np.zeros((4000, 1, 2), np.float32)
    >>> ones, no_ids = np.ones(8000, np.float32), np.full((4000, 1), -1, np.int32)
    >>> net.scan(op, slot, y.repeat(2), ones, 0, x, no_ids, p)
    >>> bool((p[2000:, 0].argmax(1) == y[2000:]).mean() > 0.9)
    True
    """

    def __init__(
        self, spec: BinarySpec, inputs: int, outputs: int, classify: bool, seed: int, member: int = 0
    ):
        Stage.__init__(self, f"binary/{spec.name}")  # a member of a pool is made with more
        self.spec = spec
        self.sizes = tuple(-(-h // LANES) * LANES for h in spec.hidden)
        """Units of each layer as they are stored: those beyond `spec.hidden` are 0."""
        self.s = starting(spec, self.sizes, inputs, outputs, seed)
        n = np.array(
            [
                *(BINARY_RULES.index(spec.rule), _WEIGHT_KINDS[spec.first], _WEIGHT_KINDS[spec.weights]),
                *(NORMALISATIONS.index(spec.normalisation), spec.activation == "stochastic", not classify),
                *(0, inputs, spec.categories, member, len(self.sizes), sum(self.sizes), spec.average),
                spec.estimator == "triangle",
            ],
            np.int64,
        )
        h = np.array(
            [
                *(spec.step, spec.output_step / spec.hidden[-1], spec.threshold_step, spec.rate, spec.window),
                *(spec.clip, spec.delta, spec.beta, spec.bop_rate, spec.bop_threshold, spec.skip_margin),
            ],
            f4,
        )
        self._settings = k.BinarySettings(n, np.array((*self.sizes, *spec.hidden), np.int64), h)
        self._no_latent, self._no_soft = np.zeros((0, self.sizes[-1]), f4), np.zeros((0, outputs), f4)
        self._arrays: k.BinaryState | None = None  # as the kernel takes them

    def grow(self, columns: np.ndarray, inputs: int, outputs: int, category_rows: int) -> None:
        """Make room without changing any prediction.

        Parameters
        ----------
        columns : ndarray of int64
            New places of the old input columns.
        inputs, outputs, category_rows : int
            New sizes.
        """
        s, self._arrays = self.s, None
        if inputs != len(s["first"]):
            one, two = moments(self.spec, self.spec.first)
            kept = {"first": True, "mean_first": self.spec.average > 0, "first_1": one, "first_2": two}
            for name in BY_INPUT:
                if kept.get(name, True):
                    old = s[name]
                    s[name] = np.zeros((inputs, *old.shape[1:]), old.dtype)
                    s[name][columns[: len(old)]] = old
            self._settings.n[k.SN_INPUTS] = inputs
        if outputs > len(s["out"]):
            for mean in ("", "mean_") if self.spec.average else ("",):
                low = entry_bias(s[f"{mean}out_bias"])
                s[f"{mean}out"] = grown(s[f"{mean}out"], outputs, s["out"].shape[1])
                s[f"{mean}out_bias"] = grown(s[f"{mean}out_bias"], outputs, fill=low)
            s["out_2"] = grown(s["out_2"], outputs, fill=float(k.SQUARE_FLOOR))
        if self.spec.categories:
            for name, wanted in zip(BY_CATEGORY, (True, *moments(self.spec, self.spec.first)), strict=True):
                if wanted:
                    self.reserve(name, category_rows)

    def restart(self, seed: int) -> None:
        """Forget everything: new latents drawn with `seed`, in the same arrays."""
        fresh = starting(self.spec, self.sizes, len(self.s["first"]), len(self.s["out"]), seed)
        for name, v in fresh.items():
            if self.s[name].shape == v.shape:
                self.s[name][...] = v
            else:  # category rows, which start without any
                self.s[name][...] = 0

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
        latent: np.ndarray | None = None,
        soft: np.ndarray | None = None,
    ) -> None:
        """Predict at OBSERVE, learn at LEARN; see :func:`streamnn.binary.kernel.scan_signs`.

        Parameters
        ----------
        op, slot : ndarray, shape (m,)
        target, weight : ndarray of float32, shape (m,)
            Class number or scaled target, and sample weight, of LEARN operations.
        start : int
            First column of `rows` that it reads.
        rows, ids : ndarray, shapes (slots, width), (slots, categories)
        p : ndarray of float32, shape (slots, members, outputs)
            Receives predictions.
        latent : ndarray of float32, shape (m, k), optional
            Receives the k last hidden units, -1 or 1, before learning: k is the width of the last layer as it is
            stored, or more for layers below it too.
        soft : ndarray of float32, shape (slots, outputs), optional
            Probabilities that are learnt in place of the class.
        """
        s = self.s
        self._settings.n[k.SN_FROM] = start
        if self._arrays is None:
            if not self.kept:
                s.update({name: aligned(v) for name, v in s.items()})
            flat = {name: v.reshape(-1) for name, v in s.items()}
            means = {name: flat[f"mean_{name}" if name in FOLLOWED else name] for name in k.Latents._fields}
            self._arrays = k.BinaryState(
                gathered(k.Latents, flat),
                gathered(k.Latents, means),
                gathered(k.Memory, flat),
            )
        latent = self._no_latent if latent is None else latent
        operations = Operations(op, slot, target, weight)
        store = Store(rows, ids, p, self._no_soft if soft is None else soft)
        scan_signs(operations, store, self._settings, self._arrays, latent)

    @property
    def flip_rate(self) -> float:
        """How often a binary or ternary weight changed in the last full 1,000 learnt events, in the mean, back and
        forth counted; first in those so far. A signal of health, on which nothing acts."""
        s = self.s
        full = int(s["learnt"][0]) >= k.FLIPS_OVER
        weights = self._signed()
        count = sum(w.size for w in weights)
        return float(s["flips"][:, int(full)].sum() / count) if count else 0.0

    @property
    def stuck(self) -> float:
        """Share of the latents of binary and ternary weights that lie at the limit, where they keep no memory."""
        weights = self._signed()
        count = sum(w.size for w in weights)
        at_limit = sum(int((np.abs(w) >= f4(self.spec.clip)).sum()) for w in weights)
        return at_limit / count if count else 0.0

    def _signed(self) -> list[np.ndarray]:
        # latents of which only signs are used
        first, hidden, _ = self.matrices(False)
        found = [w[:, :h] for w, h in zip(hidden, self.spec.hidden[1:], strict=True)]
        if self.spec.weights == "real":
            found = []
        if self.spec.first != "real":
            table = self.s["table"][: self.used.get("table", 0)]
            found += [first[:, : self.spec.hidden[0]], table[:, : self.spec.hidden[0]]]
        return found

    def matrices(self, mean: bool) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """Latents of the first layer, of the hidden layers and weights of the outputs, as they are stored.

        Parameters
        ----------
        mean : bool
            Their running averages.
        """
        s, prefix = self.s, "mean_" if mean else ""
        hidden, at = [], 0
        for below, units in zip(self.sizes, self.sizes[1:], strict=False):
            hidden.append(s[f"{prefix}hidden"][at : at + below * units].reshape(below, units))
            at += below * units
        return s[f"{prefix}first"], hidden, s[f"{prefix}out"]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_arrays": None}  # a copy must not hold views of copies

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over saved leaves.

        Raises
        ------
        StateError
            When a leaf does not fit; nothing has changed then.
        """
        super().load_state_dict(arrays, keep)
        self._arrays = None

    def copied(self) -> BinaryNetwork:
        """A copy with arrays of its own."""
        found = copy.copy(self)
        found.s = {name: v.copy() for name, v in self.s.items()}
        found._settings = self._settings._replace(n=self._settings.n.copy())
        found._arrays = None
        return found

    def exchanged(self) -> None:
        """Arrays of the state were changed or exchanged from outside."""
        self._arrays = None

    def at(self, mean: bool) -> BinaryNetwork:
        """One that predicts alone, from the averaged latents or those of this moment, in the same arrays; it is not to
        learn."""
        found = copy.copy(self)
        found._arrays, found.kept, found.spec = None, True, replace(self.spec, average=0)
        found._settings = self._settings._replace(n=self._settings.n.copy())
        found._settings.n[[k.SN_MEMBER, k.SN_AVERAGE]] = 0
        prefix = "mean_" if mean and self.spec.average else ""
        found.s = {
            **self.s,
            **{name: self.s[f"{prefix}{name}"] for name in FOLLOWED},
            **{f"mean_{name}": np.zeros(0, f4) for name in FOLLOWED},
        }
        return found
