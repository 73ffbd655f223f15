"""What a network's arrays hold before its first event."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .._kernels.ieee import exp64, log64
from ..stage import grown
from .spec import NetworkSpec

f4 = np.float32

AVERAGED = ("first", "hidden", "bias", "knots", "out", "out_bias")
"""Weights that are averaged; category rows, of which there may be very many, are shared."""
GROWING = {"first", "mean_first", "first_2", "in_moment", "in_count", "decoder", "decoder_bias"}
"""Leaves with a row for every input."""

ENTRY = 2.0
"""How far below all others together a new class begins."""


def spacing(spec: NetworkSpec) -> float:
    """Distance of knots at the start."""
    return 2.0 * spec.range / (spec.knots - 1)


def start(
    spec: NetworkSpec, sizes: tuple[int, ...], inputs: int, outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Every leaf of a new network, inside its budget; see :class:`streamnn.network.arrays.Weights` and ``Moments``.

    Parameters
    ----------
    sizes : tuple of int
        Units of each layer as they are stored.
    """
    U, H0, HL = sum(sizes), sizes[0], sizes[-1]
    rng = np.random.default_rng([seed, *spec.name.encode()])

    def draw(rows: int, columns: int, shape: tuple[int, int], sd: float) -> np.ndarray:
        w = (rng.random((rows, columns)) * 2.0 - 1.0) * (sd * np.sqrt(3.0))
        return grown(w.astype(f4), *shape)

    first = draw(inputs, spec.hidden[0], (inputs, H0), np.sqrt(2.0 / max(inputs, 1)))
    hidden = [
        draw(a, b, shape, np.sqrt(2.0 / a)).ravel()
        for (a, b), shape in zip(pairwise(spec.hidden), pairwise(sizes), strict=True)
    ]
    spline, rms, fac = spec.activation == "spline", spec.rule == "rms", spec.rule == "factored"
    piece = spacing(spec)
    if spline:
        x = (np.arange(spec.knots) - spec.knots // 2) * piece
        # starts inside its budget, so that rounding can't leave it
        ramp = np.where(x > 0, x, 0.01 * x) * (min(1.0, spec.slope * 0.999) if spec.slope > 0 else 1.0)
    else:
        ramp = np.array([{"relu": 0.0, "leaky_relu": 0.01, "prelu": 0.25}[spec.activation]])
    grid = U if spline else 0
    knots = np.tile(ramp.astype(f4), (U, 1))
    if spline:
        knots *= np.concatenate([np.arange(b) < a for a, b in zip(spec.hidden, sizes, strict=True)])[:, None]
    s = {
        "learnt": np.zeros(1, np.int64),
        "first": first,
        "table": np.zeros((0, H0), f4),
        "hidden": np.concatenate(hidden) if hidden else np.zeros(0, f4),
        "bias": np.zeros(U, f4),
        "knots": knots,
        "grid": np.repeat(np.array([[1.0 / piece], [piece], [spec.knots // 2]], f4), grid, 1),
        "out": draw(outputs, spec.hidden[-1], (outputs, HL), 0.1 / np.sqrt(spec.hidden[-1])),
        "out_bias": np.zeros(outputs, f4),
        "first_norm": np.zeros(H0, f4),
        "hidden_norm": np.zeros(U, f4),
        "first_2": np.zeros((inputs if rms else 0, H0), f4),
        "table_2": np.zeros((0, H0), f4),
        "hidden_2": np.zeros(sum(w.size for w in hidden) if rms else 0, f4),
        "out_2": np.zeros((outputs if rms else 0, HL), f4),
        "in_moment": np.zeros(inputs if fac else 0, f4),
        "in_count": np.zeros(inputs, np.int64),
        "z_moment": np.zeros(U if fac else 0, f4),
        "d_moment": np.zeros(U if fac else 0, f4),
        "o_moment": np.zeros(outputs if fac else 0, f4),
        "idle": np.ones(1, f4),
        "reach": np.repeat(np.array([[-0.5], [0.5]], f4) * f4(spec.range), U * spec.follow, 1),
        "settled": np.zeros(1, np.int64),
        "side": np.zeros((U * (spec.tv > 0), spec.knots - 2), np.int8),
        "dead": np.zeros((U * (spec.tv > 0), spec.knots - 2), np.uint8),
    }
    if spec.information > 0:
        s |= {"decoder": np.zeros((inputs, HL), f4), "decoder_bias": np.zeros(inputs, f4)}
    _project(spec, sizes, s)
    for name in AVERAGED:
        v = s[name]
        s[f"mean_{name}"] = v.copy() if spec.average else np.zeros((0, *v.shape[1:]), f4)
    return s


def _project(spec: NetworkSpec, sizes: tuple[int, ...], s: dict[str, np.ndarray]) -> None:
    if spec.out_norm > 0:
        out = s["out"]
        norm = np.sqrt((out * out).sum(1, dtype=np.float64))
        out *= np.minimum(1.0, spec.out_norm * 0.999 / np.maximum(norm, 1e-30)).astype(f4)[:, None]
    cap = f4(spec.row_norm * 0.999)
    if cap <= 0:
        return
    at, w0 = 0, 0
    for a, b in zip((len(s["first"]), *sizes), sizes, strict=False):
        layer = s["first"] if at == 0 else s["hidden"][w0 : w0 + a * b].reshape(a, b)
        w0 += a * b if at else 0
        norm = (s["first_norm"] if at == 0 else s["hidden_norm"])[at : at + b]
        norm[:] = (layer * layer).sum(0, dtype=f4)
        long = norm > cap * cap
        layer[:, long] *= cap / np.sqrt(norm[long])
        norm[long] = cap * cap
        at += b


def entry_bias(biases: np.ndarray) -> float:
    """Bias with which a new class enters: a fixed share of all others together, however many came one by one.

    Parameters
    ----------
    biases : ndarray, shape (classes,)
        Of the classes there are.

    Examples
    --------
    >>> import numpy as np
    >>> entry_bias(np.zeros(1)), round(entry_bias(np.array([0.0, -2.0])), 3)
    (-2.0, -1.873)
    """
    b = np.asarray(biases, np.float64)
    return float(b.max() + log64(sum(exp64(v - b.max()) for v in b.tolist())) - ENTRY)
