"""Every BLOCK_VALUES values: dependence, thresholds, what is watched."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import leaf
from ._layout import (
    ALLOWANCES,
    AR_LAGS,
    ARM_BLOCKS,
    ARM_EVENTS,
    ARMED,
    BATCH_LEVELS,
    BLIND,
    BLOCK_VALUES,
    CAUTION,
    COARSELY,
    CUSUMS,
    EXPOSURE,
    FEWEST,
    JUMP_SPANS,
    JUMPS,
    NEVER,
    PEAK_DIVISOR,
    PEAKS,
    POINTS,
    PURSE_FLOOR,
    RAW_JUMPS,
    RECORD_BLOCKS,
    REFERENCE_MEMORY,
    SCORES,
    SHORTEST_BATCH,
    SIDES,
    STATS,
    WHOLE_BUDGET_AFTER,
    Signal,
    View,
)
from ._reference import moments, set_scales
from ._thresholds import growth, halve_peaks, threshold

f4 = np.float32
LN2 = 0.6931471805599453


class Budget(NamedTuple):
    """False alarms that a signal may raise."""

    horizon: float  # values within which
    alarms: float  # this number of them is wanted,
    purse: float  # times e to the power of what the family and the signal have saved or spent
    climb: float  # by how much what the signal has spent comes back with every block


@leaf
def clear(s: Signal, w: View) -> None:
    """Statistics of a view back to zero; their recorded peaks stay."""
    w.held_at = s.taken
    for j in range(CUSUMS):
        w.height[j] = w.peak[j] = w.held[j] = w.length[j] = f4(0.0)
    for j in range(JUMPS):
        w.jump_peak[j] = 0.0
    for a in range(JUMP_SPANS.size):
        w.jump_at[a] = s.taken


@leaf
def _autoregression(s: Signal) -> float:
    """Coefficients from the autocovariances (Levinson); the share of the variance they explain."""
    cov, a, b = s.ar_cov, s.ar_coef, s.work[0]
    variance = cov[0] * 1.0001 + 1e-300
    e = variance
    for i in range(AR_LAGS):
        r = cov[i + 1]
        for j in range(i):
            r -= a[j] * cov[i - j]
        k = r / e
        for j in range(i):
            b[j] = a[j] - k * a[i - 1 - j]
        for j in range(i):
            a[j] = b[j]
        a[i] = k
        e *= 1.0 - k * k
    return 1.0 - e / variance


@leaf
def _dependence(s: Signal, w: View, horizon: float) -> None:
    """Length of an independent block from the batch means, and allowances that cover the distribution's own error."""
    w.floor *= 1.0 - BLOCK_VALUES / horizon
    least = max(1.0, w.floor)
    block = least
    known = max(min(s.regime * 1.0, REFERENCE_MEMORY), BLOCK_VALUES * 1.0)
    for i in range(SCORES):
        lrv = least
        for l in range(BATCH_LEVELS):
            n = w.batch_n[l]
            if n >= 8.0 and w.scale[i] > 0.0:
                lrv = max(lrv, w.batch_var[l, i] / w.var[i] * (SHORTEST_BATCH << l) * n / (n - 1.0))
        error = np.sqrt(lrv / known)
        for a in range(ALLOWANCES.size):
            for j in range(a * SIDES + 2 * i, a * SIDES + 2 * i + 2):
                w.allowance[j] = f4(ALLOWANCES[a] + error)
        w.lrv_was[i] = w.lrv[i]
        w.lrv[i] = lrv
        block = max(block, lrv)
    w.block = block * exp64(LN2 * max(0.0, s.recent - 1.0))


@leaf
def _thresholds(w: View, share: np.ndarray, want: float) -> None:
    """From past peaks; of a stream too short to have shown them, from the long-run variance alone."""
    exposure = w.exposure
    k = int(min(max(exposure / w.block / PEAK_DIVISOR, FEWEST - 1.0), PEAKS * 1.0))
    for i in range(SIDES + JUMPS):  # the allowances of one score have one share
        first = i if i < SIDES else CUSUMS + i - SIDES
        step = SIDES if i < SIDES else STATS
        expected = exposure * want * share[first]
        grown = growth(expected, k) if w.armed == ARMED else 0.0
        for j in range(first, CUSUMS if i < SIDES else STATS, step):
            bar = NEVER
            if w.armed == ARMED:
                raw = CUSUMS <= j < CUSUMS + RAW_JUMPS
                bar = threshold(w, j, grown, k, raw, expected < 1.0)
            elif w.armed == COARSELY and i < SIDES and w.size[0] > POINTS // 4:
                bar = CAUTION * 0.5 * w.lrv[i >> 1] * (log64(1.0 / (share[first] * want)) + 2.0)
            if i < SIDES:
                w.bar[j] = f4(min(bar, 1e30))
            else:
                w.jump_bar[j - CUSUMS] = bar


@leaf
def recalibrate(s: Signal, v: View, r: View, share: np.ndarray, budget: Budget) -> None:
    """Set the thresholds again, for the budget's false alarms; `share` is what each statistic may use of it."""
    horizon, alarms, purse, climb = budget
    s.recent *= 1.0 - BLOCK_VALUES / horizon
    s.purse = min(0.0, max(s.purse, PURSE_FLOOR) + climb)
    explained = _autoregression(s)
    # the rest is watched where there is something to explain, and not on a lattice
    follows = explained > (0.05 if s.follows else 0.1) and v.size[0] > BLOCK_VALUES // 2
    if follows and not s.follows:
        clear(s, r)
        moments(s, r)
    s.follows = 1 if follows else 0
    whole = 0.0
    if not follows:  # one view alone may spend the share of both
        for j in range(STATS):
            whole += share[0, j]
    rate = alarms / horizon * (1.0 if follows else 1.0 / whole) * exp64(purse + s.purse)
    r.records, r.armed = r.records * s.follows, r.armed * s.follows
    for k in range(1 + s.follows):
        w = r if k else v
        set_scales(w)
        _dependence(s, w, horizon)
        w.records = 1 if s.regime >= RECORD_BLOCKS * w.block else 0
        was = w.armed
        w.armed = BLIND
        if w.records and s.regime >= BLOCK_VALUES * (1 + k):
            w.armed = COARSELY
            if s.regime >= ARM_BLOCKS * w.block and s.regime >= ARM_EVENTS * (1 + k):
                w.armed = ARMED
        if w.exposure > EXPOSURE * horizon:
            halve_peaks(w)
        # a new calibration may spend less; an old one sets its thresholds every fourth time
        want = rate * min(1.0, max(w.exposure, BLOCK_VALUES) / (WHOLE_BUDGET_AFTER * horizon))
        if w.armed != ARMED or was != ARMED or w.exposure < horizon or s.taken % (4 * BLOCK_VALUES) == 0:
            _thresholds(w, share[k], want)
