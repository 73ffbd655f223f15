"""Linear splines on 21 knots: value and slope of every unit, and the update of two knots inside the slope budget."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import leaf_options
from .._simd import LANES, larger, load, shorten, smaller, splat, store, store_whole, whole
from .arrays import KNOTS, RELU, STEP, TIGHT

f4, u8 = np.float32, np.uint64


@njit(**leaf_options)
def activate(act, o, H, a, z, slope, fr, knot, low, high, c):
    zero = splat(f4(0.0))
    if act == RELU:
        for j in range(o, o + H):
            m = f4(1.0) if a[j] > f4(0.0) else f4(0.01)
            z[j] = a[j] * m
            slope[j] = m
        return
    per_step, ten, last = splat(f4(2.5)), splat(f4(10.0)), splat(f4(19.5))
    for j in range(o, o + H, LANES):
        u = load(a, j) * per_step + ten
        v = smaller(larger(u, zero), last)  # outside the grid the first and last piece go on
        store_whole(knot, j, v)
        store(fr, j, u - whole(v))
    for j in range(u8(o), u8(o + H)):
        at = j * u8(KNOTS) + u8(knot[j])
        low[j] = c[at]
        high[j] = c[at + u8(1)]
    for j in range(o, o + H, LANES):
        v = load(low, j)
        d = load(high, j) - v
        store(z, j, v + load(fr, j) * d)
        store(slope, j, d * per_step)


@njit(**leaf_options)
def spline_step(o, H, dz, fr, knot, low, high, below, above, c, step, limit):
    # Two knots of each unit move; a move that would break the slope limit is shortened to the part that keeps it.
    # Steps of a unit's outer pieces are set to 0 where there is no such piece, so that it binds nothing.
    for j in range(u8(o), u8(o + H)):
        at = j * u8(KNOTS) + u8(knot[j])
        below[j] = c[at - u8(1)] if knot[j] > 0 else low[j]
        above[j] = c[at + u8(2)] if knot[j] < 19 else high[j]
    T = splat(STEP * limit * TIGHT)
    one, neg, two, s = splat(f4(1.0)), splat(f4(-1.0)), splat(f4(2.0)), splat(-step)
    for j in range(o, o + H, LANES):
        f = smaller(larger(load(fr, j), neg), two)
        g = s * load(dz, j)
        u0, u1 = g * (one - f), g * f
        lo, hi = load(low, j), load(high, j)
        if limit > f4(0.0):
            t = shorten(one, hi - lo, u1 - u0, T)
            t = shorten(t, lo - load(below, j), u0, T)
            t = shorten(t, load(above, j) - hi, neg * u1, T)
            u0, u1 = t * u0, t * u1
        store(low, j, lo + u0)
        store(high, j, hi + u1)
    for j in range(u8(o), u8(o + H)):
        at = j * u8(KNOTS) + u8(knot[j])
        c[at] = low[j]
        c[at + u8(1)] = high[j]
