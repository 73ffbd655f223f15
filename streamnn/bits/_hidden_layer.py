"""Hidden layer of a network of signs: XNOR forward, bit planes of the errors backward, int16 latents that flip bits."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, larger, load, smaller, splat, store
from ._arrays import PLANES
from ._lanes import (
    BITS,
    WORDS,
    count_common,
    count_differing,
    load_shorts,
    load_whole,
    load_words,
    lowest,
    plane,
    plus,
    positive,
    spread_short,
    spread_word,
    store_balance,
    store_short,
    store_shorts,
    times,
    twice_less,
)
from ._lanes import ones as ones_of
from ._units import ROUND

f4 = np.float32


@leaf
def hidden_sums(first_bit, G, H, n, bits, at, weights, out, here):
    """Sums of a layer's `H` units over its `n` inputs (stored: `G`), whose signs begin at ``bits[first_bit // 64]``."""
    zero, w = spread_word(np.uint64(0)), first_bit // BITS
    for j in range(0, H, 4 * WORDS):
        c0, c1, c2, c3 = zero, zero, zero, zero
        for k in range(G // BITS):
            x, p = spread_word(bits[w + k]), at + k * H + j
            c0 = count_differing(c0, x, load_words(weights, p))
            c1 = count_differing(c1, x, load_words(weights, p + WORDS))
            c2 = count_differing(c2, x, load_words(weights, p + 2 * WORDS))
            c3 = count_differing(c3, x, load_words(weights, p + 3 * WORDS))
        store_balance(out, here + j, n, c0)
        store_balance(out, here + j + WORDS, n, c1)
        store_balance(out, here + j + 2 * WORDS, n, c2)
        store_balance(out, here + j + 3 * WORDS, n, c3)


@leaf
def cut_planes(errors, H, planes):
    """Bit planes of `H` errors of 8 bits, ``planes[k * H // 64 + word]``; returns their sum."""
    W, total = H // BITS, 0
    for w in range(W):
        v = load_shorts(errors, w * BITS)
        for k in range(PLANES):
            word = plane(v, k)
            planes[k * W + w] = word
            total += ones_of(word) << k if k < PLANES - 1 else -(ones_of(word) << k)
    return total


@leaf
def plane_sums(planes, total, G, H, at, turned, out):
    """``out[i]`` = sum over units of error times sign of the weight from input i: exact, by popcounts alone.

    A plane's share is 2**k (2 popcount(plane and signs) - popcount(plane)), and minus that for the sign's plane.
    """
    zero, W = spread_word(np.uint64(0)), H // BITS
    for i in range(0, G, WORDS):
        c0, c1, c2, c3, c4, c5, c6, c7 = zero, zero, zero, zero, zero, zero, zero, zero
        for w in range(W):
            v = load_words(turned, at + w * G + i)
            c0 = count_common(c0, spread_word(planes[w]), v)
            c1 = count_common(c1, spread_word(planes[W + w]), v)
            c2 = count_common(c2, spread_word(planes[2 * W + w]), v)
            c3 = count_common(c3, spread_word(planes[3 * W + w]), v)
            c4 = count_common(c4, spread_word(planes[4 * W + w]), v)
            c5 = count_common(c5, spread_word(planes[5 * W + w]), v)
            c6 = count_common(c6, spread_word(planes[6 * W + w]), v)
            c7 = count_common(c7, spread_word(planes[7 * W + w]), v)
        c7 = twice_less(twice_less(twice_less(twice_less(c7, c6), c5), c4), c3)
        c7 = twice_less(twice_less(twice_less(c7, c2), c1), c0)  # minus the sum of those whose sign is +
        store_balance(out, i, -total, c7)


@leaf
def hidden_step(first_input, G, H, at, here, state, scratch):
    """Latents of a layer take their step: inputs are +1 or -1, so one step a unit, added or taken off.

    Whatever changes its sign is turned over in both packed copies; returns how many did.
    """
    steps, moving = scratch.steps, scratch.moving
    many, flips = 0, 0
    for j in range(H):
        moving[many] = j
        many += 1 if steps[here + j] != 0 else 0
    one = np.uint64(1)
    for k in range(G // BITS):
        x = load_shorts(scratch.short, first_input + k * BITS)
        for q in range(many):
            j = moving[q]
            p = at + k * H + j
            v = plus(load_shorts(state.hidden, p * BITS), times(x, spread_short(steps[here + j])))
            store_shorts(state.hidden, p * BITS, v)
            now = positive(v)
            changed = now ^ state.hidden_bits[p]
            if changed != np.uint64(0):
                state.hidden_bits[p] = now
                turn = at + (j // BITS) * G + k * BITS
                while changed != np.uint64(0):
                    state.turned_bits[turn + lowest(changed)] ^= one << np.uint64(j % BITS)
                    changed &= changed - one
                    flips += 1
    return flips


@leaf
def quantise(here, H, most, d, errors):
    """Errors as whole numbers from -127 to 127 in units of a power of two, which is returned."""
    exponent = np.int32(np.float32(most).view(np.int32) & np.int32(0x7F800000)) - np.int32(6 << 23)
    unit = f4(np.int32(exponent).view(np.float32))
    back, magic, top, zero = splat(f4(1.0) / unit), splat(ROUND), splat(f4(127.0)), splat(f4(0.0))
    for j in range(0, H, LANES):
        v = (load(d, here + j) * back + magic) - magic
        store_short(errors, j, larger(smaller(v, top), zero - top))
    return unit


@leaf
def spread_back(sums, unit, G, d, below):
    """Errors of the layer below from whole numbers of units."""
    for i in range(0, G, LANES):
        v = splat(f4(0.0))
        if unit > f4(0.0):
            v = splat(unit) * load_whole(sums, i)
        store(d, below + i, v)
