"""Hidden layer of a network of signs: XNOR forward; backward 8-bit errors added by sign, and latents that flip bits."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, larger, load, smaller, splat, store
from ._lanes import (
    BITS,
    WORD_LANES,
    add_twice,
    add_where,
    count_differing,
    load_shorts,
    load_whole,
    load_words,
    ones,
    plus,
    positive,
    spread_short,
    spread_word,
    store_balance,
    store_short,
    store_shorts,
    times,
)
from ._units import ROUND

f4 = np.float32
ERROR_TOP = f4(127.0)
FITS = 256
"""Errors of 8 bits whose sum int16 holds."""


@leaf
def hidden_sums(first_bit, G, H, n, bits, at, weights, out, here):
    """Sums of a layer's `H` units over its `n` inputs (stored: `G`), whose signs begin at ``bits[first_bit // 64]``."""
    zero, w = spread_word(np.uint64(0)), first_bit // BITS
    for j in range(0, H, 4 * WORD_LANES):
        c0, c1, c2, c3 = zero, zero, zero, zero
        for k in range(G // BITS):
            x, p = spread_word(bits[w + k]), at + k * H + j
            c0 = count_differing(c0, x, load_words(weights, p))
            c1 = count_differing(c1, x, load_words(weights, p + WORD_LANES))
            c2 = count_differing(c2, x, load_words(weights, p + 2 * WORD_LANES))
            c3 = count_differing(c3, x, load_words(weights, p + 3 * WORD_LANES))
        store_balance(out, here + j, n, c0)
        store_balance(out, here + j + WORD_LANES, n, c1)
        store_balance(out, here + j + 2 * WORD_LANES, n, c2)
        store_balance(out, here + j + 3 * WORD_LANES, n, c3)


@leaf
def quantise(here, H, most, scratch):
    """Errors as whole numbers of 8 bits in units of a power of two; returns the unit and their sum."""
    exponent = np.int32(np.float32(most).view(np.int32) & np.int32(0x7F800000)) - np.int32(6 << 23)
    unit = f4(np.int32(exponent).view(np.float32))
    back, magic, top, zero = splat(f4(1.0) / unit), splat(ROUND), splat(ERROR_TOP), splat(f4(0.0))
    for j in range(0, H, LANES):
        v = (load(scratch.d, here + j) * back + magic) - magic
        store_short(scratch.errors, j, larger(smaller(v, top), zero - top))
    total = 0
    for j in range(H):
        total += scratch.errors[j]
    return unit, total


@leaf
def hidden_step(first_input, G, H, at, here, sum_of_errors, state, scratch):
    """Latents of a layer take their step, and ``back[i]`` = sum over units of error times sign of the weight from i.

    Inputs are +1 or -1: the step of a weight is its unit's, added or taken off. Sums are of the signs before the step,
    twice the errors of those that are +1 less all errors: exact. One sweep does both, since memory is what it waits
    for; no branch depends on which signs flip. Returns how many did.
    """
    steps, errors, moving, back = scratch.steps, scratch.errors, scratch.moving, scratch.back
    many, flips = 0, 0
    for j in range(H):
        moving[many] = j
        many += 1 if (steps[here + j] != 0) | (errors[j] != 0) else 0
    zero = spread_short(np.int16(0))
    for k in range(G // BITS):
        x = load_shorts(scratch.short, first_input + k * BITS)
        for i in range(k * BITS, (k + 1) * BITS):
            back[i] = -sum_of_errors
        for begin in range(0, many, FITS):
            total = zero
            for q in range(begin, min(begin + FITS, many)):
                j = moving[q]
                p = at + k * H + j
                old = state.hidden_bits[p]
                total = add_where(total, old, spread_short(errors[j]))
                v = plus(load_shorts(state.hidden, p * BITS), times(x, spread_short(steps[here + j])))
                store_shorts(state.hidden, p * BITS, v)
                now = positive(v)
                state.hidden_bits[p] = now
                flips += ones(now ^ old)
            add_twice(back, k * BITS, total)
    return flips


@leaf
def spread_back(sums, unit, G, d, below):
    """Errors of the layer below from whole numbers of units."""
    for i in range(0, G, LANES):
        v = splat(f4(0.0))
        if unit > f4(0.0):
            v = splat(unit) * load_whole(sums, i)
        store(d, below + i, v)
