"""The way of one sample forward and back through a plan, operation by operation."""

from __future__ import annotations

from .._kernels.jit import leaf
from .activations import backward_activation, forward_activation
from .codes import ACTIVATION, CODE, DROPOUT, GROUPING, LINEAR, NORMALISATION, SHUFFLE, SPLINE
from .dense import backward_linear, forward_linear
from .dropout import backward_dropout, forward_dropout
from .grouping import backward_grouping, forward_grouping
from .normalisation import backward_normalisation, forward_normalisation
from .shuffle import backward_shuffle, forward_shuffle
from .spline import backward_spline, forward_spline


@leaf(inline=True)
def forward(plan, learnt, scratch, training):
    """All values of the sample that was written to the plan's input. `training` is whether numbers are dropped."""
    for i in range(len(plan.ops)):
        code = plan.ops[i, CODE]
        if code == LINEAR:
            forward_linear(i, plan, learnt, scratch, training)
        elif code == ACTIVATION:
            forward_activation(i, plan, learnt, scratch, training)
        elif code == NORMALISATION:
            forward_normalisation(i, plan, learnt, scratch, training)
        elif code == DROPOUT:
            forward_dropout(i, plan, learnt, scratch, training)
        elif code == SPLINE:
            forward_spline(i, plan, learnt, scratch, training)
        elif code == SHUFFLE:
            forward_shuffle(i, plan, learnt, scratch, training)
        elif code == GROUPING:
            forward_grouping(i, plan, learnt, scratch, training)


@leaf(inline=True)
def backward(plan, learnt, scratch):
    """Gradients by all values and parameters, from those by the output; all others in `scratch.d` must be 0."""
    for back in range(len(plan.ops)):
        i = len(plan.ops) - 1 - back
        code = plan.ops[i, CODE]
        if code == LINEAR:
            backward_linear(i, plan, learnt, scratch)
        elif code == ACTIVATION:
            backward_activation(i, plan, learnt, scratch)
        elif code == NORMALISATION:
            backward_normalisation(i, plan, learnt, scratch)
        elif code == DROPOUT:
            backward_dropout(i, plan, learnt, scratch)
        elif code == SPLINE:
            backward_spline(i, plan, learnt, scratch)
        elif code == SHUFFLE:
            backward_shuffle(i, plan, learnt, scratch)
        elif code == GROUPING:
            backward_grouping(i, plan, learnt, scratch)
