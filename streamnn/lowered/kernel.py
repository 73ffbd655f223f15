"""The scan of a lowered network over the operations of a segment."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import softmax
from .._kernels.jit import kernel, leaf
from ..types import EXPIRE, LEARN, OBSERVE
from . import arrays as k
from .arrays import Events, Learnt, Memory, Scratch, Settings
from .cap import cap
from .inputs import embed, hold, keep_window, learn_rows, read
from .losses import loss_gradient
from .optimisers import optimiser_step
from .passes import backward, forward
from .plan import PlanArrays

f4 = np.float32
FARTHEST = f4(100.0)
"""Running deviations from the mean at which a predicted number is cut."""


@kernel
def scan(
    op,
    slot,
    target,
    weight,
    latent,
    events: Events,
    settings: Settings,
    plan: PlanArrays,
    learnt: Learnt,
    memory: Memory,
    scratch: Scratch,
):
    """Predict at OBSERVE and LOOK, learn at LEARN.

    A label is learnt with today's weights from the row as it was; where steps are of several labels it is put aside
    until there are that many. ``latent`` of shape (m, units) receives a row at every operation, before learning; give
    it no rows if it is not wanted. Arguments: see :mod:`streamnn.lowered.arrays`.
    """
    n, count = settings.n, learnt.count
    batch, z = n[k.BATCH], scratch.z
    fresh = -1  # the slot whose values lie in the scratch
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        labelled = op[e] == LEARN
        if s != fresh and (not labelled or latent.shape[0] > 0 or (batch == 1 and not n[k.RANDOM])):
            read(s, labelled, n, events, memory, z)
            embed(s, n, events.names, memory.table, z)
            forward(plan, learnt, scratch, False)
            fresh = s
        if latent.shape[0] > 0:
            _pool(n, z, latent, e)
        if not labelled:
            _predict(n, z, events.p[s, n[k.PLACE]])
            if op[e] == OBSERVE:
                keep_window(s, n, events, memory)
            continue
        count[k.LABELS] += 1
        if batch == 1:
            if n[k.RANDOM]:
                read(s, True, n, events, memory, z)
                embed(s, n, events.names, memory.table, z)
                forward(plan, learnt, scratch, True)
            fresh = -1
            if _gradient(target[e], weight[e], settings, plan, learnt, scratch):
                learn_rows(s, n, events.names, memory, settings.rates[k.TABLE_RATE], scratch.d)
                _step(settings, plan, learnt, scratch)
            else:
                _skip(learnt, scratch)
            continue
        hold(s, count[k.HELD], target[e], weight[e], n, events, memory)
        count[k.HELD] += 1
        if count[k.HELD] == batch:
            fresh = -1
            _learn_held(settings, plan, learnt, memory, scratch)


@leaf
def _learn_held(settings, plan, learnt, memory, scratch):
    # a step from all events that were put aside; their gradients by the sample take the place of their samples
    n, x, names, z, d = settings.n, memory.held_x, memory.held_names, scratch.z, scratch.d
    learnt.count[k.HELD] = 0
    for i in range(n[k.BATCH]):
        for j in range(x.shape[1]):
            z[j] = x[i, j]
        embed(i, n, names, memory.table, z)
        forward(plan, learnt, scratch, True)
        if not _gradient(memory.held_target[i], memory.held_weight[i], settings, plan, learnt, scratch):
            _skip(learnt, scratch)
            return
        for j in range(x.shape[1]):
            x[i, j] = d[j]
    for i in range(n[k.BATCH]):
        learn_rows(i, n, names, memory, settings.rates[k.TABLE_RATE], x[i])
    _step(settings, plan, learnt, scratch)


@leaf
def _gradient(target, weight, settings, plan, learnt, scratch):
    """Add up the gradients of a sample whose values lie in the scratch; whether its loss is finite, else it adds none."""
    n, d = settings.n, scratch.d
    for j in range(len(d)):
        d[j] = f4(0.0)
    y = n[k.OUTPUT]
    o = scratch.z[y : y + n[k.OUTPUTS]]
    share = weight / f4(n[k.BATCH])
    loss = loss_gradient(n[k.LOSS], n[k.CLASSIFY], target, share, o, y, scratch)
    if not np.isfinite(loss):
        return False
    backward(plan, learnt, scratch)
    return True


@leaf
def _step(settings, plan, learnt, scratch):
    optimiser_step(settings.hyper, learnt, scratch.g)
    if settings.rates[k.SLOPE] > f4(0.0):
        cap(plan, learnt.w, settings.rates[k.SLOPE], scratch)


@leaf
def _skip(learnt, scratch):
    # the step is left out
    learnt.count[k.SKIPPED] += 1
    for j in range(len(scratch.g)):
        scratch.g[j] = f4(0.0)


@leaf
def _predict(n, z, p):
    y = n[k.OUTPUT]
    if n[k.CLASSIFY]:
        for c in range(n[k.OUTPUTS]):
            p[c] = z[y + c]
        softmax(p)
    else:
        p[0] = min(max(z[y], -FARTHEST), FARTHEST)


@leaf
def _pool(n, z, latent, e):
    # means over positions; of more channels than there is room for, means of neighbours
    units, channels, positions = latent.shape[1], n[k.CHANNELS], n[k.POSITIONS]
    for u in range(min(units, channels)):
        start, stop = u, u + 1
        if channels > units:
            start, stop = u * channels // units, (u + 1) * channels // units
        v = f4(0.0)
        for c in range(start, stop):
            at = n[k.LATENT] + c * n[k.CHANNEL_STEP]
            for q in range(positions):
                v += z[at + q * n[k.POSITION_STEP]]
        latent[e, u] = v / f4((stop - start) * positions)
