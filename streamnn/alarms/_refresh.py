"""Every BLOCK values: reference law, dependence, thresholds."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import leaf_options
from .._math import exp64
from ._law import fill_cosines, merge, set_bounds
from ._layout import (
    ALLOWANCES,
    ARM_BLOCKS,
    ARM_EVENTS,
    BLOCK,
    CUSUMS,
    EXPOSURE,
    FEWEST,
    LAGS,
    LEVELS,
    MEMORY,
    NEVER,
    PEAK_DIVISOR,
    PEAKS,
    PURSE_AIM,
    PURSE_COST,
    PURSE_FLOOR,
    RAW_END,
    RECORD_BLOCKS,
    SCORES,
    STATS,
    VIEWS,
    YOUNG,
    Signal,
)
from ._peaks import halve_peaks, threshold
from ._watch import follow

LN2 = 0.6931471805599453


@njit(**leaf_options)
def clear(s: Signal, w: int) -> None:
    """Statistics of a view back to zero; their recorded peaks stay."""
    for j in range(STATS):
        s.peak[w, j] = s.held[w, j] = 0.0
        s.held_at[w, j] = s.taken
    for j in range(CUSUMS):
        s.height[w, j] = 0.0
        s.zero_at[w, j] = s.taken
        s.zero_ticket[w, j] = s.ticket[s.taken & (s.ticket.size - 1)]


@njit(**leaf_options)
def _autoregression(s: Signal) -> float:
    """Coefficients from the autocovariances (Levinson); the share of the variance they explain."""
    cov, a, b = s.ar_cov, s.ar_coef, s.work[0]
    variance = cov[0] * 1.0001 + 1e-300
    e = variance
    for i in range(LAGS):
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


@njit(**leaf_options)
def _dependence(s: Signal, w: int, horizon: float) -> None:
    """Length of an independent block from the batch means, and allowances that cover the law's own error."""
    s.floor[w] *= 1.0 - BLOCK / horizon
    least = max(1.0, s.floor[w])
    block = least
    known = max(min(s.regime * 1.0, MEMORY), BLOCK * 1.0)
    per = 2 * ALLOWANCES.size
    for i in range(SCORES):
        lrv = least
        for l in range(LEVELS):
            n = s.batch_n[w, l]
            if n >= 8.0:
                lrv = max(lrv, s.batch_var[w, l, i] / s.var[w, i] * (1 << l) * n / (n - 1.0))
        error = np.sqrt(lrv / known)
        for j in range(per):
            s.allowance[w, i * per + j] = ALLOWANCES[j % ALLOWANCES.size] + error
        block = max(block, lrv)
    s.block[w] = block * exp64(LN2 * max(0.0, s.recent - 1.0))


@njit(**leaf_options)
def _thresholds(s: Signal, w: int, share: np.ndarray, rate: float, horizon: float) -> None:
    exposure = s.exposure[w]
    k = int(min(max(exposure / s.block[w] / PEAK_DIVISOR, FEWEST - 1.0), PEAKS * 1.0))
    young = min(1.0, exposure / (YOUNG * horizon))  # a young calibration may spend less
    want = rate * young * exp64(s.purse)
    for j in range(STATS):
        s.bar[w, j] = threshold(s, w, j, share[j] * want, k, CUSUMS <= j < RAW_END)


@njit(**leaf_options)
def refresh(s: Signal, share: np.ndarray, horizon: float, budget: float, purse_cap: float) -> None:
    """Take the full buffers into the laws and set the thresholds anew. Budget: false alarms per horizon values."""
    first = s.taken <= BLOCK
    for w in range(VIEWS):
        if w == 1 and first:  # only now is it known which values are out of all proportion
            for i in range(BLOCK):
                s.buffer[w, i] = follow(s, min(max(s.buffer[w, i], s.bound[0]), s.bound[1]))
        merge(s, s.on_trial, w)
        if w == 0:
            set_bounds(s, s.on_trial)
    if s.on_trial:
        return
    s.recent *= 1.0 - BLOCK / horizon
    s.purse = min(purse_cap, max(s.purse, PURSE_FLOOR) + PURSE_COST * PURSE_AIM * BLOCK / horizon)
    explained = _autoregression(s)
    # the rest is watched where there is something to explain, and not on a lattice
    follows = explained > (0.05 if s.follows else 0.1) and s.size[0, 0] > BLOCK // 2
    if follows and not s.follows:
        for w in range(1, VIEWS):
            clear(s, w)
    s.follows = 1 if follows else 0
    whole = 0.0
    if not follows:  # one view alone may spend the share of both
        for j in range(STATS):
            whole += share[0, j]
    rate = budget / horizon * (1.0 if follows else 1.0 / whole)
    for w in range(VIEWS):
        fill_cosines(s, w)
        _dependence(s, w, horizon)
        on = w == 0 or follows
        s.records[w] = 1 if on and s.regime >= RECORD_BLOCKS * s.block[w] else 0
        armed = on and s.regime >= ARM_BLOCKS * s.block[w] and s.regime >= ARM_EVENTS * (1 + w)
        s.armed[w] = 1 if armed else 0
        if s.exposure[w] > EXPOSURE * horizon:
            halve_peaks(s, w)
        if armed:
            _thresholds(s, w, share[w], rate, horizon)
        else:
            for j in range(STATS):
                s.bar[w, j] = NEVER
