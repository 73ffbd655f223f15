"""A network of signs, event by event, in one compiled loop."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import softmax
from .._kernels.jit import kernel, leaf
from .._kernels.lanes import LANES, load, rsqrt, splat, store, total
from ..types import EXPIRE, LEARN
from . import _arrays as k
from ._arrays import Operations, Settings, State
from ._first_layer import STEP_SCALE, first_step, first_sums, gather
from ._hidden_layer import hidden_step, hidden_sums, quantise, spread_back
from ._lanes import BITS
from ._units import TINY, fire, narrow

f4, i4 = np.float32, np.int32
VANISHING = f4(2.0**-90)
"""Errors below this are none: their squares would vanish."""


@leaf(inline=True)
def forward(m, settings, state, scratch):
    """Probabilities of the row whose `m` inputs have been gathered."""
    n, sizes, o = settings.n, settings.sizes, scratch.o
    H = sizes[0]
    first_sums(m, H, state, scratch)
    fire(0, H, settings.alive, state, scratch)
    here, at = 0, 0
    for l in range(1, n[k.BIT_LAYERS]):
        G, below = H, here
        here += H
        H = sizes[l]
        hidden_sums(below, G, H, settings.inputs[l], scratch.bits, at, state.hidden_bits, scratch.sums, here)
        fire(here, H, settings.alive, state, scratch)
        at += G // BITS * H
    for c in range(len(o)):
        s = splat(f4(0.0))
        for j in range(0, H, LANES):
            s = s + load(scratch.h, here + j) * load(state.out, c * H + j)
        o[c] = total(s) + state.out_bias[c]
    softmax(o)


@leaf(inline=True)
def learn(m, target, weight, settings, state, scratch):
    """One step towards a label of the row that has just gone forward."""
    n, sizes, h, o, g = settings.n, settings.sizes, settings.h, scratch.o, scratch.g
    L = n[k.BIT_LAYERS]
    H = sizes[L - 1]
    here, at = n[k.BIT_UNITS] - H, len(state.hidden_bits)
    state.learnt[0] += 1
    for c in range(len(o)):
        g[c] = o[c] * weight
    g[target] -= weight
    for j in range(0, H, LANES):
        store(scratch.d, here + j, splat(f4(0.0)))
    for c in range(len(o)):
        gc = g[c]
        # units are +1 or -1, so that the gradient's square is the same for all weights of a class
        state.out_moment[c] = h[k.R_BETA] * state.out_moment[c] + (f4(1.0) - h[k.R_BETA]) * gc * gc
        x, step = splat(gc), rsqrt(splat(state.out_moment[c] + TINY)) * splat(h[k.R_OUT] * gc)
        for j in range(0, H, LANES):
            v = load(state.out, c * H + j)
            store(scratch.d, here + j, load(scratch.d, here + j) + x * v)
            store(state.out, c * H + j, v - step * load(scratch.h, here + j))
        state.out_bias[c] -= h[k.R_OUT] * gc
    for l in range(L - 1, 0, -1):
        most = narrow(here, H, settings, state, scratch, f4(1.0), False)
        G = sizes[l - 1]
        below = here - G
        at -= G // BITS * H
        unit = f4(0.0)
        if most > VANISHING:
            unit, sum_of_errors = quantise(here, H, most, scratch)
            state.flips[l] += hidden_step(below, G, H, at, here, sum_of_errors, state, scratch)
        spread_back(scratch.back, unit, G, scratch.d, below)
        here, H = below, G
    narrow(0, H, settings, state, scratch, STEP_SCALE, True)
    state.flips[0] += first_step(m, H, settings, state, scratch)


@kernel
def scan(operations: Operations, rows, p, settings: Settings, state: State):
    """Run a network over the operations of a chunk: OBSERVE and LOOK write a prediction, LEARN takes one step."""
    op, slot, target, weight = operations
    n, sizes = settings.n, settings.sizes
    U, C, X, member = n[k.BIT_UNITS], len(state.out_bias), n[k.BIT_INPUTS], n[k.BIT_MEMBER]
    widest = sizes.max()
    scratch = k.Scratch(
        np.zeros(U, i4),
        np.zeros(U, f4),
        np.zeros(U, f4),
        np.zeros(U // BITS, np.uint64),
        np.zeros(U, np.int16),
        np.zeros(U, f4),
        np.zeros(U, np.int16),
        np.zeros(widest, np.int16),
        np.zeros(widest, i4),
        np.zeros(X + 1, i4),
        np.zeros(X + 1, np.int16),
        np.zeros(widest + 1, i4),
        np.zeros(C, f4),
        np.zeros(C, f4),
    )
    certain = f4(1.0) - settings.h[k.R_MARGIN]
    fresh, m = -1, 0  # the slot whose activations lie in the scratch
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        if s != fresh or op[e] != LEARN:
            m = gather(s, rows, settings, scratch)
            forward(m, settings, state, scratch)
            fresh = s
        if op[e] != LEARN:
            for c in range(C):
                p[s, member, c] = scratch.o[c]
            continue
        y = i4(target[e])
        if settings.h[k.R_MARGIN] > f4(0.0) and scratch.o[y] > certain:
            continue
        fresh = -1
        learn(m, y, weight[e], settings, state, scratch)
