"""Keeping every layer within a certified bound of its Lipschitz constant."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
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
from .plan import Plan

f4 = np.float32
TIGHT = f4(0.999)
"""Share of the limit that is used, so that rounding never exceeds it."""

_NOT_CAPPED = (SPLINES, LSTM, GRU, RNN, GROUPING)


def uncapped(plan: Plan) -> list[str]:
    """Layers of a plan with weights that :func:`cap` leaves as they are, in the plan's words.

    Examples
    --------
    >>> from .grouped_network import grouped_network
    >>> uncapped(grouped_network(8, 2, "grouping")(4, 1)), uncapped(grouped_network(8, 2, "learned")(4, 1))
    (['LearnedGrouping(4 -> 8, 2 groups)'], [])
    """
    return [word for row, word in zip(plan.arrays.ops, plan.words, strict=True) if row[CODE] in _NOT_CAPPED]


@leaf
def cap(plan, w, slope, scratch):
    """Scale the weights of dense layers and convolutions whose bound is above `slope` down to it.

    The bound is Schur's, the root of the largest sum of absolute weights of an output times that of an input, which
    holds for the unrolled convolution as well; for a dense layer it is the Frobenius norm if that is smaller. Of
    layers in groups the largest group counts. See :mod:`streamnn.nn.operator_norms` for the same in torch.
    """
    ops, limit = plan.ops, slope * TIGHT
    for i in range(len(ops)):
        groups, inputs, taps, outputs = 0, 0, 1, 0
        if ops[i, CODE] == LINEAR:
            groups, inputs, outputs = ops[i, DENSE_GROUPS], ops[i, DENSE_INPUTS], ops[i, DENSE_OUTPUTS]
        elif ops[i, CODE] == CONVOLUTION:
            groups = ops[i, A3]
            inputs = ops[i, A0] // groups
            taps = ops[i, A4] // inputs
            outputs = ops[i, SIZE_OUT] // (ops[i, A8] * ops[i, A9] * groups)
        at, size = ops[i, WEIGHT_AT], inputs * taps * outputs
        bound = f4(0.0)
        for g in range(groups):
            bound = max(bound, _bound(w, at + g * size, inputs, taps, outputs, scratch.d))
        if bound > limit:
            scale = limit / bound
            for j in range(at, at + groups * size):
                w[j] *= scale


@leaf
def _bound(w, at, inputs, taps, outputs, sums):
    # weights of one group, input by input, tap by tap, output by output; `sums` is room for as many as outputs
    square, widest = f4(0.0), f4(0.0)
    for o in range(outputs):
        sums[o] = f4(0.0)
    for i in range(inputs):
        column = f4(0.0)
        for j in range(i * taps, (i + 1) * taps):
            for o in range(outputs):
                v = abs(w[at + j * outputs + o])
                column += v
                square += v * v
                sums[o] += v
        widest = max(widest, column)
    tallest = f4(0.0)
    for o in range(outputs):
        tallest = max(tallest, sums[o])
    schur = np.sqrt(widest * tallest)
    return min(schur, np.sqrt(square)) if taps == 1 else schur
