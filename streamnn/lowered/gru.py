"""The way forward and back of a GRU; see :mod:`streamnn.lowered.recurrent`."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load_first, splat, store_first
from .cells import biases_back, cell, inputs_back, put, sigmoids, tanhs, weights_back
from .products import add_inner, add_row, add_rows, clear

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
        now = c.out + t * h
        if t > 0:
            add_rows(kept, p, n, w, c.u, z, now - h, 1, h)
        add_row(kept, a, kept, p, 2 * h)
        sigmoids(kept, a, 2 * h)
        for j in range(0, h, LANES):
            m, k = min(LANES, h - j), a + 2 * h + j
            v = load_first(kept, a + j, m) * load_first(kept, p + 2 * h + j, m)
            store_first(kept, k, m, load_first(kept, k, m) + v)
        tanhs(kept, a + 2 * h, h)
        for j in range(0, h, LANES):
            m, k = min(LANES, h - j), a + j
            u, v = load_first(kept, k + h, m), load_first(kept, k + 2 * h, m)
            past = splat(f4(0.0))
            if t > 0:
                past = load_first(z, now - h + j, m)
            store_first(z, now + j, m, v + u * (past - v))


@leaf
def backward_gru(i, plan, learnt, scratch):
    """Gates and hidden parts give way to their gradients."""
    c = cell(i, plan)
    h, n, d, z, kept = c.h, 3 * c.h, scratch.d, scratch.z, scratch.kept
    hidden = c.kept + c.steps * n
    dh = hidden + c.steps * n
    clear(kept, dh, h)
    one = splat(f4(1.0))
    for t in range(c.steps - 1, -1, -1):
        a, p, o = c.kept + t * n, hidden + t * n, c.out + t * h
        for j in range(0, h, LANES):
            m, k, q = min(LANES, h - j), a + j, p + j
            reset, update, new = (
                load_first(kept, k, m),
                load_first(kept, k + h, m),
                load_first(kept, k + 2 * h, m),
            )
            v = load_first(kept, dh + j, m) + load_first(d, o + j, m)
            past = splat(f4(0.0))
            if t > 0:
                past = load_first(z, o - h + j, m)
            e = v * (one - update) * (one - new * new)
            er = e * load_first(kept, q + 2 * h, m) * (reset * (one - reset))
            eu = v * (past - new) * (update * (one - update))
            store_first(kept, k, m, er)
            store_first(kept, k + h, m, eu)
            store_first(kept, k + 2 * h, m, e)
            store_first(kept, q, m, er)
            store_first(kept, q + h, m, eu)
            store_first(kept, q + 2 * h, m, e * reset)
            store_first(kept, dh + j, m, v * update)
        if t > 0:
            add_inner(kept, dh, h, learnt.w, c.u, n, kept, p)
    inputs_back(c, n, learnt, scratch, c.kept)
    weights_back(scratch.g, c.w, n, z, c.x, c.inputs, kept, c.kept, c.steps)
    weights_back(scratch.g, c.u, n, z, c.out, h, kept, hidden + n, c.steps - 1)
    biases_back(scratch.g, c.b, n, kept, c.kept, c.steps)
    biases_back(scratch.g, c.c, n, kept, hidden, c.steps)
