"""The way forward and back of an LSTM; see :mod:`streamnn.lowered.recurrent`."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load_first, splat, store_first
from .cells import biases_back, cell, inputs_back, put, sigmoids, tanhs, weights_back
from .products import add_inner, add_row, add_rows, clear

f4 = np.float32


@leaf
def forward_lstm(i, plan, learnt, scratch, training):
    """Keeps gates (T, 4h), cells (T, h) and their tanh (T, h)."""
    c = cell(i, plan)
    h, n, w, z, kept = c.h, 4 * c.h, learnt.w, scratch.z, scratch.kept
    cells, bent = c.kept + c.steps * n, c.kept + c.steps * (n + h)
    for t in range(c.steps):
        a = c.kept + t * n
        put(kept, a, w, c.b, n)
        if c.c >= 0:
            add_row(kept, a, w, c.c, n)
        add_rows(kept, a, n, w, c.w, z, c.x + t * c.inputs, 1, c.inputs)
        if t > 0:
            add_rows(kept, a, n, w, c.u, z, c.out + (t - 1) * h, 1, h)
        sigmoids(kept, a, 2 * h)
        tanhs(kept, a + 2 * h, h)
        sigmoids(kept, a + 3 * h, h)
        now, b, o = cells + t * h, bent + t * h, c.out + t * h
        for j in range(0, h, LANES):
            m, k = min(LANES, h - j), a + j
            v = load_first(kept, k, m) * load_first(kept, k + 2 * h, m)
            if t > 0:
                v = v + load_first(kept, k + h, m) * load_first(kept, now - h + j, m)
            store_first(kept, now + j, m, v)
            store_first(kept, b + j, m, v)
        tanhs(kept, b, h)
        for j in range(0, h, LANES):
            m = min(LANES, h - j)
            store_first(z, o + j, m, load_first(kept, a + 3 * h + j, m) * load_first(kept, b + j, m))


@leaf
def backward_lstm(i, plan, learnt, scratch):
    """Gates give way to their gradients."""
    c = cell(i, plan)
    h, n, d, kept = c.h, 4 * c.h, scratch.d, scratch.kept
    cells, bent = c.kept + c.steps * n, c.kept + c.steps * (n + h)
    dh = bent + c.steps * h  # of the hidden state, then of the cell
    clear(kept, dh, 2 * h)
    one = splat(f4(1.0))
    for t in range(c.steps - 1, -1, -1):
        a = c.kept + t * n
        for j in range(0, h, LANES):
            m, k, u = min(LANES, h - j), a + j, dh + j
            gi, gf = load_first(kept, k, m), load_first(kept, k + h, m)
            gc, go = load_first(kept, k + 2 * h, m), load_first(kept, k + 3 * h, m)
            v = load_first(kept, u, m) + load_first(d, c.out + t * h + j, m)
            s = load_first(kept, bent + t * h + j, m)
            e = load_first(kept, u + h, m) + v * go * (one - s * s)
            past = splat(f4(0.0))
            if t > 0:
                past = load_first(kept, cells + (t - 1) * h + j, m)
            store_first(kept, k, m, e * gc * (gi * (one - gi)))
            store_first(kept, k + h, m, e * past * (gf * (one - gf)))
            store_first(kept, k + 2 * h, m, e * gi * (one - gc * gc))
            store_first(kept, k + 3 * h, m, v * s * (go * (one - go)))
            store_first(kept, u, m, splat(f4(0.0)))
            store_first(kept, u + h, m, e * gf)
        if t > 0:
            add_inner(kept, dh, h, learnt.w, c.u, n, kept, a)
    inputs_back(c, n, learnt, scratch, c.kept)
    weights_back(scratch.g, c.w, n, scratch.z, c.x, c.inputs, kept, c.kept, c.steps)
    weights_back(scratch.g, c.u, n, scratch.z, c.out, h, kept, c.kept + n, c.steps - 1)
    biases_back(scratch.g, c.b, n, kept, c.kept, c.steps)
    biases_back(scratch.g, c.c, n, kept, c.kept, c.steps)
