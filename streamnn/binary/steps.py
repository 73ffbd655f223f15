"""Steps of latents: signs learn through clipped numbers behind them (Courbariaux et al. 2016).

A latent's gradient is that of its sign, straight through. Rules divide it by its running root mean square (RMS), or
its running mean by its running largest size, both as powers of two (shift-based AdaMax); or flip the sign where the
running mean is large (Bop, Helwegen et al. 2019).
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lane_bits import power_of_two
from .._kernels.lanes import LANES, larger, load, over, rsqrt, smaller, splat, store, total, where_positive
from . import arrays as k
from .forward import times

f4 = np.float32
MEAN_SHARE, SIZE_SHARE = f4(2.0**-3), f4(2.0**-10)
"""Of shift-based AdaMax: 1 - beta_1 and 1 - beta_2."""
SMALLEST_SIZE = f4(1e-12)
"""A largest gradient below this is none."""


@leaf(inline=True)
def settle(kind, old, new, changed, limit, delta):
    """A latent within its limit, and the lanes' counts of weights that changed; `kind` must be a constant."""
    if kind == k.REAL_WEIGHTS:
        return new, changed
    zero, one, minus = splat(f4(0.0)), splat(f4(1.0)), splat(f4(-1.0))
    new = smaller(larger(new, zero - limit), limit)
    if kind == k.SIGN_WEIGHTS:
        turned = where_positive(new, one, zero) - where_positive(old, one, zero)
    else:
        turned = times(kind, new, one, minus, delta) - times(kind, old, one, minus, delta)
    return new, changed + turned * turned


@leaf(inline=True)
def rms_rows(kind, w, w2, inputs, H, settings, b, d):
    """Rows of `w` step against their inputs times the units' gradients, b[d : d + H]; returns how many weights changed.

    Each weight has its own running mean square, in `w2`. `inputs`: rows, values, and how many there are.
    """
    which, values, rows = inputs
    h = settings.h
    beta, share = splat(h[k.P_BETA]), f4(1.0) - h[k.P_BETA]
    floor, limit, delta = splat(share * k.SQUARE_FLOOR), splat(h[k.P_CLIP]), splat(h[k.P_DELTA])
    changed = splat(f4(0.0))
    for r in range(rows):
        x = values[r]
        xs, x2, i = splat(x * h[k.P_STEP]), splat(x * x * share), which[r] * H
        for j in range(0, H, LANES):
            v, old = load(b, d + j), load(w, i + j)
            q = beta * load(w2, i + j) + (x2 * (v * v) + floor)
            store(w2, i + j, q)
            new, changed = settle(kind, old, old - xs * v * rsqrt(q), changed, limit, delta)
            store(w, i + j, new)
    return total(changed)


@leaf(inline=True)
def sized(mean, size, step):
    """Step of shift-based AdaMax: a running mean by a largest size, as a power of two."""
    some = larger(size, splat(SMALLEST_SIZE))
    far = splat(step) * mean * over(splat(f4(1.0)), power_of_two(some))
    return where_positive(size - splat(SMALLEST_SIZE), far, splat(f4(0.0)))


@leaf(inline=True)
def flipped(old, mean, threshold):
    """Bop: the other sign where the mean gradient has the sign of the weight and is above the threshold."""
    sign = where_positive(old, splat(f4(1.0)), splat(f4(-1.0)))
    return where_positive(mean * sign - splat(threshold), splat(f4(0.0)) - sign, sign)


@leaf(inline=True)
def moving(w1, i, g, share):
    """Running mean of gradients, moved."""
    mean = load(w1, i)
    mean = mean + splat(share) * (g - mean)
    store(w1, i, mean)
    return mean


@leaf
def rows_by_rule(kind, w, w1, w2, inputs, H, settings, b, d, step):
    """:func:`rms_rows` by AdaMax, whose step at this event is `step`, by Bop or by plain steps."""
    which, values, rows = inputs
    h, rule = settings.h, settings.n[k.SN_RULE]
    limit, delta, zero = splat(h[k.P_CLIP]), splat(h[k.P_DELTA]), splat(f4(0.0))
    changed = zero
    for r in range(rows):
        x, i = splat(values[r]), which[r] * H
        for j in range(0, H, LANES):
            g, old = x * load(b, d + j), load(w, i + j)
            if rule == k.BY_ADAMAX:
                size = larger(splat(f4(1.0) - SIZE_SHARE) * load(w2, i + j), larger(g, zero - g))
                store(w2, i + j, size)
                new = old - sized(moving(w1, i + j, g, MEAN_SHARE), size, step)
            elif rule == k.BY_BOP:
                new = flipped(old, moving(w1, i + j, g, h[k.P_BOP_RATE]), h[k.P_BOP_THRESHOLD])
            else:
                new = old - splat(h[k.P_STEP]) * g
            if kind == k.SIGN_WEIGHTS:
                new, changed = settle(k.SIGN_WEIGHTS, old, new, changed, limit, delta)
            else:
                new, changed = settle(k.TERNARY_WEIGHTS, old, new, changed, limit, delta)
            store(w, i + j, new)
    return total(changed)


@leaf(inline=True)
def unit_moves(w2, at, H, rms, settings, b, d, move, step):
    """How far the weights of each unit move where all inputs are -1 or 1: then gradients differ in sign alone.

    So a unit needs one running mean square, or largest size, and it is exactly that of each of its weights.
    """
    h, zero = settings.h, splat(f4(0.0))
    share = f4(1.0) - h[k.P_BETA]
    for j in range(0, H, LANES):
        v = load(b, d + j)
        if rms:
            q = splat(h[k.P_BETA]) * load(w2, at + j) + (
                splat(share) * (v * v) + splat(share * k.SQUARE_FLOOR)
            )
            store(w2, at + j, q)
            store(b, move + j, splat(h[k.P_STEP]) * v * rsqrt(q))
        elif settings.n[k.SN_RULE] == k.BY_ADAMAX:
            size = larger(splat(f4(1.0) - SIZE_SHARE) * load(w2, at + j), larger(v, zero - v))
            store(w2, at + j, size)
            store(b, move + j, sized(splat(f4(1.0)), size, step))
        else:
            store(b, move + j, splat(h[k.P_STEP]) * v)


@leaf(inline=True)
def sign_rows(kind, w, at, G, H, settings, b, below, error, d, move):
    """A layer above signs: leaves the error of each unit below, and moves its weights; returns how many changed."""
    zero, limit = splat(f4(0.0)), splat(settings.h[k.P_CLIP])
    changed = zero
    for i in range(G):
        x, s, p = splat(b[below + i]), zero, at + i * H
        for j in range(0, H, LANES):
            old, v = load(w, p + j), load(b, d + j)
            s = s + times(kind, old, v, zero - v, zero)
            new, changed = settle(kind, old, old - x * load(b, move + j), changed, limit, zero)
            store(w, p + j, new)
        b[error + i] = total(s)
    return total(changed)


@leaf
def sign_rows_by_rule(w, w1, at, G, H, settings, b, below, error, d, move):
    """:func:`sign_rows` by AdaMax or Bop, which keep a running mean of every weight's gradient."""
    zero, limit, h = splat(f4(0.0)), splat(settings.h[k.P_CLIP]), settings.h
    adamax = settings.n[k.SN_RULE] == k.BY_ADAMAX
    share = MEAN_SHARE if adamax else h[k.P_BOP_RATE]
    changed = zero
    for i in range(G):
        x, s, p = splat(b[below + i]), zero, at + i * H
        for j in range(0, H, LANES):
            old, v = load(w, p + j), load(b, d + j)
            s = s + where_positive(old, v, zero - v)
            mean = moving(w1, p + j, x * v, share)
            new = flipped(old, mean, h[k.P_BOP_THRESHOLD])
            if adamax:
                new = old - mean * load(b, move + j)
            new, changed = settle(k.SIGN_WEIGHTS, old, new, changed, limit, zero)
            store(w, p + j, new)
        b[error + i] = total(s)
    return total(changed)
