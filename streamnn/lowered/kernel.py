"""The scan of a lowered network over the operations of a segment."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import softmax
from .._kernels.jit import kernel, leaf
from ..features.targets import FARTHEST_PREDICTION
from ..types import EXPIRE, LEARN, OBSERVE
from . import arrays as k
from .arrays import Events, Learnt, Memory, Scratch, Settings
from .cap import cap
from .inputs import embed, hold, keep_window, learn_rows, read
from .latent import write_latent
from .losses import RECONSTRUCT, loss_gradient
from .optimisers import optimiser_step
from .passes import backward, forward
from .plan import PlanArrays
from .reconstruction import reconstruction
from .settling import after_event, after_label, round_trials

f4 = np.float32
_NUMBER_CLIP = f4(FARTHEST_PREDICTION)


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
    batch, z, d, size = n[k.S_BATCH], scratch.z, scratch.d, memory.held_x.shape[1]
    loss, rounded = f4(0.0), f4(0.0)
    fresh = -1  # the slot whose values lie in the scratch
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s, labelled = slot[e], op[e] == LEARN
        learning = 0  # samples that a step is made of now
        if labelled:
            hold(s, count[k.HELD_LABELS], target[e], weight[e], n, events, memory)
            count[k.LABELS_TAKEN] += 1
            count[k.HELD_LABELS] = (count[k.HELD_LABELS] + 1) % batch
            learning = batch if count[k.HELD_LABELS] == 0 else 0
        fine = learning > 0
        # the event as it is seen, then what is learnt from; forward and backward are called in one place each, as they
        # are most of what is compiled
        for i in range(-1 if not labelled or latent.shape[0] > 0 else 0, learning):
            for on_trial in range(1 if i >= 0 and count[k.SHUFFLES_ON_TRIAL] > 0 else 0, -1, -1):
                if s != fresh or on_trial or (i >= 0 and (batch > 1 or n[k.S_RANDOM])):
                    if i < 0:
                        read(s, labelled, n, events, memory, z)
                        embed(s, n, events.names, memory.table, z)
                    else:
                        for j in range(size):
                            z[j] = memory.held_x[i, j]
                        embed(i, n, memory.held_names, memory.table, z)
                    if on_trial:
                        round_trials(plan, learnt, True)
                    forward(plan, learnt, scratch, i >= 0 and not on_trial)
                    fresh = s if i < 0 else -1
                if i >= 0:
                    for j in range(len(d)):
                        d[j] = f4(0.0)
                    loss = _loss(memory.held_target[i], memory.held_weight[i] / f4(batch), n, scratch)
                if on_trial:
                    rounded = loss
                    round_trials(plan, learnt, False)
            if i < 0:
                if latent.shape[0] > 0:
                    write_latent(settings.latent, z, latent[e, : n[k.S_UNITS]])
                if not labelled:
                    _predict(n, scratch, events.p[s, n[k.S_PLACE]])
                continue
            if not np.isfinite(loss):
                fine = False
                break
            backward(plan, learnt, scratch)
            # the gradient by a sample takes the sample's place, its losses those of target and weight
            for j in range(size):
                memory.held_x[i, j] = d[j]
            memory.held_target[i], memory.held_weight[i] = loss, rounded
        if op[e] == OBSERVE:
            keep_window(s, n, events, memory)
            if n[k.S_SETTLES] and after_event(plan, learnt, scratch):
                fresh = -1
        if fine:
            for i in range(batch):
                learn_rows(i, n, memory, settings.rates[k.S_TABLE_RATE])
            optimiser_step(settings.hyper, learnt, scratch.g)
            if settings.rates[k.S_SLOPE] > f4(0.0):
                cap(plan, learnt, settings.rates[k.S_SLOPE], scratch)
            if n[k.S_SETTLES]:
                for i in range(batch):
                    after_label(plan, learnt, memory.held_target[i], memory.held_weight[i])
                if settings.rates[k.S_SLOPE] > f4(0.0):  # shares of a grouping have moved
                    cap(plan, learnt, settings.rates[k.S_SLOPE], scratch)
        elif learning:
            count[k.SKIPPED] += 1
            for j in range(len(scratch.g)):
                scratch.g[j] = f4(0.0)
        if learning:
            fresh = -1


@leaf
def _loss(target, share, n, scratch):
    y = n[k.S_OUTPUT]
    o = scratch.z[y : y + n[k.S_OUTPUTS]]
    return loss_gradient(n[k.S_LOSS], n[k.S_CLASSIFY], target, share, o, y, scratch)


@leaf
def _predict(n, scratch, p):
    # there may be more outputs than there are classes yet
    y = n[k.S_OUTPUT]
    if n[k.S_CLASSIFY]:
        o = scratch.d[y : y + n[k.S_OUTPUTS]]
        for c in range(len(o)):
            o[c] = scratch.z[y + c]
        softmax(o)
        for c in range(len(p)):
            p[c] = o[c]
    else:
        said = scratch.z[y]
        if n[k.S_LOSS] == RECONSTRUCT:  # what it says of a row is how far off it is
            said = reconstruction(f4(0.0), n[k.S_OUTPUTS], y, scratch)
        p[0] = min(max(said, -_NUMBER_CLIP), _NUMBER_CLIP)
