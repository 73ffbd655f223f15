"""The way forward and back of a GRU; see :mod:`streamnn.lowered.recurrent`."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .cells import biases_back, cell, inputs_back, put, sigmoids, tanhs, weights_back
from .products import add_inner, add_rows

f4 = np.float32


@leaf
def forward_gru(i, plan, learnt, scratch, training):
    """Keeps gates (T, 3h), then hidden parts of all gates (T, 3h)."""
    c = cell(i, plan)
    h, n, w, z, kept = c.h, 3 * c.h, learnt.w, scratch.z, scratch.kept
    for t in range(c.steps):
        a = c.kept + t * n
        p = a + c.steps * n
        put(kept, a, w, c.b, n)
        put(kept, p, w, c.c, n)
        add_rows(kept, a, n, w, c.w, z, c.x + t * c.inputs, 1, c.inputs)
        now, before = c.out + t * h, c.out + (t - 1) * h
        if t > 0:
            add_rows(kept, p, n, w, c.u, z, before, 1, h)
        for j in range(2 * h):
            kept[a + j] += kept[p + j]
        sigmoids(kept, a, 2 * h)
        for j in range(h):
            kept[a + 2 * h + j] += kept[a + j] * kept[p + 2 * h + j]
        tanhs(kept, a + 2 * h, h)
        for j in range(h):
            u, v = kept[a + h + j], kept[a + 2 * h + j]
            past = z[before + j] if t > 0 else f4(0.0)
            z[now + j] = v + u * (past - v)


@leaf
def backward_gru(i, plan, learnt, scratch):
    """Gates and hidden parts give way to their gradients."""
    c = cell(i, plan)
    h, n, d, z, kept = c.h, 3 * c.h, scratch.d, scratch.z, scratch.kept
    hidden = c.kept + c.steps * n
    dh = hidden + c.steps * n
    for j in range(h):
        kept[dh + j] = f4(0.0)
    for t in range(c.steps - 1, -1, -1):
        a, p, before = c.kept + t * n, hidden + t * n, c.out + (t - 1) * h
        for j in range(h):
            v = kept[dh + j] + d[c.out + t * h + j]
            reset, update, new = kept[a + j], kept[a + h + j], kept[a + 2 * h + j]
            past = z[before + j] if t > 0 else f4(0.0)
            e = v * (f4(1.0) - update) * (f4(1.0) - new * new)
            er = e * kept[p + 2 * h + j] * (reset * (f4(1.0) - reset))
            eu = v * (past - new) * (update * (f4(1.0) - update))
            kept[a + j], kept[a + h + j], kept[a + 2 * h + j] = er, eu, e
            kept[p + j], kept[p + h + j], kept[p + 2 * h + j] = er, eu, e * reset
            kept[dh + j] = v * update
        if t > 0:
            add_inner(kept, dh, h, learnt.w, c.u, n, kept, p)
    inputs_back(c, n, learnt, scratch, c.kept)
    weights_back(scratch.g, c.w, n, z, c.x, c.inputs, kept, c.kept, c.steps)
    weights_back(scratch.g, c.u, n, z, c.out, h, kept, hidden + n, c.steps - 1)
    biases_back(scratch.g, c.b, n, kept, c.kept, c.steps)
    biases_back(scratch.g, c.c, n, kept, hidden, c.steps)
