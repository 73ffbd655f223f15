"""One small network with learnable activations that learns from every event."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import pairwise
from math import gcd

import numpy as np

from .._kernels.lanes import LANES
from .._kernels.memory import aligned
from ..stage import Stage, grown
from . import arrays as k
from . import kernel
from .budget import check_budget
from .certificate import Certificate, certify
from .functions import Functions
from .spec import RULES, NetworkSpec
from .spline_adaptation import GRID_EVERY, adapt_splines
from .start import AVERAGED, GROWING, entry_bias, spacing, start

f4 = np.float32


_NO_DECODER = np.zeros(0, f4)


class Network(Stage):
    """Dense layers with one linear spline a unit (Aziznejad et al. 2020), trained event by event.

    After every update each unit's weights and slope are inside the Lipschitz budget of the spec.

    Parameters
    ----------
    spec : NetworkSpec
    inputs : int
        Columns read at the start. Columns added later start at zero weight.
    outputs : int
        Classes, or 1.
    classify : bool
    seed : int
    member : int
        Its place among the pool's predictions.
    """

    def __init__(
        self, spec: NetworkSpec, inputs: int, outputs: int, classify: bool, seed: int, member: int = 0
    ):
        Stage.__init__(self, f"network/{spec.name}")  # a member of a pool is made with more
        self.spec = spec
        self.sizes = tuple(-(-h // LANES) * LANES for h in spec.hidden)
        """Units of each layer as they are stored: those beyond `spec.hidden` are 0 and stay so."""
        U, HL, L = sum(self.sizes), self.sizes[-1], len(self.sizes)
        self.s = start(spec, self.sizes, inputs, outputs, seed)
        act = (
            k.SPLINE
            if spec.activation == "spline"
            else k.LEARNT_SLOPE
            if spec.activation == "prelu"
            else k.FIXED_SLOPE
        )
        task = k.CLASSIFY if classify else k.REGRESS
        every = gcd(GRID_EVERY * spec.follow, spec.every * (spec.tv > 0))  # 0 if neither
        n = np.array(
            [
                *(RULES.index(spec.rule), act, task, 0, inputs, spec.categories, member, L, U),
                *(spec.average, spec.knots, every),
            ],
            np.int64,
        )
        steps = [spec.step * v for v in spec.layer_steps or (1.0,) * (L + 1)]
        bends = [v * spec.bend_step for v in steps[:-1]]
        limits = spec.slope, spec.row_norm, spec.out_norm
        h = np.array([spec.beta, *limits, spec.information, spec.skip_margin, *steps, *bends], f4)
        pull = np.repeat([spec.tv * spec.every * v for v in bends], self.sizes).astype(f4)
        self._adaptation = k.Adaptation(pull, spec.every, spec.slope, spec.prune, spacing(spec) / 16.0)
        self._no_latent, self._no_soft = np.zeros((0, HL), f4), np.zeros((0, outputs), f4)
        self._settings = k.Settings(n, np.array(self.sizes, np.int64), h)
        self._arrays: k.State | None = None  # as the kernel takes them

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
            for name in GROWING & s.keys():
                old = s[name]
                if name in ("first", "in_count") or len(old):
                    s[name] = np.zeros((inputs, *old.shape[1:]), old.dtype)
                    s[name][columns] = old
            if self.spec.rule == "rms" and not len(s["first_2"]):
                s["first_2"] = np.zeros((inputs, s["first"].shape[1]), f4)
            if self.spec.average and not len(s["mean_first"]):
                s["mean_first"] = np.zeros((inputs, s["first"].shape[1]), f4)
            if self.spec.rule == "factored" and not len(s["in_moment"]):
                s["in_moment"] = np.zeros(inputs, f4)
            if self.spec.information > 0 and not len(s["decoder"]):
                s["decoder"], s["decoder_bias"] = (
                    np.zeros((inputs, s["out"].shape[1]), f4),
                    np.zeros(inputs, f4),
                )
            self._settings.n[k.N_IN] = inputs
        if outputs > len(s["out"]):
            HL = s["out"].shape[1]
            for mean in ("", "mean_") if self.spec.average else ("",):
                low = entry_bias(s[f"{mean}out_bias"])
                s[f"{mean}out"] = grown(s[f"{mean}out"], outputs, HL)
                s[f"{mean}out_bias"] = grown(s[f"{mean}out_bias"], outputs, fill=low)
            if self.spec.rule == "rms":
                s["out_2"] = grown(s["out_2"], outputs, HL)
            if self.spec.rule == "factored":
                s["o_moment"] = grown(s["o_moment"], outputs)
        if self.spec.categories:
            self.reserve("table", category_rows)
            if self.spec.rule == "rms":
                self.reserve("table_2", category_rows)

    def restart(self, seed: int) -> None:
        """Forget everything: new weights drawn with `seed`, in the same arrays."""
        for name, v in start(self.spec, self.sizes, len(self.s["first"]), len(self.s["out"]), seed).items():
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
        """Predict at OBSERVE, learn at LEARN; see :func:`streamnn.network.kernel.scan`.

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
            Receives the k last hidden units, before learning: k is the width of the last layer, or more for layers
            below it too.
        soft : ndarray of float32, shape (slots, outputs), optional
            Probabilities that are learnt in place of the class.
        """
        s, n = self.s, self._settings.n
        n[k.N_FROM] = start
        if self._arrays is None:
            if not self.kept:
                s.update({name: aligned(v) for name, v in s.items()})
            flat = {name: v.reshape(-1) for name, v in s.items()}
            means = {name: f"mean_{name}" if name in AVERAGED else name for name in k.Weights._fields}
            self._arrays = k.State(
                k.Weights(*(flat[name] for name in k.Weights._fields)),
                k.Weights(*(flat[means[name]] for name in k.Weights._fields)),
                k.Moments(*(flat[name] for name in k.Moments._fields)),
                k.Decoder(flat.get("decoder", _NO_DECODER), flat.get("decoder_bias", _NO_DECODER)),
            )
        latent = self._no_latent if latent is None else latent
        operations, store = (
            k.Operations(op, slot, target, weight),
            k.Store(rows, ids, p, self._no_soft if soft is None else soft),
        )
        at = 0
        while True:
            at = kernel.scan(operations, store, self._settings, self._arrays, latent, at)
            if not n[k.N_EVERY]:
                return
            splines = k.Splines(s["knots"], s["mean_knots"], s["grid"], s["reach"], s["side"], s["dead"])
            adapt_splines(s["learnt"], s["settled"], splines, self._adaptation)
            if not 0 < at < len(op):  # 0 while calls are recorded: an observed and a learnt event at most
                return

    def copied(self) -> Network:
        """A copy with arrays of its own."""
        found = copy.copy(self)
        found.s = {name: v.copy() for name, v in self.s.items()}
        found._settings = self._settings._replace(n=self._settings.n.copy())
        found._arrays = None
        return found

    def exchanged(self) -> None:
        """Arrays of the state were changed or exchanged from outside."""
        self._arrays = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_arrays": None}  # a copy must not hold views of copies

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over saved leaves.

        Raises
        ------
        StateError
            When a leaf does not fit, or the weights are outside the budget of the spec; nothing has changed then.
        """
        super().load_state_dict(arrays, keep)
        self._arrays = None

    def _given(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = copy.copy(self)
        found.s = super()._given(arrays)
        for mean in (False, True) if self.spec.average else (False,):
            first, hidden, out = found.matrices(mean)
            named = {"first": first, "out": out, **{f"hidden.{l}": w for l, w in enumerate(hidden)}}
            check_budget(
                self.spec, named, found.functions(mean), "it was saved under another budget or damaged"
            )
        return found.s

    def matrices(self, mean: bool) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """First layer, hidden layers and output layer as matrices: inputs by units, output by units."""
        first, flat, out = (self.s[f"mean_{name}" if mean else name] for name in ("first", "hidden", "out"))
        hidden, at = [], 0
        for a, b in pairwise(self.sizes):
            hidden.append(flat[at : at + a * b].reshape(a, b))
            at += a * b
        return first, hidden, out

    def certificate(self, rows: np.ndarray, mean: bool = False) -> Certificate:
        """Slope bound from the numeric part of the encoded row to the outputs, and the slope found at `rows`.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, inputs)
            Places at which the attack looks.
        mean : bool
            Of the averaged weights.
        """
        bias = self.s["mean_bias" if mean else "bias"]
        first, hidden, out = self.matrices(mean)
        return certify(first, hidden, out, bias, self.functions(mean), rows)

    def held(self) -> float:
        """A slope bound that holds after every event and costs no more than looking at each unit once.

        From the norms that the kernel tracks and the slope limit: never below the true slope, up to some ten times
        looser than :meth:`certificate`; infinite without a budget.
        """
        s, spec = self.s, self.spec
        if not (spec.row_norm > 0 and spec.slope > 0):
            return float("inf")
        cap, at, bound = spec.row_norm**2, 0, 1.0
        for l, h in enumerate(self.sizes):
            norms = s["first_norm" if l == 0 else "hidden_norm"][at : at + h].astype(np.float64)
            # tracked norms are refreshed now and then, and are off by rounding in between
            bound *= (
                np.sqrt(np.minimum(1.002 * norms + 0.002 * cap, cap)[: spec.hidden[l]].sum()) * spec.slope
            )
            at += h
        out = s["out"].astype(np.float64)
        return float(bound * np.sqrt((out * out).sum()))

    def bends(self, mean: bool = False) -> np.ndarray:
        """Knots of each stored unit at which its slope changes; where knots die, at the last proximal step."""
        if len(self.s["side"]) and not mean:
            counts: np.ndarray = (self.s["side"] != 0).sum(1)
            return counts
        return self.functions(mean).bends()

    def functions(self, mean: bool = False) -> Functions:
        """The activation functions of all stored units.

        Parameters
        ----------
        mean : bool
            Of the averaged weights.
        """
        s, c = self.s, self.s["mean_knots" if mean else "knots"].astype(np.float64)
        if self.spec.activation == "spline":
            _, piece, offset = s["grid"].astype(np.float64)
            return Functions(-offset * piece, piece, c)
        return Functions.two_slopes(c[:, 0])
