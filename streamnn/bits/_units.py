"""Units of a network of signs: from sums to signs by running statistics, and the thresholds' steps on the way back."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import (
    LANES,
    larger,
    largest,
    load,
    over,
    root,
    rsqrt,
    smaller,
    splat,
    store,
    where_positive,
)
from ._arrays import LATENT_FRACTION, R_BETA, R_RATE, R_STEP, R_THRESHOLD, R_WINDOW
from ._lanes import BITS, load_whole, nearest_power, positive_floats, store_short

f4 = np.float32
TINY = f4(1e-10)
LEAST_VARIANCE = f4(1e-4)
ROUND = f4(1.5 * 2.0**23)
"""Added and taken off again, it leaves a whole number: halves to even."""
TOP_LATENT = f4(32767.0)


@leaf
def fire(here, H, alive, state, scratch):
    """Signs of a layer whose sums are in the scratch: +1 where (sum - mean) 2**k + threshold > 0."""
    for j in range(here, here + H, LANES):
        on = load(alive, j)
        u = (load_whole(scratch.sums, j) - load(state.mean, j)) * load(state.scale, j) + load(
            state.threshold, j
        )
        u = u * on
        store(scratch.u, j, u)
        h = where_positive(u, on, splat(f4(0.0)) - on)
        store(scratch.h, j, h)
        store_short(scratch.short, j, h)
    for j in range(here, here + H, BITS):
        scratch.bits[j // BITS] = positive_floats(scratch.u, j)


@leaf
def narrow(here, H, settings, state, scratch, weight_scale, warm):
    """Errors of signs to errors of sums, straight through within the window; thresholds and statistics move.

    Leaves the step of each unit's latents in units of 2**-15 / `weight_scale`, and returns the largest error. The mean
    square of a unit's error starts at 0, so that first steps are long; not so if `warm`.
    """
    h = settings.h
    window, beta, share = splat(h[R_WINDOW]), splat(h[R_BETA]), splat(f4(1.0) - h[R_BETA])
    step, unit = splat(h[R_THRESHOLD]), splat(h[R_STEP] * f4(1 << LATENT_FRACTION) * weight_scale)
    rate = max(h[R_RATE], f4(1.0) / f4(state.learnt[0] + 1))
    pace, left = splat(rate), splat(f4(1.0) - rate)
    zero, one, tiny, magic, top = splat(f4(0.0)), splat(f4(1.0)), splat(TINY), splat(ROUND), splat(TOP_LATENT)
    kept_2, share_2 = beta, share
    if warm:
        moving = max(f4(1.0) - h[R_BETA], f4(1.0) / f4(state.learnt[0]))
        kept_2, share_2 = splat(f4(1.0) - moving), splat(moving)
    most = zero
    for j in range(here, here + H, LANES):
        u, s, mean, scale = (
            load(scratch.u, j),
            load_whole(scratch.sums, j),
            load(state.mean, j),
            load(state.scale, j),
        )
        size = larger(u, zero - u)
        d = where_positive(size - window, zero, load(scratch.d, j) * load(settings.alive, j))
        v = beta * load(state.threshold_2, j) + share * (d * d)
        store(state.threshold_2, j, v)
        store(state.threshold, j, load(state.threshold, j) - step * d * rsqrt(v + tiny))
        d = d * scale
        store(scratch.d, j, d)
        most = larger(most, larger(d, zero - d))
        v = kept_2 * load(state.moment, j) + share_2 * (d * d)
        store(state.moment, j, v)
        c = zero - unit * d * rsqrt(v + tiny)
        c = larger(smaller((c + magic) - magic, top), zero - top)
        store_short(scratch.steps, j, c)
        q = s - mean
        store(state.mean, j, mean + pace * q)
        v = load(state.variance, j)
        v = v + pace * (left * q * q - v)
        store(state.variance, j, v)
        store(state.scale, j, nearest_power(over(one, root(v + splat(LEAST_VARIANCE)))))
    return largest(most)


@leaf
def rounded(x):
    """float32 to the nearest whole number, halves to even, cut at what int16 holds."""
    return min(max((x + ROUND) - ROUND, -TOP_LATENT), TOP_LATENT)
