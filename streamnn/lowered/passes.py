"""The way of one sample forward and back through a plan, operation by operation."""

from __future__ import annotations

from .._kernels.jit import leaf
from .activations import backward_activation, forward_activation
from .codes import (
    ACTIVATION,
    ADD,
    CODE,
    CONVOLUTION,
    COPY,
    DROPOUT,
    GATHER,
    GROUPING,
    GRU,
    LINEAR,
    LSTM,
    MULTIPLY,
    NORMALISATION,
    POOLING,
    RNN,
    SHUFFLE,
    SPLINES,
)
from .convolving import backward_convolution, forward_convolution
from .dense import backward_linear, forward_linear
from .dropout import backward_dropout, forward_dropout
from .grouping import backward_grouping, forward_grouping
from .gru import backward_gru, forward_gru
from .lstm import backward_lstm, forward_lstm
from .moving import (
    backward_add,
    backward_copy,
    backward_gather,
    backward_multiply,
    forward_add,
    forward_copy,
    forward_gather,
    forward_multiply,
)
from .normalisation import backward_normalisation, forward_normalisation
from .pooling import backward_pool, forward_pool
from .rnn import backward_rnn, forward_rnn
from .shuffle import backward_shuffle, forward_shuffle
from .spline import backward_spline, forward_spline


@leaf
def forward(plan, learnt, scratch, training):
    """All values of the sample that was written to the plan's input. `training` is whether numbers are dropped."""
    for i in range(len(plan.ops)):
        code = plan.ops[i, CODE]
        if code == LINEAR:
            forward_linear(i, plan, learnt, scratch, training)
        elif code == ACTIVATION:
            forward_activation(i, plan, learnt, scratch, training)
        elif code == CONVOLUTION:
            forward_convolution(i, plan, learnt, scratch, training)
        elif code == POOLING:
            forward_pool(i, plan, learnt, scratch, training)
        elif code == LSTM:
            forward_lstm(i, plan, learnt, scratch, training)
        elif code == GRU:
            forward_gru(i, plan, learnt, scratch, training)
        elif code == RNN:
            forward_rnn(i, plan, learnt, scratch, training)
        elif code == ADD:
            forward_add(i, plan, learnt, scratch, training)
        elif code == MULTIPLY:
            forward_multiply(i, plan, learnt, scratch, training)
        elif code == COPY:
            forward_copy(i, plan, learnt, scratch, training)
        elif code == GATHER:
            forward_gather(i, plan, learnt, scratch, training)
        elif code == NORMALISATION:
            forward_normalisation(i, plan, learnt, scratch, training)
        elif code == DROPOUT:
            forward_dropout(i, plan, learnt, scratch, training)
        elif code == SPLINES:
            forward_spline(i, plan, learnt, scratch, training)
        elif code == SHUFFLE:
            forward_shuffle(i, plan, learnt, scratch, training)
        elif code == GROUPING:
            forward_grouping(i, plan, learnt, scratch, training)


@leaf
def backward(plan, learnt, scratch):
    """Gradients by all values and parameters, from those by the output; all others in `scratch.d` must be 0."""
    for back in range(len(plan.ops)):
        i = len(plan.ops) - 1 - back
        code = plan.ops[i, CODE]
        if code == LINEAR:
            backward_linear(i, plan, learnt, scratch)
        elif code == ACTIVATION:
            backward_activation(i, plan, learnt, scratch)
        elif code == CONVOLUTION:
            backward_convolution(i, plan, learnt, scratch)
        elif code == POOLING:
            backward_pool(i, plan, learnt, scratch)
        elif code == LSTM:
            backward_lstm(i, plan, learnt, scratch)
        elif code == GRU:
            backward_gru(i, plan, learnt, scratch)
        elif code == RNN:
            backward_rnn(i, plan, learnt, scratch)
        elif code == ADD:
            backward_add(i, plan, learnt, scratch)
        elif code == MULTIPLY:
            backward_multiply(i, plan, learnt, scratch)
        elif code == COPY:
            backward_copy(i, plan, learnt, scratch)
        elif code == GATHER:
            backward_gather(i, plan, learnt, scratch)
        elif code == NORMALISATION:
            backward_normalisation(i, plan, learnt, scratch)
        elif code == DROPOUT:
            backward_dropout(i, plan, learnt, scratch)
        elif code == SPLINES:
            backward_spline(i, plan, learnt, scratch)
        elif code == SHUFFLE:
            backward_shuffle(i, plan, learnt, scratch)
        elif code == GROUPING:
            backward_grouping(i, plan, learnt, scratch)
