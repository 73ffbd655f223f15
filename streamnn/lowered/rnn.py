"""The way forward and back of a plain recurrent layer; see :mod:`streamnn.lowered.recurrent`."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .cells import biases_back, cell, inputs_back, put, tanhs, weights_back
from .codes import A5
from .products import add_inner, add_row, add_rows, clear

f4 = np.float32


@leaf
def forward_rnn(i, plan, learnt, scratch, training):
    """Keeps nothing on its way forward."""
    c = cell(i, plan)
    h, w, z = c.h, learnt.w, scratch.z
    for t in range(c.steps):
        now = c.out + t * h
        put(z, now, w, c.b, h)
        if c.c >= 0:
            add_row(z, now, w, c.c, h)
        add_rows(z, now, h, w, c.w, z, c.x + t * c.inputs, 1, c.inputs)
        if t > 0:
            add_rows(z, now, h, w, c.u, z, now - h, 1, h)
        if plan.ops[i, A5] == 0:
            tanhs(z, now, h)
        else:
            for j in range(now, now + h):
                z[j] = max(z[j], f4(0.0))


@leaf
def backward_rnn(i, plan, learnt, scratch):
    """Keeps the gradients of what goes into the units, (T, h), and of the hidden state."""
    c = cell(i, plan)
    h, d, z, kept = c.h, scratch.d, scratch.z, scratch.kept
    dh = c.kept + c.steps * h
    clear(kept, dh, h)
    for t in range(c.steps - 1, -1, -1):
        a, o = c.kept + t * h, c.out + t * h
        for j in range(h):
            s = z[o + j]
            slope = f4(1.0) - s * s
            if plan.ops[i, A5] != 0:
                slope = f4(1.0) if s > f4(0.0) else f4(0.0)
            kept[a + j] = (kept[dh + j] + d[o + j]) * slope
            kept[dh + j] = f4(0.0)
        if t > 0:
            add_inner(kept, dh, h, learnt.w, c.u, h, kept, a)
    inputs_back(c, h, learnt, scratch, c.kept)
    weights_back(scratch.g, c.w, h, z, c.x, c.inputs, kept, c.kept, c.steps)
    weights_back(scratch.g, c.u, h, z, c.out, h, kept, c.kept + h, c.steps - 1)
    biases_back(scratch.g, c.b, h, kept, c.kept, c.steps)
    biases_back(scratch.g, c.c, h, kept, c.kept, c.steps)
