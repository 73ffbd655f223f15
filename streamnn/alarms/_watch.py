"""One value: its autoregressive rest, its scores, and the statistics made of them."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import leaf_options
from ._law import cosine, scores
from ._layout import (
    ALLOWANCES,
    CUSUMS,
    JUMP_GAP,
    LAGS,
    LEVELS,
    MEMORY,
    PEAK_GAP,
    RAW,
    SCORES,
    SPANS,
    SUM_RING,
    VALUE_RING,
    VAR_FLOOR,
    Signal,
)
from ._peaks import keep_peak

SMALL = ALLOWANCES.size


@njit(**leaf_options)
def follow(s: Signal, v: float) -> float:
    """What the autoregression leaves of a value; then its running mean and autocovariances."""
    lag, cov = s.ar_lag, s.ar_cov
    s.ar_weight = min(s.ar_weight + 1.0, MEMORY)
    d = v - s.ar_mean
    rest = d
    for i in range(LAGS):
        rest -= s.ar_coef[i] * lag[i]
    g = 1.0 / s.ar_weight
    s.ar_mean += g * d
    cov[0] += g * (d * d - cov[0])
    for i in range(LAGS):
        cov[i + 1] += g * (d * lag[i] - cov[i + 1])
    for i in range(LAGS - 1, 0, -1):
        lag[i] = lag[i - 1]
    lag[0] = d
    return rest


@njit(**leaf_options)
def _batch_means(s: Signal, w: int) -> None:
    """Mean and variance of batch means of 1, 2, 4 ... scores."""
    for i in range(SCORES):
        s.batch_sum[w, 0, i] = s.score[i]
    for l in range(LEVELS):
        below = s.batch_sum[w, l]
        s.batch_n[w, l] += 1.0
        scale = 1.0 / (1 << l)
        g = 1.0 / min(s.batch_n[w, l], max(32.0, MEMORY * scale))
        mean, var = s.batch_mean[w, l], s.batch_var[w, l]
        for i in range(SCORES):
            d = below[i] * scale - mean[i]
            mean[i] += g * d
            var[i] += g * ((1.0 - g) * d * d - var[i])
        if l + 1 == LEVELS:
            break
        s.batch_half[w, l] ^= 1
        half = s.batch_sum[w, l + 1]
        if s.batch_half[w, l]:
            for i in range(SCORES):
                half[i] = below[i]
            break
        for i in range(SCORES):
            half[i] += below[i]


@njit(**leaf_options)
def standardise(s: Signal, w: int, v: float) -> None:
    """The four scores of a value, standardised by their running mean and sd before it (frozen in a trial)."""
    scores(s, cosine(s, w, v))
    mean, var, score, z = s.mean[w], s.var[w], s.score, s.z
    g = 1.0 / min(s.regime + 16.0, MEMORY)
    for i in range(SCORES):
        d = score[i] - mean[i]
        z[i] = d / np.sqrt(var[i])
        if not s.on_trial:
            mean[i] += g * d
            var[i] = max(var[i] + g * (d * d - var[i]), VAR_FLOOR)
    if not s.on_trial:
        _batch_means(s, w)


@njit(**leaf_options)
def _close(s: Signal, w: int, j: int) -> None:
    """An excursion is over: its peak is on record; peaks of one gap count once."""
    p = s.peak[w, j]
    s.peak[w, j] = 0.0
    if s.on_trial:
        s.trial_peak[w, j] = max(s.trial_peak[w, j], p)
    elif s.records[w]:
        if s.taken - s.held_at[w, j] > s.block[w] * PEAK_GAP:
            keep_peak(s, w, j, s.held[w, j])
            s.held[w, j] = p
            s.held_at[w, j] = s.taken
        else:
            s.held[w, j] = max(s.held[w, j], p)


@njit(**leaf_options)
def cusums(s: Signal, w: int, ticket: int) -> tuple[int, float]:
    """Both-sided cumulative sums of the scores; the one furthest above its threshold (or -1), and its ratio."""
    z, signed = s.z, s.signed
    for i in range(SCORES):
        for a in range(SMALL):
            signed[i * 2 * SMALL + a] = z[i]
            signed[i * 2 * SMALL + SMALL + a] = -z[i]
    allowance, height, peak, bar = s.allowance[w], s.height[w], s.peak[w], s.bar[w]
    zero_at, zero_ticket, now = s.zero_at[w], s.zero_ticket[w], s.taken
    over = 0
    for j in range(CUSUMS):  # no branch inside: vectorised
        h = height[j] + (signed[j] - allowance[j])
        h = h if h > 0.0 else 0.0
        height[j] = h
        p = h * allowance[j]
        p = p if p > peak[j] else peak[j]
        peak[j] = p
        zero_at[j] = zero_at[j] if h > 0.0 else now
        zero_ticket[j] = zero_ticket[j] if h > 0.0 else ticket
        over += 1 if p > bar[j] else 0
    best, ratio = -1, 0.0
    if over > 0 and s.armed[w] and not s.on_trial:
        for j in range(CUSUMS):
            if height[j] > 0.0 and peak[j] > bar[j] and peak[j] > ratio * bar[j]:
                best, ratio = j, peak[j] / bar[j]
    for j in range(CUSUMS):
        if height[j] == 0.0 and peak[j] > 0.0:
            _close(s, w, j)
    return best, ratio


@njit(**leaf_options)
def _jump(s: Signal, w: int, a: int) -> float:
    """Sum of the last SPANS[a] values (place scores for the wide ones), less that of as many before them."""
    m = SPANS[a]
    now = s.taken
    d = 0.0
    if a < RAW:
        value = s.value[w]
        for i in range(m):
            d += value[(now - i) & (VALUE_RING - 1)]
        if w == 0:  # a rest needs no neighbour to compare with
            for i in range(m, 2 * m):
                d -= value[(now - i) & (VALUE_RING - 1)]
        return d
    total = s.place_sum[w]
    middle = total[(now - m) & (SUM_RING - 1)]
    return (total[now & (SUM_RING - 1)] - middle) - (middle - total[(now - 2 * m) & (SUM_RING - 1)])


@njit(**leaf_options)
def jumps(s: Signal, w: int, raw: bool) -> tuple[int, float]:
    """Contrasts of neighbouring windows, raw or of place; the one furthest above its threshold, its ratio."""
    best, ratio = -1, 0.0
    now = s.taken
    peak, bar = s.peak[w], s.bar[w]
    ready = s.armed[w] and not s.on_trial and now > s.quiet_until
    for a in range(0 if raw else RAW, RAW if raw else SPANS.size):
        m = SPANS[a]
        if now <= 2 * m:
            continue
        d = _jump(s, w, a)
        gap = max(4.0 * m, JUMP_GAP * s.block[w])
        for down in range(2):
            j = CUSUMS + 2 * a + down
            v = -d if down else d
            if v > peak[j]:
                peak[j] = v
                if ready and v > bar[j] and v > ratio * bar[j]:
                    best, ratio = j, v / bar[j]
            if now - s.held_at[w, j] > gap:
                if s.on_trial:
                    s.trial_peak[w, j] = max(s.trial_peak[w, j], peak[j])
                elif s.records[w]:
                    keep_peak(s, w, j, peak[j])
                peak[j] = 0.0
                s.held_at[w, j] = now
    return best, ratio


@njit(**leaf_options)
def value_mean(s: Signal, first: int, last: int) -> float:
    """Mean of the values taken at first..last, all within the ring."""
    total = 0.0
    for i in range(first, last + 1):
        total += s.value[0, i & (VALUE_RING - 1)]
    return total / (last + 1 - first)
