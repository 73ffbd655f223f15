"""One value: its autoregressive rest, its scores, and the statistics made of them."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ._layout import (
    AR_LAGS,
    ARMED,
    BATCH_LEVELS,
    BLIND,
    CUSUMS,
    JUMP_GAP,
    JUMP_SPANS,
    JUMP_STRIDE,
    PEAK_GAP,
    RAW,
    RAW_STRIDE,
    REFERENCE_MEMORY,
    SCORES,
    SHORTEST_BATCH,
    SIDES,
    SUM_RING,
    VALUE_RING,
    VAR_FLOOR,
    Signal,
    View,
)
from ._reference import cosine, scores
from ._thresholds import keep_peak

f4 = np.float32
ZERO, ONE = f4(0.0), f4(1.0)


@leaf
def follow(s: Signal, v: float) -> float:
    """What the autoregression leaves of a value; then its running mean and autocovariances (not in a trial)."""
    lag, cov = s.ar_lag, s.ar_cov
    d = v - s.ar_mean
    rest = d
    for i in range(AR_LAGS):
        rest -= s.ar_coef[i] * lag[i]
    g = 0.0
    if not s.on_trial:
        s.ar_weight = min(s.ar_weight + 1.0, REFERENCE_MEMORY)
        g = 1.0 / s.ar_weight
    s.ar_mean += g * d
    cov[0] += g * (d * d - cov[0])
    for i in range(AR_LAGS):
        cov[i + 1] += g * (d * lag[i] - cov[i + 1])
    for i in range(AR_LAGS - 1, 0, -1):
        lag[i] = lag[i - 1]
    lag[0] = d
    return rest


@leaf
def _batch_means(s: Signal, w: View) -> None:
    """Mean and variance of batch means of 4, 8, 16 ... scores."""
    first = w.batch_sum[0]
    fresh = w.batched % SHORTEST_BATCH == 0
    w.batched += 1
    for i in range(SCORES):
        first[i] = (0.0 if fresh else first[i]) + s.score[i]
    if w.batched % SHORTEST_BATCH:
        return
    for l in range(BATCH_LEVELS):
        below = w.batch_sum[l]
        w.batch_n[l] += 1.0
        scale = 1.0 / (SHORTEST_BATCH << l)
        g = 1.0 / min(w.batch_n[l], max(32.0, REFERENCE_MEMORY * scale))
        mean, var = w.batch_mean[l], w.batch_var[l]
        for i in range(SCORES):
            d = below[i] * scale - mean[i]
            mean[i] += g * d
            var[i] += g * ((1.0 - g) * d * d - var[i])
        if l + 1 == BATCH_LEVELS:
            break
        w.batch_half[l] ^= 1
        half = w.batch_sum[l + 1]
        if w.batch_half[l]:
            for i in range(SCORES):
                half[i] = below[i]
            break
        for i in range(SCORES):
            half[i] += below[i]


@leaf
def standardise(s: Signal, w: View, v: float) -> None:
    """The four scores of a value, standardised, each with both signs (mean and sd are frozen in a trial)."""
    scores(s, cosine(w, v))
    mean, var, score, signed = w.mean, w.var, s.score, s.signed
    for i in range(SCORES):
        z = f4((score[i] - mean[i]) * w.scale[i])
        for a in range(0, CUSUMS, SIDES):
            signed[a + 2 * i] = z
            signed[a + 2 * i + 1] = -z
    total, now = w.place_sum, s.taken
    total[now & (SUM_RING - 1)] = total[(now - 1) & (SUM_RING - 1)] + signed[0]
    if not s.on_trial:
        g = 1.0 / min(s.regime + 16.0, REFERENCE_MEMORY)
        for i in range(SCORES):
            d = score[i] - mean[i]
            mean[i] += g * d
            var[i] = max(var[i] + g * (d * d - var[i]), VAR_FLOOR)
        _batch_means(s, w)


@leaf
def keep_held(s: Signal, w: View) -> None:
    """At the end of a gap its largest peaks go on record."""
    if w.records and not s.on_trial and s.taken - w.held_at <= w.block * PEAK_GAP:
        return
    w.held_at = s.taken
    held = w.held
    for j in range(CUSUMS):
        if held[j] > ZERO:
            if s.on_trial:
                w.trial_peak[j] = max(w.trial_peak[j], np.float64(held[j]))
            elif w.records:
                keep_peak(w, j, held[j])
            held[j] = ZERO


@leaf
def cusums(s: Signal, w: View) -> tuple[int, float]:
    """Both-sided cumulative sums of the scores; the one furthest above its threshold (or -1), and its ratio."""
    signed, allowance, height, peak = s.signed, w.allowance, w.height, w.peak
    held, length, bar = w.held, w.length, w.bar
    over = 0
    for j in range(CUSUMS):  # everything is loaded and nothing skipped, so that it is vectorised
        p, q, n, free = peak[j], held[j], length[j] + ONE, allowance[j]
        h = height[j] + (signed[j] - free)
        on = h > ZERO
        g = h * free
        g = g if g > p else p
        g = g if on else ZERO
        height[j] = h if on else ZERO
        held[j] = q if on or q > p else p
        peak[j] = g
        length[j] = n if on else ZERO
        over += 1 if g > bar[j] else 0
    best, ratio = -1, 0.0
    if over > 0 and w.armed != BLIND and not s.on_trial:
        for j in range(CUSUMS):
            if peak[j] > bar[j] and peak[j] > ratio * bar[j]:
                best, ratio = j, np.float64(peak[j] / bar[j])
    if s.taken % JUMP_STRIDE == 0:
        keep_held(s, w)
    return best, ratio


@leaf
def jumps(s: Signal, w: View, second: int, raw: bool) -> tuple[int, float]:
    """Contrasts of neighbouring windows, raw or of place; the one furthest above its threshold, its ratio.

    Each the sum of the last JUMP_SPANS[a] values (place scores for the wide ones), less that of as many before them.
    """
    best, ratio = -1, 0.0
    value, total = s.value[second], w.place_sum
    now = s.taken
    peak, bar = w.jump_peak, w.jump_bar
    ready = w.armed == ARMED and not s.on_trial and now > s.quiet_until
    for a in range(0 if raw else RAW, RAW if raw else JUMP_SPANS.size):
        m = JUMP_SPANS[a]
        if now <= 2 * m or (a == RAW - 1 and now % RAW_STRIDE):
            continue
        d = 0.0
        if raw:
            for i in range(m):
                d += value[(now - i) & (VALUE_RING - 1)]
            if second == 0:  # a rest needs no neighbour to compare with
                for i in range(m, 2 * m):
                    d -= value[(now - i) & (VALUE_RING - 1)]
        else:
            middle = total[(now - m) & (SUM_RING - 1)]
            d = total[now & (SUM_RING - 1)] - middle - (middle - total[(now - 2 * m) & (SUM_RING - 1)])
        up, down = 2 * a, 2 * a + 1
        if d > peak[up] or -d > peak[down]:
            j = up if d > 0.0 else down
            v = abs(d)
            peak[j] = v
            if ready and v > bar[j] and v > ratio * bar[j]:
                best, ratio = CUSUMS + j, v / bar[j]
        if now - w.jump_at[a] > max(4.0 * m, JUMP_GAP * w.block):
            for j in range(up, down + 1):
                if s.on_trial:
                    w.trial_peak[CUSUMS + j] = max(w.trial_peak[CUSUMS + j], peak[j])
                elif w.records:
                    keep_peak(w, CUSUMS + j, peak[j])
                peak[j] = 0.0
            w.jump_at[a] = now
    return best, ratio


@leaf
def value_mean(s: Signal, first: int, last: int) -> float:
    """Mean of the values taken at first..last, all within the ring."""
    total = 0.0
    for i in range(first, last + 1):
        total += s.value[0, i & (VALUE_RING - 1)]
    return total / (last + 1 - first)
