"""Products of small matrices with vectors, sixteen numbers at a time; every sum keeps its order.

Matrices are flat and row-major. Their rows have any length: what does not fill sixteen lanes is worked out with the
lanes before it once more, from what was there at first, so that both give the same bits.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, splat, store, total

f4 = np.float32


@leaf
def inner(u, i, v, k, n):
    """Inner product of u[i : i + n] and v[k : k + n]."""
    whole = n - n % LANES
    s = splat(f4(0.0))
    for j in range(0, whole, LANES):
        s = s + load(u, i + j) * load(v, k + j)
    t = total(s)
    for j in range(whole, n):
        t += u[i + j] * v[k + j]
    return t


@leaf
def add_rows(out, at, n, rows, i, x, k, step, m):
    """Add to out[at : at + n] the m rows of n from rows[i] on, times x[k], x[k + step], ...; out is not rows or x there."""
    if n < LANES:
        for r in range(m):
            s, p = x[k + r * step], i + r * n
            for j in range(n):
                out[at + j] += s * rows[p + j]
        return
    last = n - LANES
    before = load(out, at + last)
    j = 0
    while j + 4 * LANES <= n:  # four sums at a time, each in its order
        o = at + j
        v0, v1 = load(out, o), load(out, o + LANES)
        v2, v3 = load(out, o + 2 * LANES), load(out, o + 3 * LANES)
        for r in range(m):
            s, p = splat(x[k + r * step]), i + r * n + j
            v0 = v0 + s * load(rows, p)
            v1 = v1 + s * load(rows, p + LANES)
            v2 = v2 + s * load(rows, p + 2 * LANES)
            v3 = v3 + s * load(rows, p + 3 * LANES)
        store(out, o, v0)
        store(out, o + LANES, v1)
        store(out, o + 2 * LANES, v2)
        store(out, o + 3 * LANES, v3)
        j += 4 * LANES
    while j < n:
        v = load(out, at + j)
        if j > last:
            j, v = last, before
        for r in range(m):
            v = v + splat(x[k + r * step]) * load(rows, i + r * n + j)
        store(out, at + j, v)
        j += LANES


@leaf
def add_inner(out, at, m, rows, i, n, d, k):
    """Add to each of out[at : at + m] the inner product of a row of n, from rows[i] on, with d[k : k + n]."""
    for r in range(m):
        out[at + r] += inner(rows, i + r * n, d, k, n)
