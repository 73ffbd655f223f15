"""The way forward through a network: from a row of the store to its outputs."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import softmax
from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, splat, store
from .arrays import (
    B_A,
    B_Z,
    CLASSIFY,
    N_ACT,
    N_FROM,
    N_IDS,
    N_IN,
    N_KNOTS,
    N_LAYERS,
    N_TASK,
    N_UNITS,
    Activations,
)
from .rows import dot
from .spline import activate

f4 = np.float32


@leaf(inline=True)
def gather(s, rows, settings, scratch):
    """Inputs of row `s` of the store that are not 0, and their places, into the scratch; returns how many there are."""
    n, nz, x = settings.n, scratch.nz, scratch.xs
    at, m = n[N_FROM], 0
    for i in range(n[N_IN]):  # rows are sparse: one-hot history, columns not seen yet
        v = rows[s, at + i]
        nz[m], x[m] = i, v
        m += 1 if v != f4(0.0) else 0
    return m


@leaf(inline=True)
def forward(s, ids, m, settings, w, scratch):
    """Outputs of row `s`, whose `m` inputs have been gathered, into the scratch."""
    first, table, hidden, bias = w.first, w.table, w.hidden, w.bias
    n, sizes, b = settings.n, settings.sizes, scratch.b
    nz, x, o = scratch.nz, scratch.xs, scratch.o
    H, U = sizes[0], n[N_UNITS]
    z, a = B_Z * U, B_A * U
    activations = Activations(n[N_ACT], n[N_KNOTS], U, w.knots, w.grid)
    k = 0
    if n[N_IDS]:
        while k < ids.shape[1] and ids[s, k] >= 0:
            k += 1
    four = H - H % (4 * LANES)
    for j in range(0, four, 4 * LANES):  # four sums at a time, each in its order
        v0, v1, v2, v3 = (
            load(bias, j),
            load(bias, j + LANES),
            load(bias, j + 2 * LANES),
            load(bias, j + 3 * LANES),
        )
        for q in range(m):
            i, u = nz[q] * H + j, splat(x[q])
            v0 = v0 + u * load(first, i)
            v1 = v1 + u * load(first, i + LANES)
            v2 = v2 + u * load(first, i + 2 * LANES)
            v3 = v3 + u * load(first, i + 3 * LANES)
        for q in range(k):
            i = ids[s, q] * H + j
            v0, v1 = v0 + load(table, i), v1 + load(table, i + LANES)
            v2, v3 = v2 + load(table, i + 2 * LANES), v3 + load(table, i + 3 * LANES)
        store(b, a + j, v0)
        store(b, a + j + LANES, v1)
        store(b, a + j + 2 * LANES, v2)
        store(b, a + j + 3 * LANES, v3)
    for j in range(four, H, LANES):
        v = load(bias, j)
        for q in range(m):
            v = v + splat(x[q]) * load(first, nz[q] * H + j)
        for q in range(k):
            v = v + load(table, ids[s, q] * H + j)
        store(b, a + j, v)
    activate(0, H, activations, b, scratch.knot)
    below, here, at = 0, H, 0
    for l in range(1, n[N_LAYERS]):
        G = sizes[l]
        for j in range(0, G - LANES, 2 * LANES):  # two sums at a time, each in its order
            v, u = load(bias, here + j), load(bias, here + j + LANES)
            for i in range(H):
                c, k = splat(b[z + below + i]), at + i * G + j
                v = v + c * load(hidden, k)
                u = u + c * load(hidden, k + LANES)
            store(b, a + here + j, v)
            store(b, a + here + j + LANES, u)
        if G % (2 * LANES):
            v = load(bias, here + G - LANES)
            for i in range(H):
                v = v + splat(b[z + below + i]) * load(hidden, at + i * G + G - LANES)
            store(b, a + here + G - LANES, v)
        activate(here, G, activations, b, scratch.knot)
        at += H * G
        below, here, H = here, here + G, G
    C = len(w.out_bias)
    for c in range(C):
        o[c] = dot(w.out, c * H, b, z + below, H) + w.out_bias[c]
    if n[N_TASK] == CLASSIFY:
        softmax(o)
