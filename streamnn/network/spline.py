"""Activations of sixteen units at a time: their values, slopes and updates inside the slope budget."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import (
    LANES,
    larger,
    load,
    shorten,
    smaller,
    splat,
    store,
    store_whole,
    where_positive,
    whole,
)
from . import arrays as k

f4, i4, u8 = np.float32, np.int32, np.uint64


@leaf
def activate(o, H, activations, b, knot):
    # units o .. o + H - 1; the grid are pieces on a length of 1, lengths of pieces, offsets
    act, K, U, c, grid = activations
    zero = splat(f4(0.0))
    if act != k.SPLINE:
        one = splat(f4(1.0))
        for j in range(o, o + H, LANES):
            v = load(b, k.B_A * U + j)
            s = where_positive(v, one, load(c, j))
            store(b, k.B_SLOPE * U + j, s)
            store(b, k.B_Z * U + j, v * s)
        return
    last = splat(f4(K) - f4(1.5))
    for j in range(o, o + H, LANES):
        u = load(b, k.B_A * U + j) * load(grid, j) + load(grid, 2 * U + j)
        v = whole(smaller(larger(u, zero), last))  # outside the grid the first and last piece go on
        store(b, k.B_PLACE * U + j, v)
        store(b, k.B_FR * U + j, u - v)
        store_whole(knot, j, v + load(b, k.B_BASE * U + j))
    low, high = u8(k.B_LOW * U), u8(k.B_HIGH * U)
    for j in range(u8(o), u8(o + H)):
        at = u8(knot[j])
        b[low + j] = c[at]
        b[high + j] = c[at + u8(1)]
    for j in range(o, o + H, LANES):
        v = load(b, k.B_LOW * U + j)
        d = load(b, k.B_HIGH * U + j) - v
        store(b, k.B_Z * U + j, v + load(b, k.B_FR * U + j) * d)
        store(b, k.B_SLOPE * U + j, d * load(grid, j))


@leaf
def prelu_step(o, H, activations, b, step, limit):
    # the slope below 0 of each unit moves, and stays within the limit
    U, c = activations.U, activations.knots
    zero, s = splat(f4(0.0)), splat(step)
    most = splat(limit * k.TIGHT)
    for j in range(o, o + H, LANES):
        v = load(c, j) - s * load(b, k.B_DZ * U + j) * smaller(load(b, k.B_A * U + j), zero)
        if limit > f4(0.0):
            v = smaller(larger(v, zero - most), most)
        store(c, j, v)


@leaf
def spline_step(o, H, activations, b, knot, step, limit):
    # Two knots of each unit move; a move that would break the slope limit is shortened to the part that keeps it.
    # Where there is no outer piece its step is set to 0, so that it binds nothing.
    _, K, U, c, grid = activations
    end = i4(len(c) - 1)
    low, high, below, above = u8(k.B_LOW * U), u8(k.B_HIGH * U), u8(k.B_BELOW * U), u8(k.B_ABOVE * U)
    for j in range(u8(o), u8(o + H)):
        at = knot[j]
        b[below + j] = c[u8(max(at - i4(1), i4(0)))]
        b[above + j] = c[u8(min(at + i4(2), end))]
    most, last = splat(limit * k.TIGHT), splat(f4(K - 2))
    one, neg, two, s = splat(f4(1.0)), splat(f4(-1.0)), splat(f4(2.0)), splat(-step)
    for j in range(o, o + H, LANES):
        f = smaller(larger(load(b, k.B_FR * U + j), neg), two)
        g = s * load(b, k.B_DZ * U + j)
        u0, u1 = g * (one - f), g * f
        lo, hi = load(b, k.B_LOW * U + j), load(b, k.B_HIGH * U + j)
        if limit > f4(0.0):
            T = most * load(grid, U + j)
            t = shorten(one, hi - lo, u1 - u0, T)
            at = load(b, k.B_PLACE * U + j)
            t = shorten(t, lo - where_positive(at, load(b, k.B_BELOW * U + j), lo), u0, T)
            t = shorten(t, where_positive(last - at, load(b, k.B_ABOVE * U + j), hi) - hi, neg * u1, T)
            u0, u1 = t * u0, t * u1
        store(b, k.B_LOW * U + j, lo + u0)
        store(b, k.B_HIGH * U + j, hi + u1)
    for j in range(u8(o), u8(o + H)):
        at = u8(knot[j])
        c[at] = b[low + j]
        c[at + u8(1)] = b[high + j]
