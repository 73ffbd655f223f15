"""The per-event network: forward, backward, update and projection in one compiled loop.

Weights lie input by input, so that a layer is a sum of scaled rows. Units come in sixteens, one lane each; a sum
over units is sixteen partial sums, folded in a fixed order. All arrays of weights are flat.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.jit import kernel, leaf_options
from .._kernels.lanes import LANES, load, over, root, splat, store, where_positive
from .arrays import (
    AVERAGES,
    B_A,
    B_BASE,
    B_D,
    B_DZ,
    B_SLOPE,
    B_Z,
    BEYOND,
    BUFFERS,
    CHASE,
    CLASSES,
    FACTORED,
    H_BETA,
    H_LAYERS,
    H_OUT,
    H_PULL,
    H_QUIET,
    H_ROW,
    H_SLOPE,
    N_ACT,
    N_AVERAGE,
    N_EVERY,
    N_FROM,
    N_IDS,
    N_IN,
    N_KNOTS,
    N_LAYERS,
    N_MEMBER,
    N_RULE,
    N_TASK,
    N_UNITS,
    PRELU,
    REFRESH,
    RMS,
    SPLINE,
    SURE,
    TIGHT,
    YOUNG,
)
from .decoder import reconstruct
from .forward import forward, gather
from .rows import cap_units, dot, dots, follow, moved, plain_row, plain_rows, rms_row, rms_rows
from .spline import prelu_step, spline_step

f4, i4 = np.float32, np.int32


@njit(**leaf_options)
def _reach(b, a, U, grid, reach):
    one, zero, beyond, chase = splat(f4(1.0)), splat(f4(0.0)), splat(BEYOND), splat(CHASE)
    for j in range(0, U, LANES):
        v, q = load(b, a + j), chase * load(grid, U + j)
        low, high = load(reach, j), load(reach, U + j)
        store(reach, j, low - q * (where_positive(low - v, one, zero) - beyond))
        store(reach, U + j, high + q * (where_positive(v - high, one, zero) - beyond))


@kernel
def scan(
    op, slot, target, weight, rows, ids, n, sizes, h, weights, means, moments, decoder, p, latent, first_op
):
    """Run one network over the operations of a chunk.

    OBSERVE writes its prediction to ``p[slot, member]``; LEARN goes forward again on the stored row, with today's
    weights, and takes one step. ``latent`` of shape (m, k) receives the k last hidden units at every operation,
    before learning: the last layer, or more; give it no rows if it is not wanted. Begins at operation ``first_op`` and
    stops behind a label whose number is a multiple of ``n[N_EVERY]``; returns the operation to go on with.
    """
    first, table, hidden, bias = weights.first, weights.table, weights.hidden, weights.bias
    knots, out, out_bias = weights.knots, weights.out, weights.out_bias
    count, first_norm, hidden_norm = moments.learnt, moments.first_norm, moments.hidden_norm
    first_2, table_2, hidden_2, out_2 = moments.first_2, moments.table_2, moments.hidden_2, moments.out_2
    in_moment, in_count = moments.in_moment, moments.in_count
    z_moment, d_moment, o_moment = moments.z_moment, moments.d_moment, moments.o_moment
    L, U, C = n[N_LAYERS], n[N_UNITS], len(out_bias)
    H0, HL = sizes[0], sizes[L - 1]
    rule, at, member = n[N_RULE], n[N_FROM], n[N_MEMBER]
    beta, certain = h[H_BETA], min(f4(1.0) - h[H_QUIET], SURE)
    idle = moments.idle
    row_cap, out_cap = h[H_ROW] * TIGHT, h[H_OUT] * TIGHT
    buffers = np.zeros(BUFFERS * U, f4)
    z, slope = buffers[B_Z * U : B_Z * U + U], buffers[B_SLOPE * U : B_SLOPE * U + U]
    d, dz = buffers[B_D * U : B_D * U + U], buffers[B_DZ * U : B_DZ * U + U]
    for j in range(U):
        buffers[B_BASE * U + j] = f4(j * n[N_KNOTS])
    knot, nz = np.zeros(U, i4), np.zeros(n[N_IN] + 1, i4)
    o, g, zt = np.zeros(C, f4), np.zeros(C, f4), np.zeros(HL, f4)
    every = np.arange(max(U, 1)).astype(i4)
    xs = np.zeros(max(U, n[N_IN] + 1), f4)
    top = U - HL  # where the last layer starts
    pause = min(max(n[N_AVERAGE] // AVERAGES, 1), 100)
    fresh = -1  # the slot whose activations lie in the buffers
    m = 0
    for e in range(first_op, len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        if op[e] != 1 or s != fresh:
            m = gather(s, rows, n, nz, xs)
        if op[e] != 1 and len(means.bias) > 0:
            forward(s, ids, m, nz, xs, n, sizes, means, buffers, knot, o)
            fresh = -1
            for c in range(C):
                p[s, member + 1, c] = o[c]
        if s != fresh:
            forward(s, ids, m, nz, xs, n, sizes, weights, buffers, knot, o)
            fresh = s
        if latent.shape[0] > 0:
            for j in range(latent.shape[1]):
                latent[e, j] = z[U - latent.shape[1] + j]
        if op[e] != 1:
            for c in range(C):
                p[s, member, c] = o[c]
            continue
        if n[N_TASK] == CLASSES and o[i4(target[e])] > certain:  # it has next to nothing to learn
            idle[0] *= beta
            continue
        fresh = -1
        lull = idle[0]
        idle[0] = f4(1.0)
        faded, share = beta * lull, f4(1.0) - beta
        count[0] += 1
        if len(moments.reach) > 0:
            _reach(buffers, B_A * U, U, weights.grid, moments.reach)
        afresh = count[0] % REFRESH == 0
        wt = weight[e]
        if n[N_TASK] == CLASSES:
            for c in range(C):
                g[c] = o[c] * wt
            g[i4(target[e])] -= wt
        else:
            g[0] = min(max(o[0] - target[e], f4(-1.0)), f4(1.0)) * wt
        b = max(share, f4(1.0) / f4(count[0]))
        # output layer
        step = h[H_LAYERS + L]
        if rule == FACTORED:
            for j in range(0, HL, LANES):
                v = load(z, top + j)
                q = load(z_moment, top + j)
                q = q + splat(b) * (v * v - q)
                store(z_moment, top + j, q)
                store(zt, j, over(v, root(q) + splat(f4(1e-2))))
        for j in range(0, HL, LANES):
            store(dz, top + j, splat(f4(0.0)))
        for c in range(C):
            gc, i = g[c], c * HL
            x = splat(gc)
            for j in range(0, HL, LANES):
                store(dz, top + j, load(dz, top + j) + x * load(out, i + j))
            if rule == RMS:
                rms_row(out, out_2, i, gc, z, top, HL, step, faded, share)
            elif rule == FACTORED:
                o_moment[c] *= lull
                gc /= moved(o_moment, c, gc, b) + f4(1e-3)
                plain_row(out, i, step * gc, zt, 0, HL)
            else:
                plain_row(out, i, step * gc, z, top, HL)
            out_bias[c] -= step * gc
            if out_cap > f4(0.0):
                v = dot(out, i, out, i, HL)
                if v > out_cap * out_cap:
                    v = out_cap / np.sqrt(v)
                    for j in range(HL):
                        out[i + j] *= v
        if len(decoder.bias) > 0:
            reconstruct(decoder, rows, s, at, z, top, HL, h[H_PULL] * wt, dz)
        # hidden layers, last to first
        here, H, w = top, HL, len(hidden)
        for l in range(L - 1, -1, -1):
            step = h[H_LAYERS + l]
            for j in range(here, here + H, LANES):
                v = load(dz, j) * load(slope, j)
                if rule == FACTORED:
                    q = splat(lull) * load(d_moment, j)
                    q = q + splat(b) * (v * v - q)
                    store(d_moment, j, q)
                    q = over(splat(f4(1.0)), root(q) + splat(f4(1e-4)))
                    v = v * q
                    store(dz, j, load(dz, j) * q)
                store(d, j, v)
                store(bias, j, load(bias, j) - splat(step) * v)
            bend = h[H_LAYERS + L + 1 + l]
            if n[N_ACT] == SPLINE:
                spline_step(here, H, n[N_KNOTS], U, buffers, knot, knots, weights.grid, bend, h[H_SLOPE])
            elif n[N_ACT] == PRELU:
                prelu_step(here, H, U, buffers, knots, bend, h[H_SLOPE])
            if l == 0:
                break
            G = sizes[l - 1]
            below = here - G
            w -= G * H
            dots(hidden, w, G, d, here, H, dz, below)
            if rule == RMS:
                rms_rows(hidden, hidden_2, w, every, G, z, below, d, here, H, hidden_norm, step, faded, share)
            else:
                for i in range(G):
                    x = z[below + i]
                    if rule == FACTORED:
                        x /= moved(z_moment, below + i, x, b) + f4(1e-2)
                    xs[i] = step * x
                plain_rows(hidden, w, every, G, xs, 0, d, here, H, hidden_norm)
            if row_cap > f4(0.0):
                cap_units(hidden, w, G, H, hidden_norm, here, row_cap, afresh)
            here, H = below, G
        # first layer
        for q in range(m):
            i = nz[q]
            x = rows[s, at + i]
            if rule == FACTORED:
                in_count[i] += 1
                x /= moved(in_moment, i, x, max(share, f4(1.0) / f4(in_count[i]))) + f4(1e-2)
            xs[q] = x if rule == RMS else step * x
        if rule == RMS:
            rms_rows(first, first_2, 0, nz, m, xs, 0, d, 0, H0, first_norm, step, faded, share)
        else:
            plain_rows(first, 0, nz, m, xs, 0, d, 0, H0, first_norm)
        if n[N_IDS]:
            for q in range(ids.shape[1]):
                r = ids[s, q]
                if r < 0:
                    break
                if rule == RMS:
                    rms_row(table, table_2, r * H0, f4(1.0), d, 0, H0, step, faded, share)
                else:
                    plain_row(table, r * H0, step, d, 0, H0)
        if row_cap > f4(0.0):
            cap_units(first, 0, n[N_IN], H0, first_norm, 0, row_cap, afresh)
        if len(means.bias) > 0 and count[0] % pause == 0:
            rate = f4(pause) / min(YOUNG * f4(count[0]), f4(n[N_AVERAGE]))
            rate = min(rate, f4(1.0))
            follow(means.first, first, rate)
            follow(means.hidden, hidden, rate)
            follow(means.bias, bias, rate)
            follow(means.knots, knots, rate)
            follow(means.out, out, rate)
            follow(means.out_bias, out_bias, rate)
        if n[N_EVERY] > 0 and count[0] % n[N_EVERY] == 0:
            return e + 1
    return len(op)
