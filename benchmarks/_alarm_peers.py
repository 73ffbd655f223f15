"""Other drift detectors as compiled loops, one knob each (larger: fewer alarms), and their tuning to a rate.

ADWIN, Page-Hinkley and KSWIN as in river, CUSUM and the geometric moving average as in frouros but two-sided;
all start afresh after an alarm. `python benchmarks/_alarm_peers.py` compares them with the packages, where installed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

LEVELS, BUCKETS = 40, 5


@njit
def adwin(x: np.ndarray, nats: float) -> np.ndarray:
    """Bifet and Gavalda 2007; delta = e^-nats, checked every 32 values, exponential histogram of 5 buckets a level."""
    out = np.empty(x.size // 32 + 1, np.int64)
    found = 0
    total, scatter = np.zeros((LEVELS, BUCKETS + 1)), np.zeros((LEVELS, BUCKETS + 1))
    used = np.zeros(LEVELS, np.int64)
    levels, width, whole, spread, tick = 1, 0, 0.0, 0.0, 0
    for t in range(x.size):
        total[0, used[0]], scatter[0, used[0]] = x[t], 0.0
        used[0] += 1
        width += 1
        if width > 1:
            spread += (width - 1) * (x[t] - whole / (width - 1)) ** 2 / width
        whole += x[t]
        i = 0
        while used[i] == BUCKETS + 1:
            levels = max(levels, i + 2)
            size = 2.0**i
            gap = (total[i, 0] - total[i, 1]) / size
            total[i + 1, used[i + 1]] = total[i, 0] + total[i, 1]
            scatter[i + 1, used[i + 1]] = scatter[i, 0] + scatter[i, 1] + 0.5 * size * gap * gap
            used[i + 1] += 1
            for k in range(2, used[i]):
                total[i, k - 2], scatter[i, k - 2] = total[i, k], scatter[i, k]
            used[i] -= 2
            i += 1
        tick += 1
        hit = False
        if tick % 32 == 0 and width > 10:
            old, new, u_old, u_new = 0.0, float(width), 0.0, whole
            d = np.log(2 * np.log(width)) + nats
            for i in range(levels - 1, -1, -1):
                for k in range(used[i]):
                    size = 2.0**i
                    old += size
                    new -= size
                    u_old += total[i, k]
                    u_new -= total[i, k]
                    if new >= 5 and old >= 5:
                        m = 1.0 / (old - 4.0) + 1.0 / (new - 4.0)
                        limit = np.sqrt(2.0 * m * spread / width * d) + 2.0 / 3.0 * d * m
                        if abs(u_old / old - u_new / new) > limit:
                            hit = True
                if hit:
                    break
        if hit:
            out[found] = t
            found += 1
            used[:] = 0
            levels, width, whole, spread, tick = 1, 0, 0.0, 0.0, 0
    return out[:found]


@njit
def page_hinkley(x: np.ndarray, limit: float) -> np.ndarray:
    """Page 1954; both sides, tolerance .005, forgetting .9999, from the 30th value on."""
    out = np.empty(x.size, np.int64)
    found = n = 0
    mean = up = down = lowest = 0.0
    highest = -1.0
    lowest = np.inf
    for t in range(x.size):
        n += 1
        mean += (x[t] - mean) / n
        d = x[t] - mean
        up, down = 0.9999 * up + d - 0.005, 0.9999 * down + d + 0.005
        lowest, highest = min(lowest, up), max(highest, down)
        if n >= 30 and (up - lowest > limit or highest - down > limit):
            out[found] = t
            found += 1
            n, mean, up, down, lowest, highest = 0, 0.0, 0.0, 0.0, np.inf, -1.0
    return out[:found]


@njit
def kswin(x: np.ndarray, steps: float) -> np.ndarray:
    """Raab 2020; two-sample KS distance of the last 30 to a sample of 30 of the 70 before, in 30ths."""
    np.random.seed(1)  # noqa: NPY002 (of the compiled loop alone)
    out = np.empty(x.size, np.int64)
    found = start = 0
    order = np.arange(70)
    a = np.empty(30)
    for t in range(x.size):
        if t - start + 1 < 100:
            continue
        for i in range(30):
            k = i + int(np.random.random() * (70 - i))  # noqa: NPY002
            order[i], order[k] = order[k], order[i]
            a[i] = x[t - 99 + order[i]]
        p, q = np.sort(a), np.sort(x[t - 29 : t + 1])
        i = j = far = 0
        while i < 30 and j < 30:
            v = min(p[i], q[j])
            while i < 30 and p[i] <= v:
                i += 1
            while j < 30 and q[j] <= v:
                j += 1
            far = max(far, abs(i - j))
        if far >= steps:
            out[found] = t
            found += 1
            start = t - 29
    return out[:found]


@njit
def cusum(x: np.ndarray, limit: float) -> np.ndarray:
    """Sums of values less their running mean, tolerance .005, from the 30th value on."""
    out = np.empty(x.size, np.int64)
    found = n = 0
    mean = up = down = 0.0
    for t in range(x.size):
        n += 1
        mean += (x[t] - mean) / n
        up, down = max(0.0, up + x[t] - mean - 0.005), max(0.0, down - x[t] + mean - 0.005)
        if n >= 30 and max(up, down) > limit:
            out[found] = t
            found += 1
            n, mean, up, down = 0, 0.0, 0.0, 0.0
    return out[:found]


@njit
def moving(x: np.ndarray, limit: float) -> np.ndarray:
    """Geometric moving average (weight .99) of values less their running mean, from the 30th value on."""
    out = np.empty(x.size, np.int64)
    found = n = 0
    mean = level = 0.0
    for t in range(x.size):
        n += 1
        mean += (x[t] - mean) / n
        level = 0.99 * level + 0.01 * (x[t] - mean)
        if n >= 30 and abs(level) > limit:
            out[found] = t
            found += 1
            n, mean, level = 0, 0.0, 0.0
    return out[:found]


Detector = Callable[[np.ndarray, float], np.ndarray]
PEERS: dict[str, tuple[Detector, float, float]] = {  # the knob's range
    "ADWIN": (adwin, 0.1, 2000.0),
    "Page-Hinkley": (page_hinkley, 0.5, 1e5),
    "KSWIN": (kswin, 5, 31),
    "CUSUM": (cusum, 0.5, 1e5),
    "moving average": (moving, 0.001, 100.0),
}


def tuned(name: str, streams: list[np.ndarray], rate: float) -> tuple[float, float]:
    """The smallest knob at which stationary streams raise at most `rate` alarms per 10,000 events; the rate then."""
    f, lo, hi = PEERS[name]
    events = sum(len(x) for x in streams) / 10_000

    def per(knob: float) -> float:
        return sum(len(f(x, knob)) for x in streams) / events

    if name == "KSWIN":
        knobs = np.arange(lo, hi + 1)
        best = next((k for k in knobs[::-1] if per(float(k)) > rate), lo - 1) + 1
        return float(best), per(float(best))
    for _ in range(14):
        mid = float(np.sqrt(lo * hi))
        lo, hi = (mid, hi) if per(mid) > rate else (lo, mid)
    return hi, per(hi)


def _compare() -> None:
    x = np.random.default_rng(0).standard_normal(6000)
    x[3000:] += 1
    from river import drift

    for ours, theirs in (
        (adwin(x, -np.log(0.002)), drift.ADWIN(delta=0.002)),
        (page_hinkley(x, 50.0), drift.PageHinkley()),
    ):
        found = []
        for t, v in enumerate(x.tolist()):
            theirs.update(v)
            if theirs.drift_detected:
                found.append(t)
        print(type(theirs).__name__, ours.tolist(), found)
    from frouros.detectors.concept_drift import CUSUM, CUSUMConfig

    one = CUSUM(config=CUSUMConfig(delta=0.005, lambda_=50.0, min_num_instances=30))
    found = []
    for t, v in enumerate(x.tolist()):
        one.update(value=v)
        if one.status["drift"]:
            found.append(t)
            one.reset()
    print("CUSUM, up only there", cusum(x, 50.0).tolist(), found)


if __name__ == "__main__":
    _compare()
