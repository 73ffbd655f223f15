"""The detector's loop over the values of one signal."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import kernel, leaf_options
from ._law import adopt
from ._layout import (
    ARM_EVENTS,
    BLOCK,
    CARRIED,
    CUSUMS,
    LARGEST,
    LEVELS,
    PURSE_COST,
    SPANS,
    STATS,
    SUM_RING,
    TICKET_RING,
    TRIAL_BLOCKS,
    VALUE_RING,
    VIEWS,
    Signal,
)
from ._peaks import keep_peak
from ._refresh import clear, refresh
from ._watch import cusums, follow, jumps, standardise, value_mean


@njit(**leaf_options)
def _confirmed(s: Signal) -> bool:
    """Whether at least half of a jump of the raw value is still there: a lone outlier is no change."""
    m = SPANS[(s.jump_stat - CUSUMS) // 2]
    at = s.jump_at
    d = value_mean(s, at + 1, s.taken) - value_mean(s, at - 2 * m + 1, at - m)
    return not s.on_trial and d * s.jump_size > 0.5 * s.jump_size * s.jump_size


@njit(**leaf_options)
def _note_jump(s: Signal) -> None:
    m = SPANS[(s.jump_stat - CUSUMS) // 2]
    now = s.taken
    s.jump_at = now
    s.jump_size = value_mean(s, now - m + 1, now) - value_mean(s, now - 2 * m + 1, now - m)
    s.quiet_until = now + 2 * SPANS[-1]


@njit(**leaf_options)
def _alarm(s: Signal, w: int, j: int, at: int, ticket: int) -> int:
    """A statistic is above its threshold: report it if the change is a new one, and begin a trial."""
    if j < CUSUMS:
        began, began_ticket = s.zero_at[w, j], s.zero_ticket[w, j]
    else:
        began = at - SPANS[(j - CUSUMS) // 2]
        began_ticket = s.ticket[began & (TICKET_RING - 1)]
    new = began > s.last
    if new:
        s.fired[0], s.fired[1], s.fired[2] = ticket, w * STATS + j, began_ticket
        s.last = s.taken
        s.alarms += 1
        s.recent += 1.0
        s.purse -= PURSE_COST
    else:
        s.evidence += 1
    if j < CUSUMS:
        s.on_trial, s.trial_view, s.trial_stat, s.trial_age = 1, w, j, 0
        for v in range(VIEWS):
            s.size[1, v], s.total[1, v] = 0, 0.0
            for i in range(STATS):
                s.trial_peak[v, i] = 0.0
    else:
        keep_peak(s, w, j, s.peak[w, j])
        s.quiet_until = s.taken + 2 * SPANS[-1]
    return 1 if new else 0


@njit(**leaf_options)
def _end_trial(s: Signal) -> None:
    v, j = s.trial_view, s.trial_stat
    if s.height[v, j] == 0.0:  # it came back by itself: the old law stands, and has learnt new peaks
        s.on_trial = 0
        for w in range(VIEWS):
            if s.records[w]:
                s.exposure[w] += s.trial_age
                for i in range(STATS):
                    keep_peak(s, w, i, s.trial_peak[w, i])
    elif s.trial_age >= max(ARM_EVENTS, TRIAL_BLOCKS * s.block[v]) and s.size[1, 0] > 0:
        s.on_trial = 0  # it did not: the new law replaces the old
        keep_peak(s, v, j, 1.1 * s.bar[v, j])
        s.regime = s.trial_age
        s.ar_weight = min(s.ar_weight, CARRIED)
        for w in range(VIEWS):
            clear(s, w)
            s.armed[w] = s.records[w] = 0
            s.floor[w] = s.block[w]
            for l in range(LEVELS):
                s.batch_half[w, l], s.batch_n[w, l] = 0, 0.0
            adopt(s, w)


@njit(**leaf_options)
def _enter(s: Signal, v: float, ticket: int) -> float:
    """Write a value and its ticket where later ones look for them; what the autoregression leaves of it."""
    s.taken += 1
    now = s.taken
    s.ticket[now & (TICKET_RING - 1)] = ticket
    s.trial_age += s.on_trial
    s.regime += 1 - s.on_trial
    cut = min(max(v, s.bound[0]), s.bound[1])
    rest = follow(s, cut) if s.size[0, 0] > 0 else v
    s.value[0, now & (VALUE_RING - 1)] = cut
    s.value[1, now & (VALUE_RING - 1)] = rest
    s.buffer[0, s.filled] = v
    s.buffer[1, s.filled] = rest
    s.filled += 1
    return rest


@njit(**leaf_options)
def _decide(s: Signal, fired: int, view: int, raw: int, raw_view: int, ticket: int) -> int:
    """From the statistic that fired (or -1), and the raw jump that did: 1 when there is an alarm."""
    at = s.taken
    if s.jump_at >= 0:
        if fired < 0 and at == s.jump_at + SPANS[(s.jump_stat - CUSUMS) // 2] + 2:
            if _confirmed(s):
                fired, view, at = s.jump_stat, s.jump_view, s.jump_at
            else:
                keep_peak(s, s.jump_view, s.jump_stat, s.peak[s.jump_view, s.jump_stat])
            s.jump_at = -1
    elif fired < 0 and raw >= 0:
        s.jump_view, s.jump_stat = raw_view, raw
        _note_jump(s)
    if fired >= 0:
        s.jump_at = -1
        return _alarm(s, view, fired, at, ticket)
    if s.on_trial:
        _end_trial(s)
    return 0


@kernel
def scan(
    signals: np.ndarray,
    k: int,
    values: np.ndarray,
    ticket: np.ndarray,
    share: np.ndarray,
    horizon: float,
    budget: float,
    purse_cap: float,
    out: np.ndarray,
) -> int:
    """Values through signal k's detector. out int64[n, 3]: ticket, statistic, ticket of the change; how many."""
    s = signals[k]
    n = 0
    best, where, ratio = np.empty(2, np.int64), np.empty(2, np.int64), np.empty(2)  # lasting signs, raw jumps
    for i in range(values.size):
        if not np.abs(values[i]) < np.inf:
            s.skipped += 1
            continue
        v = min(max(values[i], -LARGEST), LARGEST)
        rest = _enter(s, v, ticket[i])
        best[0] = best[1] = -1
        ratio[0] = ratio[1] = 0.0
        for w in range(VIEWS if s.size[0, 0] > 0 else 0):
            standardise(s, w, v if w == 0 else rest)
            now = s.taken
            s.place_sum[w, now & (SUM_RING - 1)] = s.place_sum[w, (now - 1) & (SUM_RING - 1)] + s.z[0]
            if w == 1 and not s.follows:
                break
            for kind in range(3):
                j, r = cusums(s, w, ticket[i]) if kind == 0 else jumps(s, w, kind == 1)
                raw = kind & 1
                if r > ratio[raw]:
                    best[raw], where[raw], ratio[raw] = j, w, r
            if s.records[w] and not s.on_trial:
                s.exposure[w] += 1.0
        if _decide(s, best[0], where[0], best[1], where[1], ticket[i]):
            for f in range(3):
                out[n, f] = s.fired[f]
            n += 1
        if s.filled == BLOCK:
            s.filled = 0
            refresh(s, share, horizon, budget, purse_cap)
    return n
