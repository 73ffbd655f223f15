"""The way forward through a binarised network: from a row of the store to its outputs."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import softmax
from .._kernels.jit import leaf
from .._kernels.lane_bits import power_of_two
from .._kernels.lanes import LANES, load, over, root, splat, store, total, where_positive
from . import arrays as k

f4 = np.float32


@leaf(inline=True)
def gathered_inputs(s, rows, settings, scratch):
    """Inputs of row `s` of the store that are not 0, and their places, into the scratch; returns how many there are."""
    n, nz, x = settings.n, scratch.nz, scratch.xs
    at, m = n[k.SN_FROM], 0
    for i in range(n[k.SN_INPUTS]):
        v = rows[s, at + i]
        nz[m], x[m] = i, v
        m += 1 if v != f4(0.0) else 0
    return m


@leaf(inline=True)
def category_rows(s, ids, settings):
    """How many category rows feed row `s`."""
    found = 0
    if settings.n[k.SN_CATEGORIES]:
        while found < ids.shape[1] and ids[s, found] >= 0:
            found += 1
    return found


@leaf(inline=True)
def times(kind, w, x, minus_x, delta):
    """x times what a latent w stands for; `kind` must be a constant, so that one way is left when compiled."""
    if kind == k.REAL_WEIGHTS:
        return x * w
    if kind == k.SIGN_WEIGHTS:
        return where_positive(w, x, minus_x)
    zero = splat(f4(0.0))
    return where_positive(w - delta, x, where_positive(zero - w - delta, minus_x, zero))


@leaf(inline=True)
def _first_sums(kind, s, ids, m, categories, settings, latents, scratch):
    # sums of the first layer's units: four times sixteen at a time, each in the order of the inputs
    first, table = latents.first, latents.table
    b, nz, xs, H = scratch.b, scratch.nz, scratch.xs, settings.sizes[0]
    zero, one, minus, delta = splat(f4(0.0)), splat(f4(1.0)), splat(f4(-1.0)), splat(settings.h[k.P_DELTA])
    four = H - H % (4 * LANES)
    for j in range(0, four, 4 * LANES):
        v0, v1, v2, v3 = zero, zero, zero, zero
        for q in range(m):
            i, x, y = nz[q] * H + j, splat(xs[q]), splat(-xs[q])
            v0 = v0 + times(kind, load(first, i), x, y, delta)
            v1 = v1 + times(kind, load(first, i + LANES), x, y, delta)
            v2 = v2 + times(kind, load(first, i + 2 * LANES), x, y, delta)
            v3 = v3 + times(kind, load(first, i + 3 * LANES), x, y, delta)
        for q in range(categories):
            i = ids[s, q] * H + j
            v0 = v0 + times(kind, load(table, i), one, minus, delta)
            v1 = v1 + times(kind, load(table, i + LANES), one, minus, delta)
            v2 = v2 + times(kind, load(table, i + 2 * LANES), one, minus, delta)
            v3 = v3 + times(kind, load(table, i + 3 * LANES), one, minus, delta)
        store(b, j, v0)
        store(b, j + LANES, v1)
        store(b, j + 2 * LANES, v2)
        store(b, j + 3 * LANES, v3)
    for j in range(four, H, LANES):
        v = zero
        for q in range(m):
            v = v + times(kind, load(first, nz[q] * H + j), splat(xs[q]), splat(-xs[q]), delta)
        for q in range(categories):
            v = v + times(kind, load(table, ids[s, q] * H + j), one, minus, delta)
        store(b, j, v)


@leaf(inline=True)
def _hidden_sums(kind, at, G, H, below, here, hidden, b):
    # sums of a layer of H units above one of G, whose weights begin at `at`: twice sixteen at a time
    zero = splat(f4(0.0))
    for j in range(0, H - LANES, 2 * LANES):
        v, u = zero, zero
        for i in range(G):
            h = b[below + i]
            x, y, w = splat(h), splat(-h), at + i * H + j
            v = v + times(kind, load(hidden, w), x, y, zero)
            u = u + times(kind, load(hidden, w + LANES), x, y, zero)
        store(b, here + j, v)
        store(b, here + j + LANES, u)
    if H % (2 * LANES):
        v, j = zero, H - LANES
        for i in range(G):
            h = b[below + i]
            v = v + times(kind, load(hidden, at + i * H + j), splat(h), splat(-h), zero)
        store(b, here + j, v)


@leaf(inline=True)
def drawn(seed, event, unit):
    """A number in [0, 1) that depends on nothing but its arguments (SplitMix64)."""
    z = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(event)
    z = z * np.uint64(0x9E3779B97F4A7C15) + np.uint64(unit) * np.uint64(0xD6E8FEB86659FD93)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return f4(np.int64(z >> np.uint64(40))) * f4(2.0**-24)


@leaf(inline=True)
def _signs(here, H, draw, settings, latents, seen, b):
    # units [here, here + H): normalised sums, and their signs
    location, variance, bias = latents.location, latents.variance, latents.bias
    U, shift = settings.n[k.SN_UNITS], settings.n[k.SN_NORMALISATION] == k.BY_SHIFT
    one, minus, floor = splat(f4(1.0)), splat(f4(-1.0)), splat(k.SUM_VARIANCE_FLOOR)
    for j in range(here, here + H, LANES):
        factor = over(one, root(load(variance, j) + floor))
        if shift:
            factor = power_of_two(factor)
        u = (load(b, k.Q_SUM * U + j) - load(location, j)) * factor + load(bias, j)
        store(b, k.Q_FACTOR * U + j, factor)
        store(b, k.Q_NORMAL * U + j, u)
        store(b, k.Q_SIGN * U + j, where_positive(u, one, minus) * load(b, k.Q_LIVE * U + j))
    if draw:
        for j in range(here, here + H):
            chance = (b[k.Q_NORMAL * U + j] + f4(1.0)) * f4(0.5)
            sign = f4(1.0) if drawn(seen[0], seen[1], j) < chance else f4(-1.0)
            b[k.Q_SIGN * U + j] = sign * b[k.Q_LIVE * U + j]


@leaf(inline=True)
def forward_signs(s, ids, m, draw, settings, latents, seen, scratch):
    """Outputs of row `s`, whose `m` inputs have been gathered, into the scratch; `draw`: units are stochastic.

    `seen`: see :class:`streamnn.binary.arrays.Memory`, ``drawn``.
    """
    n, sizes, b, o = settings.n, settings.sizes, scratch.b, scratch.o
    U, H = n[k.SN_UNITS], sizes[0]
    categories = category_rows(s, ids, settings)
    if n[k.SN_FIRST] == k.REAL_WEIGHTS:
        _first_sums(k.REAL_WEIGHTS, s, ids, m, categories, settings, latents, scratch)
    elif n[k.SN_FIRST] == k.SIGN_WEIGHTS:
        _first_sums(k.SIGN_WEIGHTS, s, ids, m, categories, settings, latents, scratch)
    else:
        _first_sums(k.TERNARY_WEIGHTS, s, ids, m, categories, settings, latents, scratch)
    _signs(0, H, draw, settings, latents, seen, b)
    below, here, at = 0, H, 0
    for l in range(1, n[k.SN_LAYERS]):
        G, H = H, sizes[l]
        z, a = k.Q_SIGN * U + below, k.Q_SUM * U + here
        if n[k.SN_HIDDEN] == k.REAL_WEIGHTS:
            _hidden_sums(k.REAL_WEIGHTS, at, G, H, z, a, latents.hidden, b)
        else:
            _hidden_sums(k.SIGN_WEIGHTS, at, G, H, z, a, latents.hidden, b)
        _signs(here, H, draw, settings, latents, seen, b)
        at += G * H
        below, here = here, here + H
    z = k.Q_SIGN * U + U - H
    for c in range(len(o)):
        v = splat(f4(0.0))
        for j in range(0, H, LANES):
            v = v + load(b, z + j) * load(latents.out, c * H + j)
        o[c] = total(v) + latents.out_bias[c]
    if not n[k.SN_REGRESS]:
        softmax(o)
