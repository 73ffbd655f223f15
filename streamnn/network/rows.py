"""Sums over units and updates of rows of weights, sixteen units at a time."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, larger, largest, load, rsqrt, splat, store, total

f4 = np.float32


@leaf
def dot(u, i, v, k, n):
    """Inner product of u[i : i + n] and v[k : k + n]."""
    s = splat(f4(0.0))
    for j in range(0, n, LANES):
        s = s + load(u, i + j) * load(v, k + j)
    return total(s)


@leaf
def dots(w, i, rows, units, out, at):
    # inner product of each row of weights with the units' errors
    d, k, n = units.error, units.error_first, units.size
    for r in range(rows):
        s = splat(f4(0.0))
        for j in range(0, n, LANES):
            s = s + load(w, i + r * n + j) * load(d, k + j)
        out[at + r] = total(s)


@leaf
def rms_row(w, w2, i, x, d, k, n, pace):
    # one row of weights, step divided by each gradient's running root mean square
    b, tiny = splat(pace.kept), splat(f4(1e-8))
    x2, xs = splat(x * x * pace.share), splat(x * pace.step)
    for j in range(0, n, LANES):
        v = load(d, k + j)
        m = b * load(w2, i + j) + x2 * (v * v)
        store(w2, i + j, m)
        store(w, i + j, load(w, i + j) - xs * v * rsqrt(m + tiny))


@leaf
def plain_row(w, i, x, d, k, n):
    # one row of weights less x times d
    xs = splat(x)
    for j in range(0, n, LANES):
        store(w, i + j, load(w, i + j) - xs * load(d, k + j))


@leaf
def plain_rows(w, i, inputs, units):
    # rows of weights less input times error; a lane's norm stays in a register
    which, x, at, m = inputs.which, inputs.values, inputs.first, inputs.size
    d, i_d, norm, k, n = units.error, units.error_first, units.norm, units.first, units.size
    for j in range(0, n, LANES):
        v, q = load(d, i_d + j), load(norm, k + j)
        for r in range(m):
            p = i + which[r] * n + j
            u, old = splat(x[at + r]) * v, load(w, p)
            new = old - u
            store(w, p, new)
            q = q - u * (new + old)
        store(norm, k + j, q)


@leaf
def rms_rows(w, w2, i, inputs, units, pace):
    # the same with each weight's step divided by its gradient's running root mean square
    which, x, at, m = inputs.which, inputs.values, inputs.first, inputs.size
    d, i_d, norm, k, n = units.error, units.error_first, units.norm, units.first, units.size
    b, tiny = splat(pace.kept), splat(f4(1e-8))
    for j in range(0, n, LANES):
        v, q = load(d, i_d + j), load(norm, k + j)
        v2, v = splat(pace.share) * (v * v), splat(pace.step) * v
        for r in range(m):
            p, xs = i + which[r] * n + j, splat(x[at + r])
            s = b * load(w2, p) + xs * xs * v2
            store(w2, p, s)
            u, old = xs * v * rsqrt(s + tiny), load(w, p)
            new = old - u
            store(w, p, new)
            q = q - u * (new + old)
        store(norm, k + j, q)


@leaf
def cap_units(w, i, rows, units, cap, afresh):
    # units whose weights (a column of w) are longer than cap are scaled back
    norm, k, n = units.norm, units.first, units.size
    if afresh:
        for j in range(0, n, LANES):
            v = splat(f4(0.0))
            for r in range(rows):
                x = load(w, i + r * n + j)
                v = v + x * x
            store(norm, k + j, v)
    v = splat(f4(0.0))
    for j in range(0, n, LANES):
        v = larger(v, load(norm, k + j))
    if largest(v) <= cap * cap:
        return
    for j in range(n):
        if norm[k + j] > cap * cap:
            x = cap / np.sqrt(norm[k + j])
            for r in range(rows):
                w[i + r * n + j] *= x
            norm[k + j] = cap * cap


@leaf
def average(mean, w, rate):
    # running averages move towards the weights
    for i in range(len(w)):
        mean[i] += rate * (w[i] - mean[i])


@leaf
def moved(moment, k, v, b):
    moment[k] += b * (v * v - moment[k])
    return np.sqrt(moment[k])
