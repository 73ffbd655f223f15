"""The way back through a binarised network: one step from one label, layer by layer."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, larger, load, rsqrt, splat, store, where_positive
from . import arrays as k
from .forward import category_rows
from .steps import MEAN_SHARE, rms_rows, rows_by_rule, sign_rows, sign_rows_by_rule, unit_moves

f4, i4 = np.float32, np.int32


@leaf(inline=True)
def _output_layer(settings, state, scratch):
    # out and its biases take their step; errors of the last layer's signs are left in the buffers
    n, h, b, g = settings.n, settings.h, scratch.b, scratch.g
    out, out_bias, out_2 = state.latents.out, state.latents.out_bias, state.memory.out_2
    U, H = n[k.SN_UNITS], settings.sizes[n[k.SN_LAYERS] - 1]
    z, error = k.Q_SIGN * U + U - H, k.Q_ERROR * U + U - H
    share = f4(1.0) - h[k.P_BETA]
    for j in range(0, H, LANES):
        store(b, error + j, splat(f4(0.0)))
    for c in range(len(out_bias)):
        gc, i = g[c], c * H
        # signs are -1 or 1: the mean square of one gradient of the output is that of all
        out_2[c] = h[k.P_BETA] * out_2[c] + (share * (gc * gc) + share * k.SQUARE_FLOOR)
        step = h[k.P_OUTPUT] * gc / np.sqrt(out_2[c])
        x, move = splat(gc), splat(step)
        for j in range(0, H, LANES):
            w = load(out, i + j)
            store(b, error + j, load(b, error + j) + x * w)
            store(out, i + j, w - move * load(b, z + j))
        out_bias[c] -= step


@leaf(inline=True)
def _units(here, H, rate, settings, state, b):
    # errors of a layer's sums; thresholds take their step; statistics move
    n, h, U = settings.n, settings.h, settings.n[k.SN_UNITS]
    location, variance, bias = state.latents.location, state.latents.variance, state.latents.bias
    bias_2, drift, along = state.memory.bias_2, state.memory.drift, state.memory.along
    zero, window, r = splat(f4(0.0)), splat(h[k.P_WINDOW]), splat(rate)
    beta, share = splat(h[k.P_BETA]), f4(1.0) - h[k.P_BETA]
    floor, step, kept = splat(share * k.SQUARE_FLOOR), splat(h[k.P_THRESHOLD]), splat(f4(1.0) - rate)
    triangle, two, fall = n[k.SN_TRIANGLE] > 0, splat(f4(2.0)), splat(f4(2.0) / h[k.P_WINDOW])
    online, pace = n[k.SN_NORMALISATION] == k.BY_ONLINE, splat(k.ONLINE_RATE)
    for j in range(here, here + H, LANES):
        u, old = load(b, k.Q_NORMAL * U + j), load(bias, j)
        v = load(b, k.Q_ERROR * U + j) * load(b, k.Q_LIVE * U + j)
        size = larger(u, zero - u)
        if triangle:
            v = v * larger(two - fall * size, zero)
        else:
            v = where_positive(size - window, zero, v)
        q = beta * load(bias_2, j) + (splat(share) * (v * v) + floor)
        store(bias_2, j, q)
        store(bias, j, old - step * v * rsqrt(q))
        factor = load(b, k.Q_FACTOR * U + j)
        if online:
            y = u - old
            v = v - pace * load(along, j) * y
            store(along, j, load(along, j) + v * y)
            v = v * factor
            v = v - pace * load(drift, j)
            store(drift, j, load(drift, j) + v)
            store(b, k.Q_GRADIENT * U + j, v * load(b, k.Q_LIVE * U + j))
        else:
            store(b, k.Q_GRADIENT * U + j, v * factor)
        off = load(b, k.Q_SUM * U + j) - load(location, j)
        store(location, j, load(location, j) + r * off)
        store(variance, j, load(variance, j) + r * (kept * off * off - load(variance, j)))


@leaf(inline=True)
def _hidden_layer(l, at, below, here, G, H, step, settings, state, scratch):
    n, b, U = settings.n, scratch.b, settings.n[k.SN_UNITS]
    w, memory = state.latents.hidden, state.memory
    z, error, d, move = (
        k.Q_SIGN * U + below,
        k.Q_ERROR * U + below,
        k.Q_GRADIENT * U + here,
        k.Q_MOVE * U + here,
    )
    real, rule = n[k.SN_HIDDEN] == k.REAL_WEIGHTS, n[k.SN_RULE]
    unit_moves(memory.hidden_2, here, H, real or rule == k.BY_RMS, settings, b, d, move, step)
    if real:
        sign_rows(k.REAL_WEIGHTS, w, at, G, H, settings, b, z, error, d, move)
        return
    if rule == k.BY_RMS or rule == k.BY_SGD:
        changed = sign_rows(k.SIGN_WEIGHTS, w, at, G, H, settings, b, z, error, d, move)
    else:
        changed = sign_rows_by_rule(w, memory.hidden_1, at, G, H, settings, b, z, error, d, move)
    memory.flips[2 * l] += np.int64(changed)


@leaf(inline=True)
def _rows(w, w1, w2, inputs, step, settings, b, d):
    # rows of the first layer or of categories, by its kind and rule
    n, H, kind = settings.n, settings.sizes[0], settings.n[k.SN_FIRST]
    if kind == k.REAL_WEIGHTS:
        return rms_rows(k.REAL_WEIGHTS, w, w2, inputs, H, settings, b, d)
    if n[k.SN_RULE] != k.BY_RMS:
        return rows_by_rule(kind, w, w1, w2, inputs, H, settings, b, d, step)
    if kind == k.SIGN_WEIGHTS:
        return rms_rows(k.SIGN_WEIGHTS, w, w2, inputs, H, settings, b, d)
    return rms_rows(k.TERNARY_WEIGHTS, w, w2, inputs, H, settings, b, d)


@leaf
def _sleep(inputs, H, in_count, first, mean):
    # random latents of inputs that were always 0 are noise on the day they wake
    for i in range(inputs):
        if in_count[i] == 0:
            for j in range(i * H, (i + 1) * H):
                first[j] = f4(0.0)
                if len(mean) > 0:
                    mean[j] = f4(0.0)


@leaf(inline=True)
def _first_layer(s, ids, m, step, settings, state, scratch):
    n, latents, memory = settings.n, state.latents, state.memory
    nz, xs, b, H, d = (
        scratch.nz,
        scratch.xs,
        scratch.b,
        settings.sizes[0],
        k.Q_GRADIENT * settings.n[k.SN_UNITS],
    )
    if memory.learnt[0] <= k.SLEEPERS_AFTER:
        for q in range(m):
            memory.in_count[nz[q]] += 1
    changed = _rows(latents.first, memory.first_1, memory.first_2, (nz, xs, m), step, settings, b, d)
    if memory.learnt[0] == k.SLEEPERS_AFTER:
        _sleep(n[k.SN_INPUTS], H, memory.in_count, latents.first, state.means.first)
    categories = category_rows(s, ids, settings)
    for q in range(categories):
        nz[q], xs[q] = ids[s, q], f4(1.0)
    changed += _rows(
        latents.table, memory.table_1, memory.table_2, (nz, xs, categories), step, settings, b, d
    )
    memory.flips[0] += np.int64(changed)


@leaf
def _follow(mean, w, rate):
    # running averages move towards the latents
    for i in range(len(w)):
        mean[i] += rate * (w[i] - mean[i])


@leaf(inline=True)
def _account(settings, state):
    # flips of the last FLIPS_OVER labels, and the running averages
    n, latents, means, memory = settings.n, state.latents, state.means, state.memory
    count, flips = memory.learnt[0], memory.flips
    if count % k.FLIPS_OVER == 0:
        for l in range(n[k.SN_LAYERS]):
            flips[2 * l + 1], flips[2 * l] = flips[2 * l], 0
    pause = min(max(n[k.SN_AVERAGE] // k.MEANS, 1), 100)
    if len(means.bias) > 0 and count % pause == 0:
        rate = f4(pause) / min(k.MEANS_SHARE * f4(count), f4(n[k.SN_AVERAGE]))
        rate = min(rate, f4(1.0))
        _follow(means.first, latents.first, rate)
        _follow(means.hidden, latents.hidden, rate)
        _follow(means.location, latents.location, rate)
        _follow(means.variance, latents.variance, rate)
        _follow(means.bias, latents.bias, rate)
        _follow(means.out, latents.out, rate)
        _follow(means.out_bias, latents.out_bias, rate)


@leaf(inline=True)
def learn_signs(s, m, target, weight, event_store, settings, state, scratch):
    """One step towards the label of row `s`, whose `m` inputs and units are in the scratch."""
    n, h, memory, o, g = settings.n, settings.h, state.memory, scratch.o, scratch.g
    memory.learnt[0] += 1
    if n[k.SN_REGRESS]:
        g[0] = min(max(o[0] - target, f4(-1.0)), f4(1.0)) * weight
    elif len(event_store.soft) > 0:
        for c in range(len(o)):
            g[c] = (o[c] - event_store.soft[s, c]) * weight
    else:
        for c in range(len(o)):
            g[c] = o[c] * weight
        g[i4(target)] -= weight
    step = h[k.P_STEP]
    if n[k.SN_RULE] == k.BY_ADAMAX:
        power = max(memory.power[0] * (f4(1.0) - MEAN_SHARE), f4(1e-30))
        memory.power[0] = power
        step = step / (f4(1.0) - power)
    _output_layer(settings, state, scratch)
    rate = max(h[k.P_RATE], f4(1.0) / f4(memory.learnt[0] + 1))
    H = settings.sizes[n[k.SN_LAYERS] - 1]
    here, at = n[k.SN_UNITS] - H, len(state.latents.hidden)
    for l in range(n[k.SN_LAYERS] - 1, -1, -1):
        _units(here, H, rate, settings, state, scratch.b)
        if l == 0:
            break
        G = settings.sizes[l - 1]
        at -= G * H
        _hidden_layer(l, at, here - G, here, G, H, step, settings, state, scratch)
        here, H = here - G, G
    _first_layer(s, event_store.ids, m, step, settings, state, scratch)
    _account(settings, state)
