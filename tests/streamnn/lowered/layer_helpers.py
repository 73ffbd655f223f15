"""Runs of a single plan without optimiser or loss, and gradients by differences."""

from __future__ import annotations

import numpy as np

from streamnn._kernels.jit import kernel
from streamnn.lowered import codes
from streamnn.lowered.arrays import COUNTS, Learnt, Scratch
from streamnn.lowered.convolving import backward_convolution, forward_convolution
from streamnn.lowered.gru import backward_gru, forward_gru
from streamnn.lowered.lstm import backward_lstm, forward_lstm
from streamnn.lowered.moving import (
    backward_add,
    backward_copy,
    backward_gather,
    backward_multiply,
    forward_add,
    forward_copy,
    forward_gather,
    forward_multiply,
)
from streamnn.lowered.plan import PlanArrays
from streamnn.lowered.pooling import backward_pool, forward_pool
from streamnn.lowered.rnn import backward_rnn, forward_rnn

f4 = np.float32
CODE = codes.CODE
CONVOLUTION, POOL, LSTM, GRU, RNN = codes.CONVOLUTION, codes.POOL, codes.LSTM, codes.GRU, codes.RNN
ADD, COPY, GATHER, MULTIPLY = codes.ADD, codes.COPY, codes.GATHER, codes.MULTIPLY


@kernel
def _run(plan: PlanArrays, learnt: Learnt, scratch: Scratch, back, training, times):
    n = len(plan.ops)
    for _ in range(times):
        for i in range(n):
            c = plan.ops[i, CODE]
            if c == CONVOLUTION:
                forward_convolution(i, plan, learnt, scratch, training)
            elif c == POOL:
                forward_pool(i, plan, learnt, scratch, training)
            elif c == LSTM:
                forward_lstm(i, plan, learnt, scratch, training)
            elif c == GRU:
                forward_gru(i, plan, learnt, scratch, training)
            elif c == RNN:
                forward_rnn(i, plan, learnt, scratch, training)
            elif c == ADD:
                forward_add(i, plan, learnt, scratch, training)
            elif c == MULTIPLY:
                forward_multiply(i, plan, learnt, scratch, training)
            elif c == COPY:
                forward_copy(i, plan, learnt, scratch, training)
            elif c == GATHER:
                forward_gather(i, plan, learnt, scratch, training)
        if back:
            for r in range(n):
                i = n - 1 - r
                c = plan.ops[i, CODE]
                if c == CONVOLUTION:
                    backward_convolution(i, plan, learnt, scratch)
                elif c == POOL:
                    backward_pool(i, plan, learnt, scratch)
                elif c == LSTM:
                    backward_lstm(i, plan, learnt, scratch)
                elif c == GRU:
                    backward_gru(i, plan, learnt, scratch)
                elif c == RNN:
                    backward_rnn(i, plan, learnt, scratch)
                elif c == ADD:
                    backward_add(i, plan, learnt, scratch)
                elif c == MULTIPLY:
                    backward_multiply(i, plan, learnt, scratch)
                elif c == COPY:
                    backward_copy(i, plan, learnt, scratch)
                elif c == GATHER:
                    backward_gather(i, plan, learnt, scratch)


def _arrays(plan, weights):
    none = np.zeros(0, f4)
    learnt = Learnt(
        weights, none, none, none, none, np.zeros(0, np.int64), np.zeros(COUNTS, np.int64)
    )
    junk = np.full(plan.kept, np.nan, f4)  # nothing may depend on what lies in the scratch
    scratch = Scratch(np.zeros(plan.values, f4), np.zeros(plan.values, f4), np.zeros(len(weights), f4), junk)
    return learnt, scratch


def outputs(plan, weights, x):
    learnt, scratch = _arrays(plan, weights)
    scratch.z[plan.input.at : plan.input.at + plan.input.size] = x.ravel()
    _run(plan.arrays, learnt, scratch, False, False, 1)
    return scratch.z[plan.output.at : plan.output.at + plan.output.size].reshape(plan.output.shape)


def gradients(plan, weights, x, d_output):
    """(gradient of the input, gradient of the weights by name)"""
    learnt, scratch = _arrays(plan, weights)
    scratch.z[plan.input.at : plan.input.at + plan.input.size] = x.ravel()
    scratch.d[plan.output.at : plan.output.at + plan.output.size] = d_output.ravel()
    _run(plan.arrays, learnt, scratch, True, True, 1)
    d = scratch.d[plan.input.at : plan.input.at + plan.input.size].reshape(plan.input.shape)
    return d, plan.named(scratch.g)
