"""Rows of numbers, and products of small matrices with them, sixteen numbers at a time; every sum keeps its order.

Matrices are flat and row-major; rows have any length, and what is written to does not overlap what is read.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, load_first, splat, store, store_first, total

f4 = np.float32


@leaf
def clear(out, at, n):
    """Set n numbers to 0."""
    whole, zero = n - n % LANES, splat(f4(0.0))
    for j in range(0, whole, LANES):
        store(out, at + j, zero)
    if whole < n:
        store_first(out, at + whole, n - whole, zero)


@leaf
def copy_row(out, at, x, k, n):
    """Set n numbers to those from x[k] on."""
    whole = n - n % LANES
    for j in range(0, whole, LANES):
        store(out, at + j, load(x, k + j))
    if whole < n:
        store_first(out, at + whole, n - whole, load_first(x, k + whole, n - whole))


@leaf
def add_row(out, at, x, k, n):
    """Add to n numbers those from x[k] on."""
    whole = n - n % LANES
    for j in range(0, whole, LANES):
        store(out, at + j, load(out, at + j) + load(x, k + j))
    if whole < n:
        j, m = at + whole, n - whole
        store_first(out, j, m, load_first(out, j, m) + load_first(x, k + whole, m))


@leaf
def add_product(out, at, x, k, y, q, n):
    """Add to n numbers those from x[k] on times those from y[q] on."""
    for j in range(0, n, LANES):
        m = min(LANES, n - j)
        v = load_first(x, k + j, m) * load_first(y, q + j, m)
        store_first(out, at + j, m, load_first(out, at + j, m) + v)


@leaf
def add_rows(out, at, n, rows, i, x, k, step, m):
    """Add to out[at : at + n] the m rows of n from rows[i] on, times x[k], x[k + step], ..."""
    four, whole = n - n % (4 * LANES), n - n % LANES
    for j in range(0, four, 4 * LANES):  # four sums at a time
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
    for j in range(four, whole, LANES):
        v = load(out, at + j)
        for r in range(m):
            v = v + splat(x[k + r * step]) * load(rows, i + r * n + j)
        store(out, at + j, v)
    if whole < n:
        c = n - whole
        v = load_first(out, at + whole, c)
        for r in range(m):
            v = v + splat(x[k + r * step]) * load_first(rows, i + r * n + whole, c)
        store_first(out, at + whole, c, v)


@leaf
def add_inner(out, at, m, rows, i, n, d, k):
    """Add to each of out[at : at + m] the inner product of a row of n, from rows[i] on, with d[k : k + n]."""
    whole = n - n % LANES
    for r in range(m):
        p, s = i + r * n, splat(f4(0.0))
        for j in range(0, whole, LANES):
            s = s + load(rows, p + j) * load(d, k + j)
        if whole < n:
            s = s + load_first(rows, p + whole, n - whole) * load_first(d, k + whole, n - whole)
        out[at + r] += total(s)
