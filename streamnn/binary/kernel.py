"""The per-event binarised network: forward, straight-through backward and update in one compiled loop.

Weights lie input by input, units in sixteens, one lane each, as in :mod:`streamnn.network.kernel`.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..network.arrays import ALMOST_ONE, Operations, Store
from ..types import EXPIRE, LEARN
from . import arrays as k
from .arrays import BinarySettings, BinaryState
from .backward import learn_signs
from .forward import forward_signs, gathered_inputs

f4, i4 = np.float32, np.int32


@kernel
def scan_signs(
    operations: Operations, event_store: Store, settings: BinarySettings, state: BinaryState, latent
):
    """Run one network over the operations of a chunk.

    OBSERVE writes its prediction to ``p[slot, member]``; LEARN goes forward again on the stored row, with today's
    weights, and takes one step. ``latent`` of shape (m, units) receives that number of last hidden units at every
    operation, before learning; give it no rows if it is not wanted. Arguments: see :mod:`streamnn.binary.arrays` and
    :mod:`streamnn.network.arrays`.
    """
    op, slot, target, weight = operations
    rows, ids, p, soft = event_store
    n, sizes, h = settings
    U, L, C, member = n[k.SN_UNITS], n[k.SN_LAYERS], len(state.latents.out_bias), n[k.SN_MEMBER]
    certain = min(f4(1.0) - h[k.P_MARGIN], ALMOST_ONE)
    buffers, o = np.zeros(k.SIGN_BUFFERS * U, f4), np.zeros(C, f4)
    at = k.Q_LIVE * U
    for l in range(L):
        for j in range(sizes[L + l]):
            buffers[at + j] = f4(1.0)
        at += sizes[l]
    room = max(n[k.SN_INPUTS], ids.shape[1]) + 1
    scratch = k.SignScratch(buffers, np.zeros(room, i4), np.zeros(room, f4), o, np.zeros(C, f4))
    draws = n[k.SN_DRAWS] > 0
    fresh = -1  # the slot whose units lie in the buffers
    m = 0
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        if op[e] != LEARN or s != fresh:
            m = gathered_inputs(s, rows, settings, scratch)
        ahead = 0
        if op[e] != LEARN and len(state.means.bias) > 0:
            ahead, fresh = 1, -1
        elif s == fresh:
            ahead = -1
        for mean in range(
            ahead, -1, -1
        ):  # the averaged network first: units of the other stay in the buffers
            latents = state.means if mean else state.latents
            forward_signs(s, ids, m, draws and op[e] == LEARN, settings, latents, state.memory.drawn, scratch)
            if mean:
                for c in range(C):
                    p[s, member + 1, c] = o[c]
        fresh = -1 if draws else s
        if latent.shape[0] > 0:
            for j in range(latent.shape[1]):
                latent[e, j] = buffers[k.Q_SIGN * U + U - latent.shape[1] + j]
        if op[e] != LEARN:
            for c in range(C):
                p[s, member, c] = o[c]
            continue
        state.memory.drawn[1] += draws
        if not n[k.SN_REGRESS]:
            surest = o[i4(target[e])]
            if len(soft) > 0:
                surest = f4(1.0)
                for c in range(C):
                    surest = min(surest, f4(1.0) - abs(o[c] - soft[s, c]))
            if surest > certain:  # it has next to nothing to learn
                continue
        fresh = -1
        learn_signs(s, m, target[e], weight[e], event_store, settings, state, scratch)
