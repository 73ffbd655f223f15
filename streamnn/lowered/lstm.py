"""The way forward and back of an LSTM; see :mod:`streamnn.lowered.recurrent`."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .cells import biases_back, cell, inputs_back, put, sigmoids, tanhs, weights_back
from .products import add_inner, add_rows

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
            for j in range(n):
                kept[a + j] += w[c.c + j]
        add_rows(kept, a, n, w, c.w, z, c.x + t * c.inputs, 1, c.inputs)
        if t > 0:
            add_rows(kept, a, n, w, c.u, z, c.out + (t - 1) * h, 1, h)
        sigmoids(kept, a, 2 * h)
        tanhs(kept, a + 2 * h, h)
        sigmoids(kept, a + 3 * h, h)
        now, before = cells + t * h, cells + (t - 1) * h
        for j in range(h):
            v = kept[a + j] * kept[a + 2 * h + j]
            if t > 0:
                v += kept[a + h + j] * kept[before + j]
            kept[now + j] = v
            kept[bent + t * h + j] = v
        tanhs(kept, bent + t * h, h)
        for j in range(h):
            z[c.out + t * h + j] = kept[a + 3 * h + j] * kept[bent + t * h + j]


@leaf
def backward_lstm(i, plan, learnt, scratch):
    """Gates give way to their gradients."""
    c = cell(i, plan)
    h, n, d, kept = c.h, 4 * c.h, scratch.d, scratch.kept
    cells, bent = c.kept + c.steps * n, c.kept + c.steps * (n + h)
    dh = bent + c.steps * h  # of the hidden state, then of the cell
    dc = dh + h
    for j in range(2 * h):
        kept[dh + j] = f4(0.0)
    for t in range(c.steps - 1, -1, -1):
        a, b, before = c.kept + t * n, bent + t * h, cells + (t - 1) * h
        for j in range(h):
            v = kept[dh + j] + d[c.out + t * h + j]
            gi, gf, gc, go = kept[a + j], kept[a + h + j], kept[a + 2 * h + j], kept[a + 3 * h + j]
            s = kept[b + j]
            e = kept[dc + j] + v * go * (f4(1.0) - s * s)
            past = kept[before + j] if t > 0 else f4(0.0)
            kept[a + j] = e * gc * (gi * (f4(1.0) - gi))
            kept[a + h + j] = e * past * (gf * (f4(1.0) - gf))
            kept[a + 2 * h + j] = e * gi * (f4(1.0) - gc * gc)
            kept[a + 3 * h + j] = v * s * (go * (f4(1.0) - go))
            kept[dc + j] = e * gf
            kept[dh + j] = f4(0.0)
        if t > 0:
            add_inner(kept, dh, h, learnt.w, c.u, n, kept, a)
    inputs_back(c, n, learnt, scratch, c.kept)
    weights_back(scratch.g, c.w, n, scratch.z, c.x, c.inputs, kept, c.kept, c.steps)
    weights_back(scratch.g, c.u, n, scratch.z, c.out, h, kept, c.kept + n, c.steps - 1)
    biases_back(scratch.g, c.b, n, kept, c.kept, c.steps)
    biases_back(scratch.g, c.c, n, kept, c.kept, c.steps)
