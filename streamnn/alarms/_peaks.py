"""A statistic's threshold from its own past peaks: an exponential (or power) tail above the k-th largest."""

from __future__ import annotations

from numba import njit

from .._jit import leaf_options
from .._math import exp64, log64
from ._layout import FEWEST, NEVER, PEAKS, Signal


@njit(**leaf_options)
def keep_peak(s: Signal, w: int, j: int, v: float) -> None:
    """Keep the PEAKS + 1 largest peaks of a statistic, ascending."""
    if not v > 0.0:
        return
    top = s.top[w, j]
    n = s.kept[w, j]
    if n <= PEAKS:
        s.kept[w, j] = n + 1
        i = n
        while i > 0 and top[i - 1] > v:
            top[i] = top[i - 1]
            i -= 1
        top[i] = v
    elif v > top[0]:
        i = 0
        while i < PEAKS and top[i + 1] < v:
            top[i] = top[i + 1]
            i += 1
        top[i] = v


@njit(**leaf_options)
def threshold(s: Signal, w: int, j: int, want: float, k: int, power: bool) -> float:
    """Height that a statistic passes `want` times per value, predicted from its k largest peaks."""
    n = s.kept[w, j]
    if n < FEWEST:
        return NEVER
    top = s.top[w, j]
    k = min(k, n - 1)
    base = top[n - 1 - k]
    excess = 0.0
    for i in range(n - k, n):
        excess += log64(min(top[i] / base, 1e300)) if power else top[i] - base
    expected = s.exposure[w] * want
    ratio = k / expected
    if ratio < 1.0:
        return base
    e = excess * (exp64(log64(ratio) / k) - 1.0)
    bar = base * exp64(min(e, 50.0)) if power else base + e
    # never a height already seen: on a lattice the same peak comes again
    return max(bar, top[n - 1]) if expected < 1.0 else bar


@njit(**leaf_options)
def halve_peaks(s: Signal, w: int) -> None:
    """Forget: every second peak, and half the values they were taken over."""
    s.exposure[w] *= 0.5
    kept, top = s.kept[w], s.top[w]
    for j in range(kept.size):
        k = 0
        for i in range(1, kept[j], 2):
            top[j, k] = top[j, i]
            k += 1
        kept[j] = k
