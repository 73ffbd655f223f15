"""A statistic's threshold from its own past peaks: an exponential (or power) tail above the k-th largest."""

from __future__ import annotations

from .._kernels.ieee import exp64, log64
from .._kernels.jit import leaf
from ._layout import FEWEST, NEVER, PEAKS, View


@leaf
def keep_peak(w: View, j: int, v: float) -> None:
    """Keep the PEAKS + 1 largest peaks of a statistic, ascending."""
    if not v > 0.0:
        return
    top = w.top[j]
    n = w.kept[j]
    if n <= PEAKS:
        w.kept[j] = n + 1
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


@leaf
def growth(expected: float, k: int) -> float:
    """How many mean excesses above the k-th largest peak a height lies that is passed `expected` times."""
    ratio = k / expected
    return k * (exp64(log64(ratio) / k) - 1.0) if ratio >= 1.0 else 0.0


@leaf
def threshold(w: View, j: int, grown: float, k: int, power: bool, seen: bool) -> float:
    """Height `grown` mean excesses above the k-th largest peak; with `seen` never below the largest."""
    n = w.kept[j]
    if n < FEWEST:
        return NEVER
    top = w.top[j]
    m = min(k, n - 1)
    base = top[n - 1 - m]
    excess = 0.0
    for i in range(n - m, n):
        excess += log64(min(top[i] / base, 1e300)) if power else top[i] - base
    e = grown * excess / m
    bar = base * exp64(min(e, 50.0)) if power else base + e
    # never a height already seen: on a lattice the same peak comes again
    return max(bar, top[n - 1]) if seen else bar


@leaf
def halve_peaks(w: View) -> None:
    """Forget: every second peak, and half the values they were taken over."""
    w.exposure *= 0.5
    kept, top = w.kept, w.top
    for j in range(kept.size):
        k = 0
        for i in range(1, kept[j], 2):
            top[j, k] = top[j, i]
            k += 1
        kept[j] = k
