"""Linear splines as activations, one a unit or a channel, as :class:`streamnn.nn.LinearSpline` has them."""

from __future__ import annotations

from math import prod

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from .codes import A0, A1, A2, A3, IN, KEPT, OUT, SPLINES, WEIGHT_AT
from .plan import PlanBuilder, Value

f4 = np.float32
SPLINE_UNITS, SPLINE_EACH, SPLINE_KNOTS, SPLINE_GRID = A0, A1, A2, A3
"""Columns of the operation: splines, numbers that each is for, knots, and where the grids lie among the fixed numbers:
one over the length of a piece, then the offset, of every unit."""


def spline(
    b: PlanBuilder, x: Value, name: str, coefficients: np.ndarray, offset: np.ndarray, piece: np.ndarray
) -> Value:
    """A linear spline of every number (Bohra et al. 2020); outside the grid the first and last piece go on.

    Parameters
    ----------
    b : PlanBuilder
    x : Value, shape (units, ...)
    name : str
        The parameter is ``name.coefficients``.
    coefficients : ndarray, shape (units, knots)
        Values at the knots.
    offset, piece : ndarray, shape (units,)
        Knot i lies at (i - offset) * piece.

    Returns
    -------
    Value, the shape of `x`

    Raises
    ------
    SpecError
        When there are not as many splines as units.
    """
    units, knots = coefficients.shape
    if x.shape[0] != units or len(offset) != units or len(piece) != units:
        raise SpecError(f"spline {name!r}: {units} splines, {len(offset)} grids and {x.shape[0]} units")
    at = b.parameter(f"{name}.coefficients", coefficients)
    grid = b.fixed(np.concatenate([f4(1.0) / np.asarray(piece, f4), np.asarray(offset, f4)]))
    more = units, prod(x.shape[1:]), knots, grid
    return b.op(
        SPLINES, f"Spline({units}, {knots} knots)", x, b.value(*x.shape), at, more=more, kept=2 * x.size
    )


@leaf
def forward_spline(i, plan, learnt, scratch, training):
    """Values; what is kept of each number are the knot left of it and how far behind it lies."""
    ops, w, z, kept = plan.ops, learnt.w, scratch.z, scratch.kept
    units, K, x, y, k = ops[i, SPLINE_UNITS], ops[i, SPLINE_KNOTS], ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for u in range(units):
        scale, offset, c = (
            plan.fixed[ops[i, SPLINE_GRID] + u],
            plan.fixed[ops[i, SPLINE_GRID] + units + u],
            ops[i, WEIGHT_AT] + u * K,
        )
        for _ in range(ops[i, SPLINE_EACH]):
            v = z[x] * scale + offset
            place = v if v > f4(0.0) else f4(0.0)
            knot = np.int64(min(place, f4(K) - f4(1.5)))
            low, part = w[c + knot], v - f4(knot)
            kept[k], kept[k + 1] = f4(knot), part
            z[y] = low + part * (w[c + knot + 1] - low)
            x, y, k = x + 1, y + 1, k + 2


@leaf
def backward_spline(i, plan, learnt, scratch):
    """Gradients of the values at two knots, and of what came in."""
    ops, w, d, g, kept = plan.ops, learnt.w, scratch.d, scratch.g, scratch.kept
    units, K, x, y, k = ops[i, SPLINE_UNITS], ops[i, SPLINE_KNOTS], ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for u in range(units):
        scale, c = plan.fixed[ops[i, SPLINE_GRID] + u], ops[i, WEIGHT_AT] + u * K
        for _ in range(ops[i, SPLINE_EACH]):
            at, part = c + np.int64(kept[k]), kept[k + 1]
            d[x] += d[y] * ((w[at + 1] - w[at]) * scale)
            g[at] += d[y] * (f4(1.0) - part)
            g[at + 1] += d[y] * part
            x, y, k = x + 1, y + 1, k + 2
