"""The per-event network: forward, backward, update and projection in one compiled loop.

Weights lie input by input, so that a layer is a sum of scaled rows. Units come in sixteens, one lane each; a sum
over units is sixteen partial sums, folded in a fixed order. All arrays of weights are flat.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..types import EXPIRE, LEARN
from . import arrays as k
from .arrays import Operations, Settings, State, Store
from .backward import learn
from .forward import forward, gather

f4, i4 = np.float32, np.int32


@kernel
def scan(operations: Operations, event_store: Store, settings: Settings, state: State, latent, first_op):
    """Run one network over the operations of a chunk.

    OBSERVE writes its prediction to ``p[slot, member]``; LEARN goes forward again on the stored row, with today's
    weights, and takes one step. ``latent`` of shape (m, units) receives that number of last hidden units at every
    operation, before learning: the last layer, or more; give it no rows if it is not wanted. Begins at operation
    ``first_op`` and stops behind a label whose number is a multiple of ``n[N_EVERY]``; returns the operation to go on
    with. Arguments: see :mod:`streamnn.network.arrays`.
    """
    op, slot, target, weight = operations
    rows, ids, p, soft = event_store
    n, sizes, h = settings
    weights, means, moments, _ = state
    U, C, HL = n[k.N_UNITS], len(weights.out_bias), sizes[n[k.N_LAYERS] - 1]
    member, count, idle = n[k.N_MEMBER], moments.learnt, moments.idle
    certain = min(f4(1.0) - h[k.H_MARGIN], k.ALMOST_ONE)
    buffers, o = np.zeros(k.BUFFERS * U, f4), np.zeros(C, f4)
    for j in range(U):
        buffers[k.B_BASE * U + j] = f4(j * n[k.N_KNOTS])
    scratch = k.Scratch(
        buffers,
        np.zeros(U, i4),
        np.zeros(n[k.N_IN] + 1, i4),
        np.zeros(max(U, n[k.N_IN] + 1), f4),
        o,
        np.zeros(C, f4),
        np.zeros(HL, f4),
        np.arange(max(U, 1)).astype(i4),
    )
    fresh = -1  # the slot whose activations lie in the buffers
    m = 0
    for e in range(first_op, len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        if op[e] != LEARN or s != fresh:
            m = gather(s, rows, settings, scratch)
        if op[e] != LEARN and len(means.bias) > 0:
            forward(s, ids, m, settings, means, scratch)
            fresh = -1
            for c in range(C):
                p[s, member + 1, c] = o[c]
        if s != fresh:
            forward(s, ids, m, settings, weights, scratch)
            fresh = s
        if latent.shape[0] > 0:
            for j in range(latent.shape[1]):
                latent[e, j] = buffers[k.B_Z * U + U - latent.shape[1] + j]
        if op[e] != LEARN:
            for c in range(C):
                p[s, member, c] = o[c]
            continue
        if n[k.N_TASK] == k.CLASSIFY:
            surest = o[i4(target[e])]
            if len(soft) > 0:
                surest = f4(1.0)
                for c in range(C):
                    surest = min(surest, f4(1.0) - abs(o[c] - soft[s, c]))
            if surest > certain:  # it has next to nothing to learn
                idle[0] *= h[k.H_BETA]
                continue
        fresh = -1
        learn(s, m, target[e], weight[e], event_store, settings, state, scratch)
        if n[k.N_EVERY] > 0 and count[0] % n[k.N_EVERY] == 0:
            return e + 1
    return len(op)
