"""One small network with learnable activations that learns from every event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..stage import Stage, grown
from . import arrays as k
from . import kernel
from .certificate import Certificate, certify

f4 = np.float32

AVERAGED = ("first", "hidden", "bias", "knots", "out", "out_bias")
"""Weights that are averaged; category rows, of which there may be very many, are shared."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What a network is.

    Parameters
    ----------
    name : str
    hidden : tuple of int
        Units of each layer, multiples of 16.
    rule : {"sgd", "rms", "factored"}
        How steps are scaled.
    step : float
        Step size; splines move at a tenth of it.
    reads : tuple of str
        First and last block of the row it reads (see :class:`streamnn.features.layout.Layout`).
    categories : bool
        Whether category rows feed the first layer.
    activation : {"spline", "relu"}
        Learnable linear spline, or leaky ReLU with slope 0.01.
    slope, row_norm, out_norm : float
        Lipschitz budget: largest slope of an activation, largest norm of a hidden unit's weights and of an
        output's weights; 0 is no budget.
    beta : float
        Memory of the running mean squares.
    average : int
        Keep a running average of the weights over the last so many learnt events beside them; it predicts as the
        next member. Budgets are convex, so the average keeps them too. 0 keeps none.
    """

    name: str
    hidden: tuple[int, ...] = (64,)
    rule: str = "rms"
    step: float = 0.001
    reads: tuple[str, str] = ("x", "x")
    categories: bool = True
    activation: str = "spline"
    slope: float = 1.0
    row_norm: float = 4.0
    out_norm: float = 4.0
    beta: float = 0.999
    average: int = 0

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the predictions it gives."""
        return (self.name, f"{self.name}-mean") if self.average else (self.name,)


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
        super().__init__(f"network/{spec.name}")
        self.spec = spec
        U, H0, HL, L = sum(spec.hidden), spec.hidden[0], spec.hidden[-1], len(spec.hidden)
        rng = np.random.default_rng([seed, *spec.name.encode()])

        def draw(shape: tuple[int, ...], sd: float) -> np.ndarray:
            return ((rng.random(shape) * 2.0 - 1.0) * (sd * np.sqrt(3.0))).astype(f4)

        first = draw((inputs, H0), np.sqrt(2.0 / max(inputs, 1)))
        hidden = [draw((a, b), np.sqrt(2.0 / a)) for a, b in zip(spec.hidden, spec.hidden[1:], strict=False)]
        x = (np.arange(k.KNOTS) - 10) * 0.4
        # starts inside its budget, so that rounding can't leave it
        ramp = (
            np.where(x > 0, x, 0.01 * x) * (min(1.0, spec.slope * 0.999) if spec.slope > 0 else 1.0)
        ).astype(f4)
        rms, fac = spec.rule == "rms", spec.rule == "factored"
        self.s = {
            "learnt": np.zeros(1, np.int64),
            "first": first,
            "table": np.zeros((0, H0), f4),
            "hidden": np.concatenate([w.ravel() for w in hidden]) if hidden else np.zeros(0, f4),
            "bias": np.zeros(U, f4),
            "knots": np.tile(ramp, (U, 1)),
            "out": draw((outputs, HL), 0.1 / np.sqrt(HL)),
            "out_bias": np.zeros(outputs, f4),
            "first_norm": np.zeros(H0, f4),
            "hidden_norm": np.zeros(U, f4),
            "first_2": np.zeros((inputs if rms else 0, H0), f4),
            "table_2": np.zeros((0, H0), f4),
            "hidden_2": np.zeros(sum(w.size for w in hidden) if rms else 0, f4),
            "out_2": np.zeros((outputs if rms else 0, HL), f4),
            "in_moment": np.zeros(inputs if fac else 0, f4),
            "in_count": np.zeros(inputs if fac else 0, np.int64),
            "z_moment": np.zeros(U if fac else 0, f4),
            "d_moment": np.zeros(U if fac else 0, f4),
            "o_moment": np.zeros(outputs if fac else 0, f4),
        }
        self._sizes = np.array(spec.hidden, np.int64)
        self._n = np.array(
            [
                ("sgd", "rms", "factored").index(spec.rule),
                ("relu", "spline").index(spec.activation),
                k.CLASSES if classify else k.VALUE,
                0,
                inputs,
                spec.categories,
                member,
                L,
                U,
                spec.average,
            ],
            np.int64,
        )
        self._h = np.array(
            [spec.step, spec.step * 0.1, spec.beta, spec.slope, spec.row_norm, spec.out_norm], f4
        )
        self._no_latent = np.zeros((0, HL), f4)
        self._arrays: tuple[k.Weights, k.Weights, k.Moments] | None = None  # as the kernel takes them
        self._project()
        for name in AVERAGED:
            v = self.s[name]
            self.s[f"mean_{name}"] = v.copy() if spec.average else np.zeros((0, *v.shape[1:]), f4)

    def _project(self) -> None:
        if self.spec.out_norm > 0:
            out = self.s["out"]
            norm = np.sqrt((out * out).sum(1, dtype=np.float64))
            out *= np.minimum(1.0, self.spec.out_norm * 0.999 / np.maximum(norm, 1e-30)).astype(f4)[:, None]
        cap = f4(self.spec.row_norm * 0.999)
        if cap <= 0:
            return
        s, at, w0 = self.s, 0, 0
        for a, b in zip((len(s["first"]), *self.spec.hidden), self.spec.hidden, strict=False):
            layer = s["first"] if at == 0 else s["hidden"][w0 : w0 + a * b].reshape(a, b)
            w0 += a * b if at else 0
            norm = (s["first_norm"] if at == 0 else s["hidden_norm"])[at : at + b]
            norm[:] = (layer * layer).sum(0, dtype=f4)
            long = norm > cap * cap
            layer[:, long] *= cap / np.sqrt(norm[long])
            norm[long] = cap * cap
            at += b

    def grow(
        self, columns: np.ndarray, inputs: int, outputs: int, category_rows: int, spare: int = 0
    ) -> None:
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
            for name in ("first", "mean_first", "first_2", "in_moment", "in_count"):
                old = s[name]
                if name == "first" or len(old):
                    s[name] = np.zeros((inputs, *old.shape[1:]), old.dtype)
                    s[name][columns] = old
            if self.spec.rule == "rms" and not len(s["first_2"]):
                s["first_2"] = np.zeros((inputs, s["first"].shape[1]), f4)
            if self.spec.average and not len(s["mean_first"]):
                s["mean_first"] = np.zeros((inputs, s["first"].shape[1]), f4)
            if self.spec.rule == "factored" and not len(s["in_moment"]):
                s["in_moment"], s["in_count"] = np.zeros(inputs, f4), np.zeros(inputs, np.int64)
            self._n[k.N_IN] = inputs
        if outputs > len(s["out"]):
            HL = s["out"].shape[1]
            for mean in ("", "mean_") if self.spec.average else ("",):
                low = s[f"{mean}out_bias"].min() - f4(3.0)  # a new class enters with a small share
                s[f"{mean}out"] = grown(s[f"{mean}out"], outputs, HL)
                s[f"{mean}out_bias"] = grown(s[f"{mean}out_bias"], outputs, fill=low)
            if self.spec.rule == "rms":
                s["out_2"] = grown(s["out_2"], outputs, HL)
            if self.spec.rule == "factored":
                s["o_moment"] = grown(s["o_moment"], outputs)
        if self.spec.categories:
            self.reserve("table", category_rows, spare)
            if self.spec.rule == "rms":
                self.reserve("table_2", category_rows, spare)

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
        """
        s, n = self.s, self._n
        n[k.N_FROM] = start
        if self._arrays is None:
            flat = {name: v.reshape(-1) for name, v in s.items()}
            means = {name: "table" if name == "table" else f"mean_{name}" for name in k.Weights._fields}
            self._arrays = (
                k.Weights(*(flat[name] for name in k.Weights._fields)),
                k.Weights(*(flat[means[name]] for name in k.Weights._fields)),
                k.Moments(*(flat[name] for name in k.Moments._fields)),
            )
        latent = self._no_latent if latent is None else latent
        kernel.scan(op, slot, target, weight, rows, ids, n, self._sizes, self._h, *self._arrays, p, latent)

    def certificate(self, rows: np.ndarray, mean: bool = False) -> Certificate:
        """Slope bound from the numeric part of the encoded row to the outputs, and the slope found at `rows`.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, inputs)
            Places at which the attack looks.
        mean : bool
            Of the averaged weights.
        """
        s = {name: self.s[f"mean_{name}" if mean else name] for name in AVERAGED}
        hidden, at = [], 0
        for a, b in zip(self.spec.hidden, self.spec.hidden[1:], strict=False):
            hidden.append(s["hidden"][at : at + a * b].reshape(a, b))
            at += a * b
        knots = s["knots"] if self.spec.activation == "spline" else None
        return certify(s["first"], hidden, s["out"], s["bias"], knots, rows)
