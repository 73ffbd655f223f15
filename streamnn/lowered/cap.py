"""Keeping every layer within a certified bound of its Lipschitz constant."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..permutations.places import COUNTERS_AT, INDEX, SLOW_AT
from ..permutations.settling import is_index
from .cells import cell
from .codes import (
    A0,
    A3,
    A4,
    A8,
    A9,
    CODE,
    CONVOLUTION,
    GROUPING,
    GRU,
    LINEAR,
    LSTM,
    RNN,
    SIZE_OUT,
    SPLINES,
    WEIGHT_AT,
)
from .dense import DENSE_GROUPS, DENSE_INPUTS, DENSE_OUTPUTS
from .grouping import CHANNELS, GROUPS, TABLE, UNITS
from .shuffle import tables
from .spline import SPLINE_GRID, SPLINE_KNOTS, SPLINE_UNITS

f4 = np.float32
TIGHT = f4(0.999)
"""Share of the limit that is used, so that rounding never exceeds it."""


@leaf
def cap(plan, learnt, slope, scratch):
    """Scale the weights of layers whose bound is above `slope` down to it, and clip the pieces of splines.

    The bound is Schur's, the root of the largest sum of absolute weights of an output times that of an input, which
    holds for the unrolled convolution as well; for a matrix it is the Frobenius norm if that is smaller. Of layers in
    groups the largest group counts, of recurrent ones the largest gate, and of a learned grouping the weights times
    the shares. :func:`streamnn.nn.project` does the same in torch.
    """
    ops, w, limit = plan.ops, learnt.w, slope * TIGHT
    for i in range(len(ops)):
        code, at = ops[i, CODE], ops[i, WEIGHT_AT]
        if code == LINEAR:
            n, h = ops[i, DENSE_INPUTS], ops[i, DENSE_OUTPUTS]
            _scale(w, at, ops[i, DENSE_GROUPS], n * h, n, 1, h, h, limit, scratch.d)
        elif code == CONVOLUTION:
            groups = ops[i, A3]
            n = ops[i, A0] // groups
            taps, h = ops[i, A4] // n, ops[i, SIZE_OUT] // (ops[i, A8] * ops[i, A9] * groups)
            _scale(w, at, groups, n * taps * h, n, taps, h, h, limit, scratch.d)
        elif code in (LSTM, GRU, RNN):
            c, gates = cell(i, plan), 4 if code == LSTM else 3 if code == GRU else 1
            _scale(w, c.w, gates, c.h, c.inputs, 1, c.h, gates * c.h, limit, scratch.d)
            _scale(w, c.u, gates, c.h, c.h, 1, c.h, gates * c.h, limit, scratch.d)
        elif code == SPLINES:
            _clip(i, plan, w, slope)
        elif code == GROUPING:
            _scale_grouping(i, plan, learnt, limit, scratch)


@leaf
def _scale(w, at, parts, apart, inputs, taps, outputs, row, limit, sums):
    """Scale parts of a layer's weights, whose starts are `apart` numbers apart, by what the largest bound needs.

    A part lies input by input, tap by tap, a `row` of numbers each, of which the first `outputs` are its own; `sums` is
    room for as many.
    """
    bound = f4(0.0)
    for part in range(parts):
        bound = max(bound, _bound(w, at + part * apart, inputs, taps, outputs, row, sums))
    if bound > limit:
        scale = limit / bound
        for j in range(at, at + parts * inputs * taps * outputs):
            w[j] *= scale


@leaf
def _bound(w, at, inputs, taps, outputs, row, sums):
    square, widest = f4(0.0), f4(0.0)
    for o in range(outputs):
        sums[o] = f4(0.0)
    for i in range(inputs):
        column = f4(0.0)
        for j in range(i * taps, (i + 1) * taps):
            for o in range(outputs):
                v = abs(w[at + j * row + o])
                column += v
                square += v * v
                sums[o] += v
        widest = max(widest, column)
    return _smaller(sums, outputs, widest, square if taps == 1 else f4(np.inf))


@leaf
def _smaller(sums, outputs, widest, square):
    """Schur's bound, or the root of the sum of squares."""
    tallest = f4(0.0)
    for o in range(outputs):
        tallest = max(tallest, sums[o])
    return min(np.sqrt(widest * tallest), np.sqrt(square))


@leaf
def _scale_grouping(i, plan, learnt, limit, scratch):
    # as it is now: shares, or the index that has taken their place
    p, n, w = plan.ops[i, TABLE], plan.ops[i, CHANNELS], learnt.w
    groups, units, at = plan.ops[i, GROUPS], plan.ops[i, UNITS], plan.ops[i, WEIGHT_AT]
    whole, per, sums = is_index(p, tables(plan, learnt)), units // groups, scratch.d
    index, s = plan.whole[p + COUNTERS_AT] + INDEX, plan.whole[p + SLOW_AT]
    square, widest = f4(0.0), f4(0.0)
    for j in range(units):
        sums[j] = f4(0.0)
    for c in range(n):
        own, column = learnt.counters[index + c], f4(0.0)
        for k in range(own if whole else 0, own + 1 if whole else groups):
            share = f4(1.0) if whole else learnt.slow[s + c * groups + k]
            for j in range(k * per, (k + 1) * per):
                v = abs(w[at + c * units + j] * share)
                column += v
                square += v * v
                sums[j] += v
        widest = max(widest, column)
    bound = _smaller(sums, units, widest, square)
    if bound > limit:
        for j in range(at, at + n * units):
            w[j] *= limit / bound


@leaf
def _clip(i, plan, w, slope):
    # splines that are too steep keep the mean of their coefficients, as LinearSpline.project_ has it
    ops, knots = plan.ops, plan.ops[i, SPLINE_KNOTS]
    for u in range(ops[i, SPLINE_UNITS]):
        at, scale = ops[i, WEIGHT_AT] + u * knots, plan.fixed[ops[i, SPLINE_GRID] + u]
        steepest = f4(0.0)
        for j in range(at, at + knots - 1):
            steepest = max(steepest, abs((w[j + 1] - w[j]) * scale))
        if steepest <= slope:
            continue
        most, total = np.float64(slope * TIGHT) / np.float64(scale), np.float64(0.0)
        for write in range(2):
            value, before = np.float64(0.0), np.float64(w[at])
            for j in range(at, at + knots):
                now = np.float64(w[j])
                value += min(max(now - before, -most), most)
                before = now
                if write:
                    w[j] = f4(value + total / np.float64(knots))
                else:
                    total += now - value
