"""A step of the shares: multiplicative on summed gradients, or the paper's additive one, then balanced."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import exp32
from .._kernels.jit import leaf
from .penalty import column_norms, row_norm, sinkhorn
from .places import (
    COUNTERS_AT,
    FIXED_AT,
    HELD_BACK,
    MATRIX_COLUMNS,
    MATRIX_ROWS,
    MIRROR,
    PENALTY,
    RISE,
    SINCE,
    SLOW_AT,
    SQUARE,
    STEP,
    STEP_RULE,
    STEPS_TAKEN,
    SWEEPS,
    TAIL,
)

f4 = np.float32

_BETA = f4(0.99)
_LARGEST_EXPONENT = f4(3.0)
_FLOOR = f4(1e-9)


@leaf
def weight_of_penalty(p, t):
    """Of the penalty now, in units of the task's gradient: 0 while it is held back, then rising until all is settled."""
    c = t.whole[p + COUNTERS_AT]
    gone = f4(t.counters[c + SINCE] - t.counters[c + HELD_BACK]) / f4(max(t.counters[c + RISE], 1))
    return t.fixed[t.whole[p + FIXED_AT] + PENALTY] * max(gone, f4(0.0))


@leaf
def _tangent(g, s, rows, columns, work):
    # Takes row and column means out of the gradient, which balancing would undo; returns its mean square. `work` is
    # where g has room for its columns.
    for k in range(columns):
        g[work + k] = f4(0.0)
    for i in range(rows):
        mean = f4(0.0)
        for k in range(columns):
            mean += g[s + i * columns + k]
        mean /= f4(columns)
        for k in range(columns):
            v = g[s + i * columns + k] - mean
            g[s + i * columns + k] = v
            g[work + k] += v
    total = f4(0.0)
    for k in range(columns):
        g[work + k] /= f4(rows)
    for i in range(rows):
        for k in range(columns):
            v = g[s + i * columns + k] - g[work + k]
            g[s + i * columns + k] = v
            total += v * v
    return total / f4(rows * columns)


@leaf
def step(p, t):
    """A step of the shares against the gradient summed since the last one, which is set to 0.

    The tangent part of the gradient over the running root mean square of the whole matrix, so that the penalty's
    weight is in units of it; then ``m *= exp(-step (gradient + weight * penalty'))``, at most e**3, and balanced. A
    gradient that is not finite is left out.
    """
    rows, columns, s, c = (
        t.whole[p + MATRIX_ROWS],
        t.whole[p + MATRIX_COLUMNS],
        t.whole[p + SLOW_AT],
        t.whole[p + COUNTERS_AT],
    )
    m, g, tail = t.slow, t.slow_g, s + rows * columns
    work = tail + TAIL
    square = _tangent(g, s, rows, columns, work)
    if square < f4(1e30):  # and is no NaN
        t.counters[c + STEPS_TAKEN] += 1
        old = m[tail + SQUARE]
        m[tail + SQUARE] = old + (square - old) * max(
            f4(1.0) - _BETA, f4(1.0) / f4(t.counters[c + STEPS_TAKEN])
        )
        unit = f4(1.0) / (np.sqrt(m[tail + SQUARE]) + f4(1e-12))
        weight = weight_of_penalty(p, t)
        size = t.fixed[t.whole[p + FIXED_AT] + STEP]
        square_matrix = rows == columns  # otherwise columns are groups: their norm is no matter
        level = weight * (f4(2.0) if square_matrix else f4(1.0))
        column_norms(m, s, rows, columns, work)
        for k in range(columns):
            m[work + k] = (weight if square_matrix else f4(0.0)) / m[work + k]
        for i in range(rows):
            a = s + i * columns
            of_row = weight / row_norm(m, a, columns)
            for k in range(columns):
                v = m[a + k]
                v = size * (g[a + k] * unit + level - v * (of_row + m[work + k]))
                if t.whole[p + STEP_RULE] == MIRROR:
                    m[a + k] = m[a + k] * exp32(min(max(-v, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)) + _FLOOR
                else:
                    m[a + k] = max(m[a + k] - v / f4(columns), f4(0.0)) + _FLOOR
        sinkhorn(m, s, rows, columns, t.whole[p + SWEEPS], work)
    for k in range(rows * columns):
        g[s + k] = f4(0.0)
