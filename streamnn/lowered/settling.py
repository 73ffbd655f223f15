"""What every learned shuffle and grouping of a network does after a label."""

from __future__ import annotations

from .._kernels.jit import leaf
from ..permutations.correlation import watch
from ..permutations.places import COUNTERS_AT, STATE_AT, WATCHING
from ..permutations.settling import set_rounded, settle
from .arrays import SHUFFLES_ON_TRIAL
from .codes import A0, CODE, GROUPING, IN, SHUFFLE
from .grouping import drop_unread
from .shuffle import tables


@leaf
def after_label(plan, learnt, soft_loss, rounded_loss):
    """Call it for every label that was learnt, after the step of the optimiser if there was one.

    While ``learnt.count[SHUFFLES_ON_TRIAL]`` is above 0 the caller brings both losses of the label, without dropout, as they were
    before it was learnt: the network's, and what it is within ``round_trials(..., True)`` and ``False``. Otherwise
    `rounded_loss` is not read.
    """
    for i in range(plan.ops.shape[0]):
        code = plan.ops[i, CODE]
        if code in (SHUFFLE, GROUPING):
            answer = settle(plan.ops[i, A0], tables(plan, learnt), soft_loss, rounded_loss)
            learnt.count[SHUFFLES_ON_TRIAL] += 1 if answer == 1 else -1 if answer < 0 else 0
            if answer == -2 and code == GROUPING:
                drop_unread(i, plan, learnt)


@leaf
def after_event(plan, learnt, scratch):
    """Call it when an event was predicted, once an event (not for a look): what groups columns counts it in.

    Returns whether an order changed: then values that were computed before are of another network.
    """
    changed = False
    for i in range(plan.ops.shape[0]):
        if plan.ops[i, CODE] == SHUFFLE:
            p, t = plan.ops[i, A0], tables(plan, learnt)
            if t.counters[t.whole[p + COUNTERS_AT] + STATE_AT] == WATCHING:
                changed = watch(p, t, scratch.z, plan.ops[i, IN]) or changed
    return changed


@leaf
def round_trials(plan, learnt, on):
    """Way forward of what is on trial: rounded, or as it is again. Never leave it on."""
    for i in range(plan.ops.shape[0]):
        if plan.ops[i, CODE] == SHUFFLE or plan.ops[i, CODE] == GROUPING:
            set_rounded(plan.ops[i, A0], tables(plan, learnt), on)
