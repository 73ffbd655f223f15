"""First layer of a network of signs: 8-bit inputs times signs, a masked addition for sixty-four units and each input.

Inputs that are 0 cost nothing. A bit plane an input bit and popcount would cost the same for a full row and more for
an image, of which four fifths are 0.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ._arrays import BIT_INPUTS, I_MASK, I_START, R_BETA
from ._lanes import (
    BITS,
    add_twice,
    add_where,
    fraction,
    load_shorts,
    ones,
    plus,
    positive,
    spread_short,
    store_shorts,
)
from ._units import rounded

f4 = np.float32
INPUTS_FIT = 128
"""Inputs of 8 bits whose sum int16 holds."""
STEP_SCALE = f4(32.0)
"""Steps of a unit carry five more fraction bits here, and inputs ten: their product is cut once."""
INPUT_SCALE = f4(1024.0)


@leaf
def gather(s, rows, settings, scratch):
    """Inputs of row `s` that are not 0, and their places; returns how many there are."""
    at, mask, m = settings.n[I_START], settings.n[I_MASK], 0
    for i in range(settings.n[BIT_INPUTS]):
        v = np.int64(rows[s, at + i]) & mask
        scratch.which[m], scratch.values[m] = i, v
        m += 1 if v != 0 else 0
    return m


@leaf
def first_sums(m, H, state, scratch):
    """Sums of the first layer's units over `m` gathered inputs: twice those whose weight is +1, less all."""
    bits, which, values, sums = state.first_bits, scratch.which, scratch.values, scratch.sums
    W = H // BITS
    total = 0
    for q in range(m):
        total += values[q]
    for j in range(H):
        sums[j] = -total
    zero = spread_short(np.int16(0))
    for begin in range(0, m, INPUTS_FIT):
        stop = min(begin + INPUTS_FIT, m)
        w = 0
        while w + 4 <= W:  # four words at a time: their sums stay in registers
            v0, v1, v2, v3 = zero, zero, zero, zero
            for q in range(begin, stop):
                x, at = spread_short(values[q]), which[q] * W + w
                v0, v1 = add_where(v0, bits[at], x), add_where(v1, bits[at + 1], x)
                v2, v3 = add_where(v2, bits[at + 2], x), add_where(v3, bits[at + 3], x)
            add_twice(sums, w * BITS, v0)
            add_twice(sums, (w + 1) * BITS, v1)
            add_twice(sums, (w + 2) * BITS, v2)
            add_twice(sums, (w + 3) * BITS, v3)
            w += 4
        while w < W:
            v0 = zero
            for q in range(begin, stop):
                v0 = add_where(v0, bits[which[q] * W + w], spread_short(values[q]))
            add_twice(sums, w * BITS, v0)
            w += 1


@leaf
def first_step(m, H, settings, state, scratch):
    """Latents of the gathered inputs take their step, and their signs are packed again; returns how many flipped.

    The mean square of a weight's gradient is taken as the product of the input's and of the unit's: exact where all
    inputs are 0 or 1. An input's starts at 0, so that the first steps of its weights are long, whenever it wakes.
    """
    W, pace = H // BITS, f4(1.0) - settings.h[R_BETA]
    flips = 0
    for q in range(m):
        i, x = scratch.which[q], f4(scratch.values[q])
        state.in_moment[i] += pace * (x * x - state.in_moment[i])
        a = np.int16(rounded(x / np.sqrt(state.in_moment[i]) * INPUT_SCALE))
        x = spread_short(a)
        for w in range(W):
            at = i * H + w * BITS
            v = plus(load_shorts(state.first, at), fraction(load_shorts(scratch.steps, w * BITS), x))
            store_shorts(state.first, at, v)
            now = positive(v)
            flips += ones(now ^ state.first_bits[i * W + w])
            state.first_bits[i * W + w] = now
    return flips
