"""What the ways forward and back of all recurrent layers share; see :mod:`streamnn.lowered.recurrent` for their form.

The way back has three parts: from the hidden states' gradients to those of what goes into the gates, which is each
layer's own; from there to inputs; and to weights, each summed over the window in one go.
"""

from __future__ import annotations

from typing import NamedTuple

from .._kernels.ieee import sigmoid32, tanh32
from .._kernels.jit import leaf
from .codes import A0, A1, A2, A3, A4, BIAS_AT, IN, KEPT, OUT, WEIGHT_AT
from .products import add_inner, add_row, add_rows, clear, copy_row


class Cell(NamedTuple):
    """How many numbers a layer has, and where they begin."""

    steps: int
    inputs: int
    h: int
    x: int  # among the values
    out: int  # among the values
    kept: int
    w: int  # weights of inputs, of hidden units, and their biases
    u: int
    b: int
    c: int


@leaf
def cell(i, plan):
    """Of operation i."""
    o = plan.ops
    return Cell(
        o[i, A0], o[i, A1], o[i, A2], o[i, IN], o[i, OUT], o[i, KEPT],
        o[i, WEIGHT_AT], o[i, A3], o[i, BIAS_AT], o[i, A4],
    )  # fmt: skip


@leaf
def put(kept, at, w, bias, n):
    """Set n numbers to biases, or to 0 where there are none."""
    if bias >= 0:
        copy_row(kept, at, w, bias, n)
    else:
        clear(kept, at, n)


@leaf
def sigmoids(kept, at, n):
    """In place."""
    a = kept[at : at + n]  # of a piece the compiler knows that no place is below 0: it takes many at a time
    for j in range(n):
        a[j] = sigmoid32(a[j])


@leaf
def tanhs(kept, at, n):
    """In place."""
    a = kept[at : at + n]
    for j in range(n):
        a[j] = tanh32(a[j])


@leaf
def inputs_back(c, n, learnt, scratch, e):
    """Add to the gradients of the layer's inputs, from those of n gates a step, which are kept from e on."""
    for t in range(c.steps):
        add_inner(scratch.d, c.x + t * c.inputs, c.inputs, learnt.w, c.w, n, scratch.kept, e + t * n)


@leaf
def weights_back(g, weight, n, x, at, m, kept, e, steps):
    """Add to the gradients of m rows of n weights, whose factors are rows of m from x[at] on."""
    for r in range(m):
        add_rows(g, weight + r * n, n, kept, e, x, at + r, m, steps)


@leaf
def biases_back(g, bias, n, kept, e, steps):
    """Add to the gradients of n biases, if there are any."""
    if bias >= 0:
        for t in range(steps):
            add_row(g, bias, kept, e + t * n, n)
