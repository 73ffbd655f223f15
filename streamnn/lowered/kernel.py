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
from .settling import after_label, round_trials

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
        s, labelled = slot[e], op[e] == LEARN
        if s != fresh and (not labelled or latent.shape[0] > 0):
            read(s, labelled, n, events, memory, z)
            embed(s, n, events.names, memory.table, z)
            forward(plan, learnt, scratch, False)
            fresh = s
        if latent.shape[0] > 0:
            _pool(n, z, latent, e)
        if not labelled:
            _predict(n, scratch, events.p[s, n[k.PLACE]])
            if op[e] == OBSERVE:
                keep_window(s, n, events, memory)
            continue
        count[k.LABELS] += 1
        if batch == 1:
            if s != fresh:
                read(s, True, n, events, memory, z)
                embed(s, n, events.names, memory.table, z)
            loss, rounded, fine = _gradient(s == fresh, target[e], weight[e], settings, plan, learnt, scratch)
            fresh = -1
            if fine:
                learn_rows(s, n, events.names, memory, settings.rates[k.TABLE_RATE], scratch.d)
                _step(settings, plan, learnt, scratch)
                if n[k.SETTLES]:
                    after_label(plan, learnt, loss, rounded)
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
    # A step from all events that were put aside. The gradient by a sample takes the sample's place, its losses those of
    # target and weight.
    n, x, names, z, d = settings.n, memory.held_x, memory.held_names, scratch.z, scratch.d
    losses, rounded = memory.held_target, memory.held_weight
    learnt.count[k.HELD] = 0
    for i in range(n[k.BATCH]):
        for j in range(x.shape[1]):
            z[j] = x[i, j]
        embed(i, n, names, memory.table, z)
        losses[i], rounded[i], fine = _gradient(False, losses[i], rounded[i], settings, plan, learnt, scratch)
        if not fine:
            _skip(learnt, scratch)
            return
        for j in range(x.shape[1]):
            x[i, j] = d[j]
    for i in range(n[k.BATCH]):
        learn_rows(i, n, names, memory, settings.rates[k.TABLE_RATE], x[i])
    _step(settings, plan, learnt, scratch)
    if n[k.SETTLES]:
        for i in range(n[k.BATCH]):
            after_label(plan, learnt, losses[i], rounded[i])


@leaf
def _gradient(fresh, target, weight, settings, plan, learnt, scratch):
    """Add up the gradients of the sample that was read; `fresh` is whether its values are there already.

    Returns its loss, that with what is on trial rounded, and whether it is finite; if it isn't, nothing was added.
    """
    n, rounded = settings.n, f4(0.0)
    share = weight / f4(n[k.BATCH])
    if learnt.count[k.TRIALS] > 0:
        round_trials(plan, learnt, True)
        forward(plan, learnt, scratch, False)
        rounded = _loss(target, share, n, scratch)
        round_trials(plan, learnt, False)
        fresh = False
    if not fresh or n[k.RANDOM]:
        forward(plan, learnt, scratch, True)
    for j in range(len(scratch.d)):
        scratch.d[j] = f4(0.0)
    loss = _loss(target, share, n, scratch)
    fine = np.isfinite(loss)
    if fine:
        backward(plan, learnt, scratch)
    return loss, rounded, fine


@leaf
def _loss(target, share, n, scratch):
    y = n[k.OUTPUT]
    o = scratch.z[y : y + n[k.OUTPUTS]]
    return loss_gradient(n[k.LOSS], n[k.CLASSIFY], target, share, o, y, scratch)


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
def _predict(n, scratch, p):
    # there may be more outputs than there are classes yet
    y = n[k.OUTPUT]
    if n[k.CLASSIFY]:
        o = scratch.d[y : y + n[k.OUTPUTS]]
        for c in range(len(o)):
            o[c] = scratch.z[y + c]
        softmax(o)
        for c in range(len(p)):
            p[c] = o[c]
    else:
        p[0] = min(max(scratch.z[y], -FARTHEST), FARTHEST)


@leaf
def _pool(n, z, latent, e):
    # means over positions; of more channels than are wanted, means of neighbours
    units, channels, positions = n[k.UNITS], n[k.CHANNELS], n[k.POSITIONS]
    for u in range(units):
        start, stop = u * channels // units, -(-(u + 1) * channels // units)
        v = f4(0.0)
        for c in range(start, stop):
            at = n[k.LATENT] + c * n[k.CHANNEL_STEP]
            for q in range(positions):
                v += z[at + q * n[k.POSITION_STEP]]
        latent[e, u] = v / f4((stop - start) * positions)
