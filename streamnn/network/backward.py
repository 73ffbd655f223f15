"""The way back through a network: one step from one label, layer by layer, within the budget.

The functions are inlined into the kernel; apart from it they would hand some forty arrays on at every event.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, over, root, splat, store, where_positive
from . import arrays as k
from .decoder import reconstruct
from .rows import average, cap_units, dot, dots, moved, plain_row, plain_rows, rms_row, rms_rows
from .spline import prelu_step, spline_step

f4, i4 = np.float32, np.int32


@leaf
def _reach(b, a, U, grid, reach):
    one, zero, beyond, chase = splat(f4(1.0)), splat(f4(0.0)), splat(k.OUTSIDE_SHARE), splat(k.REACH_PACE)
    for j in range(0, U, LANES):
        v, q = load(b, a + j), chase * load(grid, U + j)
        low, high = load(reach, j), load(reach, U + j)
        store(reach, j, low - q * (where_positive(low - v, one, zero) - beyond))
        store(reach, U + j, high + q * (where_positive(v - high, one, zero) - beyond))


@leaf(inline=True)
def _output_layer(settings, state, scratch, fading):
    # out and its biases take their step; errors of the last layer's units are left in the buffers
    n, h, rule = settings.n, settings.h, settings.n[k.N_RULE]
    b, g, zt = scratch.b, scratch.g, scratch.zt
    out, out_bias = state.weights.out, state.weights.out_bias
    z_moment, o_moment = state.moments.z_moment, state.moments.o_moment
    L, U, HL = n[k.N_LAYERS], n[k.N_UNITS], settings.sizes[n[k.N_LAYERS] - 1]
    z, dz = k.B_Z * U + U - HL, k.B_DZ * U + U - HL
    step, cap = h[k.H_LAYERS + L], h[k.H_OUT] * k.TIGHT
    pace = k.Pace(step, fading.kept, fading.share)
    if rule == k.RULE_FACTORED:
        for j in range(0, HL, LANES):
            v = load(b, z + j)
            q = load(z_moment, U - HL + j)
            q = q + splat(fading.blend) * (v * v - q)
            store(z_moment, U - HL + j, q)
            store(zt, j, over(v, root(q) + splat(f4(1e-2))))
    for j in range(0, HL, LANES):
        store(b, dz + j, splat(f4(0.0)))
    for c in range(len(out_bias)):
        gc, i = g[c], c * HL
        x = splat(gc)
        for j in range(0, HL, LANES):
            store(b, dz + j, load(b, dz + j) + x * load(out, i + j))
        if rule == k.RULE_RMS:
            rms_row(out, state.moments.out_2, i, gc, b, z, HL, pace)
        elif rule == k.RULE_FACTORED:
            o_moment[c] *= fading.lull
            gc /= moved(o_moment, c, gc, fading.blend) + f4(1e-3)
            plain_row(out, i, step * gc, zt, 0, HL)
        else:
            plain_row(out, i, step * gc, b, z, HL)
        out_bias[c] -= step * gc
        if cap > f4(0.0):
            v = dot(out, i, out, i, HL)
            if v > cap * cap:
                v = cap / np.sqrt(v)
                for j in range(HL):
                    out[i + j] *= v


@leaf(inline=True)
def _hidden_layers(settings, state, scratch, fading, afresh):
    # All but the weights of the first layer take their step, last layer to first. A layer's errors must have gone
    # through its activations before its weights are reached.
    n, sizes, h, rule = settings.n, settings.sizes, settings.h, settings.n[k.N_RULE]
    b, xs, every = scratch.b, scratch.xs, scratch.every
    weights, moments = state.weights, state.moments
    hidden, bias = weights.hidden, weights.bias
    d_moment, z_moment = moments.d_moment, moments.z_moment
    L, U = n[k.N_LAYERS], n[k.N_UNITS]
    z, slope, d, dz = k.B_Z * U, k.B_SLOPE * U, k.B_D * U, k.B_DZ * U
    activations = k.Activations(n[k.N_ACT], n[k.N_KNOTS], U, weights.knots, weights.grid)
    cap = h[k.H_ROW] * k.TIGHT
    H = sizes[L - 1]
    here, w = U - H, len(hidden)
    for l in range(L - 1, -1, -1):
        step = h[k.H_LAYERS + l]
        for j in range(here, here + H, LANES):
            v = load(b, dz + j) * load(b, slope + j)
            if rule == k.RULE_FACTORED:
                q = splat(fading.lull) * load(d_moment, j)
                q = q + splat(fading.blend) * (v * v - q)
                store(d_moment, j, q)
                q = over(splat(f4(1.0)), root(q) + splat(f4(1e-4)))
                v = v * q
                store(b, dz + j, load(b, dz + j) * q)
            store(b, d + j, v)
            store(bias, j, load(bias, j) - splat(step) * v)
        bend = h[k.H_LAYERS + L + 1 + l]
        if n[k.N_ACT] == k.SPLINE:
            spline_step(here, H, activations, b, scratch.knot, bend, h[k.H_SLOPE])
        elif n[k.N_ACT] == k.LEARNT_SLOPE:
            prelu_step(here, H, activations, b, bend, h[k.H_SLOPE])
        if l == 0:
            break
        G = sizes[l - 1]
        below = here - G
        w -= G * H
        units = k.Units(b, d + here, moments.hidden_norm, here, H)
        dots(hidden, w, G, units, b, dz + below)
        if rule == k.RULE_RMS:
            inputs = k.Inputs(every, b, z + below, G)
            rms_rows(hidden, moments.hidden_2, w, inputs, units, k.Pace(step, fading.kept, fading.share))
        else:
            for i in range(G):
                x = b[z + below + i]
                if rule == k.RULE_FACTORED:
                    x /= moved(z_moment, below + i, x, fading.blend) + f4(1e-2)
                xs[i] = step * x
            plain_rows(hidden, w, k.Inputs(every, xs, 0, G), units)
        if cap > f4(0.0):
            cap_units(hidden, w, G, units, cap, afresh)
        here, H = below, G


@leaf
def _forget_asleep(inputs, H, in_count, first, mean):
    # random weights of inputs that were always 0 are noise on the day they wake
    for i in range(inputs):
        if in_count[i] == 0:
            for j in range(i * H, (i + 1) * H):
                first[j] = f4(0.0)
                if len(mean) > 0:
                    mean[j] = f4(0.0)


@leaf(inline=True)
def _first_layer(s, m, event_store, settings, state, scratch, fading, afresh):
    # weights of the inputs that are not 0, and category rows
    rows, ids = event_store.rows, event_store.ids
    n, h, rule = settings.n, settings.h, settings.n[k.N_RULE]
    b, nz, xs = scratch.b, scratch.nz, scratch.xs
    weights, moments = state.weights, state.moments
    in_moment, in_count = moments.in_moment, moments.in_count
    at, H, d = n[k.N_FROM], settings.sizes[0], k.B_D * n[k.N_UNITS]
    step, cap = h[k.H_LAYERS], h[k.H_ROW] * k.TIGHT
    pace = k.Pace(step, fading.kept, fading.share)
    young = moments.learnt[0] <= k.ASLEEP_AFTER
    for q in range(m):
        i = nz[q]
        x = rows[s, at + i]
        if young or rule == k.RULE_FACTORED:
            in_count[i] += 1
        if rule == k.RULE_FACTORED:
            x /= moved(in_moment, i, x, max(fading.share, f4(1.0) / f4(in_count[i]))) + f4(1e-2)
        xs[q] = x if rule == k.RULE_RMS else step * x
    inputs, units = k.Inputs(nz, xs, 0, m), k.Units(b, d, moments.first_norm, 0, H)
    if rule == k.RULE_RMS:
        rms_rows(weights.first, moments.first_2, 0, inputs, units, pace)
    else:
        plain_rows(weights.first, 0, inputs, units)
    if moments.learnt[0] == k.ASLEEP_AFTER:
        _forget_asleep(n[k.N_IN], H, in_count, weights.first, state.means.first)
    if n[k.N_IDS]:
        for q in range(ids.shape[1]):
            r = ids[s, q]
            if r < 0:
                break
            if rule == k.RULE_RMS:
                rms_row(weights.table, moments.table_2, r * H, f4(1.0), b, d, H, pace)
            else:
                plain_row(weights.table, r * H, step, b, d, H)
    if cap > f4(0.0):
        cap_units(weights.first, 0, n[k.N_IN], units, cap, afresh)


@leaf(inline=True)
def learn(s, m, target, weight, event_store, settings, state, scratch):
    """One step towards the label of row `s`, whose `m` inputs and activations are in the scratch."""
    n, h, weights, means, moments = settings.n, settings.h, state.weights, state.means, state.moments
    b, o, g, count = scratch.b, scratch.o, scratch.g, moments.learnt
    U, HL, at = n[k.N_UNITS], settings.sizes[n[k.N_LAYERS] - 1], n[k.N_FROM]
    lull, beta = moments.idle[0], h[k.H_BETA]
    moments.idle[0] = f4(1.0)
    share = f4(1.0) - beta
    count[0] += 1
    if len(moments.reach) > 0:
        _reach(b, k.B_A * U, U, weights.grid, moments.reach)
    afresh = count[0] % k.REFRESH == 0
    if n[k.N_TASK] == k.CLASSIFY:
        if len(event_store.soft) > 0:
            for c in range(len(o)):
                g[c] = (o[c] - event_store.soft[s, c]) * weight
        else:
            for c in range(len(o)):
                g[c] = o[c] * weight
            g[i4(target)] -= weight
    else:
        g[0] = min(max(o[0] - target, f4(-1.0)), f4(1.0)) * weight
    fading = k.Fading(beta * lull, share, lull, max(share, f4(1.0) / f4(count[0])))
    _output_layer(settings, state, scratch, fading)
    if len(state.decoder.bias) > 0:
        row = event_store.rows[s, at : at + n[k.N_IN]]
        reconstruct(state.decoder, row, b, k.B_Z * U + U - HL, k.B_DZ * U + U - HL, HL, h[k.H_PULL] * weight)
    _hidden_layers(settings, state, scratch, fading, afresh)
    _first_layer(s, m, event_store, settings, state, scratch, fading, afresh)
    pause = min(max(n[k.N_AVERAGE] // k.AVERAGES, 1), 100)
    if len(means.bias) > 0 and count[0] % pause == 0:
        rate = f4(pause) / min(k.AVERAGED_SHARE * f4(count[0]), f4(n[k.N_AVERAGE]))
        rate = min(rate, f4(1.0))
        average(means.first, weights.first, rate)
        average(means.hidden, weights.hidden, rate)
        average(means.bias, weights.bias, rate)
        average(means.knots, weights.knots, rate)
        average(means.out, weights.out, rate)
        average(means.out_bias, weights.out_bias, rate)
