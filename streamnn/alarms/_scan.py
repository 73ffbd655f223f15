"""The detector's loop: a segment of the log through all signals of a family, block by block."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from ._arguments import Family, Operations
from ._layout import (
    ARM_EVENTS,
    BATCH_LEVELS,
    BLIND,
    BLOCK_VALUES,
    CARRIED,
    COARSE,
    CONFIRMED,
    CUSUMS,
    JUMP_SPANS,
    JUMP_STRIDE,
    PURSE_AIM,
    PURSE_CAP,
    PURSE_COST,
    PURSE_FLOOR,
    RING,
    STATS,
    TRIAL_BLOCKS,
    VALUE_LIMIT,
    VALUE_RING,
    Signal,
    View,
)
from ._level_test import level_test
from ._recalibration import Budget, clear, recalibrate
from ._reference import adopt, collect, new_mean, take_in
from ._statistics import cusums, follow, jumps, standardise, value_mean
from ._thresholds import keep_peak

REVIEW_DUE = 1_000_000
"""Added to the number of fires where an alarm is due for its review; above any number of fires."""
OWN_TEST = 8
"""Added to the kind of operation at which a signal has values, where the signal is its own test."""
CUSUM, JUMP, RAW_JUMP = range(3)
"""Kinds of statistics: sums of scores, and contrasts of neighbouring windows, of scores or raw."""
FIRE_FIELDS = 6
"""Numbers of one fire: operation, signal, statistic, ticket, operation and ticket at which the change began."""


@leaf
def _confirmed(s: Signal) -> bool:
    """Whether at least half of a jump of the raw value is still there: a lone outlier is no change."""
    m = JUMP_SPANS[(s.jump_stat - CUSUMS) // 2]
    at = s.jump_at
    d = value_mean(s, at + 1, s.taken) - value_mean(s, at - 2 * m + 1, at - m)
    return not s.on_trial and d * s.jump_size > 0.5 * s.jump_size * s.jump_size


@leaf
def _note_jump(s: Signal) -> None:
    m = JUMP_SPANS[(s.jump_stat - CUSUMS) // 2]
    now = s.taken
    s.jump_at = now
    s.jump_size = value_mean(s, now - m + 1, now) - value_mean(s, now - 2 * m + 1, now - m)
    s.quiet_until = now + 2 * JUMP_SPANS[JUMP_SPANS.size - 1]


@leaf
def _end_trial(s: Signal, v: View, r: View) -> None:
    j = s.trial_stat
    w = r if s.trial_view else v
    if w.height[j] == 0.0:  # it came back by itself: the old distribution stands, and has learnt new peaks
        for k in range(2):
            u = r if k else v
            u.filled = 0
            if u.records:
                u.exposure += s.trial_age
                for i in range(STATS):
                    held = np.float64(u.held[i]) if i < CUSUMS else 0.0
                    keep_peak(u, i, max(held, u.trial_peak[i]))
                    if i < CUSUMS:
                        u.held[i] = np.float32(0.0)
        s.on_trial = 0
    elif s.trial_age >= max(ARM_EVENTS, TRIAL_BLOCKS * w.block) and v.size[1] > 0 and r.size[1] > 0:
        s.on_trial = 0  # it did not: the new distribution replaces the old
        keep_peak(w, j, 1.1 * w.bar[j])
        s.regime = s.trial_age
        s.ar_weight = min(s.ar_weight, CARRIED)
        shift = new_mean(s, v)
        for k in range(2):
            u = r if k else v
            clear(s, u)
            u.armed = BLIND
            u.records = 0
            u.floor = u.block
            u.batched = u.filled = 0
            for l in range(BATCH_LEVELS):
                u.batch_half[l], u.batch_n[l] = 0, 0.0
            adopt(s, u, shift if k else 0.0)


@leaf
def _enter(s: Signal, v: View, x: float) -> float:
    """Write a value where later ones look for it; what the autoregression leaves of it."""
    s.taken += 1
    now = s.taken
    s.trial_age += s.on_trial
    s.regime += 1 - s.on_trial
    cut = min(max(x, s.bound[0]), s.bound[1])
    started = v.size[0] > 0
    rest = follow(s, cut) if started else x
    s.value[0, now & (VALUE_RING - 1)] = cut
    s.value[1, now & (VALUE_RING - 1)] = rest
    return rest


@leaf
def _remember(
    s: Signal, x: float, location: np.float32, scale: np.float32, op: int, ticket: int, tag: int
) -> None:
    """Sums of value, location and scale score up to here."""
    now = s.taken
    i, h = now & (RING - 1), (now - 1) & (RING - 1)
    s.op[i], s.ticket[i], s.tag[i] = op, ticket, tag
    s.sums[i, 0] = s.sums[h, 0] + min(max(x, s.bound[0]), s.bound[1])
    s.sums[i, 1] = s.sums[h, 1] + location
    s.sums[i, 2] = s.sums[h, 2] + scale
    if now % BLOCK_VALUES == 0:
        j = (now // BLOCK_VALUES) & (COARSE - 1)
        s.far_op[j], s.far_ticket[j] = op, ticket
        for k in range(3):
            s.far_sums[j, k] = s.sums[i, k]


@leaf
def _decide(
    s: Signal, v: View, r: View, fired: int, second: int, raw: int, raw_second: int, cost: float
) -> int:
    """From the statistic that fired (or -1), and the raw jump that did: the statistic of a new alarm, or -1.

    A lasting change begins a trial, whether it is a new one or not.
    """
    at = s.taken
    if s.jump_at >= 0:
        if fired < 0 and at == s.jump_at + min(JUMP_SPANS[(s.jump_stat - CUSUMS) // 2], CONFIRMED) + 2:
            if _confirmed(s):
                fired, second, at = s.jump_stat, s.jump_view, s.jump_at
            else:
                u = r if s.jump_view else v
                keep_peak(u, s.jump_stat, u.jump_peak[s.jump_stat - CUSUMS])
            s.jump_at = -1
    elif fired < 0 and raw >= 0:
        s.jump_view, s.jump_stat = raw_second, raw
        _note_jump(s)
    if fired < 0:
        return -1
    s.jump_at = -1
    w = r if second else v
    if fired < CUSUMS:
        s.began = s.taken - np.int64(w.length[fired])
    else:
        s.began = at - JUMP_SPANS[(fired - CUSUMS) // 2]
    new = s.began > s.last
    if new:
        s.last = s.taken
        s.fires += 1
        s.recent += 1.0
        s.purse -= cost
    else:
        s.evidence += 1
    if fired < CUSUMS:
        s.on_trial, s.trial_view, s.trial_stat, s.trial_age = 1, second, fired, 0
        for k in range(2):
            u = r if k else v
            u.filled = 0
            u.size[1], u.total[1] = 0, 0.0
            for i in range(STATS):
                u.trial_peak[i] = 0.0
    else:
        keep_peak(w, fired, w.jump_peak[fired - CUSUMS])
        s.quiet_until = s.taken + 2 * JUMP_SPANS[JUMP_SPANS.size - 1]
    return second * STATS + fired if new else -1


@leaf
def _where(s: Signal, out: np.ndarray) -> None:
    """Operation and ticket at which the change began, exact while they are remembered."""
    now, at = s.taken, max(s.began, 1)
    if at > now - RING:
        out[4], out[5] = s.op[at & (RING - 1)], s.ticket[at & (RING - 1)]
        return
    j = max(at // BLOCK_VALUES, now // BLOCK_VALUES - COARSE + 1, 1) & (COARSE - 1)
    out[4], out[5] = s.far_op[j], s.far_ticket[j]


@kernel
def scan(family: Family, operations: Operations, out: np.ndarray) -> int:
    """Operations of a segment until a block with fires is through. Gives the number of fires, rows of `out`.

    ``clock[1]``, the next operation of the segment, is 0 again behind the last; at operation ``clock[2]``, a multiple
    of BLOCK_VALUES, the kernel stops and answers REVIEW_DUE more. Signal k's values are ``values[k, i]`` at operations i of
    kind ``when[k]``, or at all of them where that is below 0. A kind OWN_TEST higher marks a signal that is its own
    test.
    """
    signals, views, purse, clock, share, horizon = family
    values, tags, op, when, event = operations
    n, count = 0, signals.size
    cost = PURSE_COST if count > 1 else 0.0
    due = 0
    while clock[1] < op.size and n == 0 and due == 0:
        first = clock[1]
        whole = clock[0]
        last = min(first + BLOCK_VALUES - whole % BLOCK_VALUES, op.size)
        if whole % BLOCK_VALUES == 0:
            passed = event[first] - purse[2]
            purse[2] = event[first]
            purse[0] = min(PURSE_CAP, max(purse[0], PURSE_FLOOR) + PURSE_COST * PURSE_AIM * passed / horizon)
            purse[0] -= PURSE_COST * purse[1]
            purse[1] = 0.0
        for k in range(count):
            s, v, r = signals[k], views[2 * k], views[2 * k + 1]
            own_test = when[k] >= OWN_TEST - 1
            wanted = when[k] - OWN_TEST if own_test else when[k]
            for i in range(first, last):
                if wanted >= 0 and wanted != op[i]:
                    continue
                x = values[k, i]
                if not np.abs(x) < np.inf:
                    s.skipped += 1
                    continue
                x = min(max(x, -VALUE_LIMIT), VALUE_LIMIT)
                at, ticket = whole + i - first, event[i]
                if own_test:
                    fired = level_test(s, x, tags[i] >> 2, purse[0], horizon, cost)
                    odd = np.float32(2.0 if x >= 0.5 else 0.0)
                    _remember(s, x, odd, odd, at, ticket, tags[i])
                    if fired:
                        row = out[n]
                        row[0], row[1], row[2], row[3] = at, k, 0, ticket
                        _where(s, row)
                        n += 1
                    continue
                rest = _enter(s, v, x)
                lasting, lasting_second, lasting_ratio = -1, 0, 0.0
                raw, raw_second, raw_ratio = -1, 0, 0.0
                location = scale = np.float32(0.0)
                for second in range(1 + s.follows if v.size[0] > 0 else 0):
                    w = r if second else v
                    standardise(s, w, rest if second else x)
                    if second == 0:
                        location, scale = s.signed[0], s.signed[2]
                    for kind in range(RAW_JUMP + 1):
                        if kind == JUMP and s.taken % JUMP_STRIDE:
                            continue
                        j, ratio = cusums(s, w) if kind == CUSUM else jumps(s, w, second, kind == RAW_JUMP)
                        if kind == RAW_JUMP and ratio > raw_ratio:
                            raw, raw_second, raw_ratio = j, second, ratio
                        if kind != RAW_JUMP and ratio > lasting_ratio:
                            lasting, lasting_second, lasting_ratio = j, second, ratio
                    if w.records and not s.on_trial:
                        w.exposure += 1.0
                _remember(s, x, location, scale, at, ticket, tags[i])
                fired = _decide(s, v, r, lasting, lasting_second, raw, raw_second, cost)
                if fired < 0 and s.on_trial:
                    _end_trial(s, v, r)
                for second in range(2):
                    w = r if second else v
                    if collect(s, w, second == 1, rest if second else x):
                        if second and s.taken == BLOCK_VALUES:
                            # only now is it known what is out of all proportion
                            for q in range(BLOCK_VALUES):
                                w.buffer[q] = follow(s, min(max(w.buffer[q], s.bound[0]), s.bound[1]))
                        take_in(s, w, second == 1)
                if fired >= 0:
                    row = out[n]
                    row[0], row[1], row[2], row[3] = at, k, fired, ticket
                    _where(s, row)
                    n += 1
                if s.taken % BLOCK_VALUES == 0 and v.size[0] > 0:
                    climb = PURSE_COST * PURSE_AIM * BLOCK_VALUES / horizon * min(1.0, 2.0 / count)
                    if not s.on_trial:
                        s.refreshed = at
                        recalibrate(s, v, r, share, Budget(horizon, 1.0 / count, purse[0], climb))
        clock[1] = last
        clock[0] += last - first
        if clock[0] == clock[2]:
            due = REVIEW_DUE
    if clock[1] == op.size:
        clock[1] = 0
    return n + due
