"""The reference law of a view: a few weighted points, kept by merging sorted blocks into them."""

from __future__ import annotations

from numba import njit

from .._jit import leaf_options
from .._math import cospi64
from ._layout import BLOCK, LARGEST, MEMORY, POINTS, SCORES, VAR_FLOOR, Signal

SQRT2 = 1.4142135623730951


@njit(**leaf_options)
def scores(s: Signal, c: float) -> None:
    """Place, spread, skew and shape of c = cos(pi rank): sqrt 2 cos(k pi rank), signed so that larger is up."""
    c2 = c * c
    out = s.score
    out[0] = -c * SQRT2
    out[1] = (2.0 * c2 - 1.0) * SQRT2
    out[2] = -(4.0 * c2 - 3.0) * c * SQRT2
    out[3] = (8.0 * c2 * c2 - 8.0 * c2 + 1.0) * SQRT2


@njit(**leaf_options)
def _pour(s: Signal, r: int, w: int) -> int:
    """Merge the sorted buffer and law r of view w into work arrays; equal values become one point."""
    old, mass, new = s.point[r, w], s.weight[r, w], s.buffer[w]
    point, weight, size = s.work[0], s.work[1], s.size[r, w]
    for i in range(1, BLOCK):
        v = new[i]
        j = i
        while j > 0 and new[j - 1] > v:
            new[j] = new[j - 1]
            j -= 1
        new[j] = v
    i = j = n = 0
    while i < size or j < BLOCK:
        if j >= BLOCK or (i < size and old[i] <= new[j]):
            v, m = old[i], mass[i]
            i += 1
        else:
            v, m = new[j], 1.0
            j += 1
        if n > 0 and point[n - 1] == v:
            weight[n - 1] += m
        else:
            point[n] = v
            weight[n] = m
            n += 1
    return n


@njit(**leaf_options)
def merge(s: Signal, r: int, w: int) -> None:
    """Take the full buffer of view w into its law r (0 in use, 1 on trial)."""
    n = _pour(s, r, w)
    point, weight = s.work[0], s.work[1]
    total = s.total[r, w] + BLOCK
    old, mass = s.point[r, w], s.weight[r, w]
    size = 0
    below = 0.0
    i = 0
    while i < n:
        m = weight[i]
        v = point[i]
        i += 1
        if n > POINTS:  # neighbours become one while they weigh little; finer in the tails
            v *= m
            while i < n:
                q = (below + 0.5 * (m + weight[i])) / total
                if m + weight[i] > total * (2.6 / POINTS) * (3.2 * q * (1.0 - q) + 0.2):
                    break
                v += point[i] * weight[i]
                m += weight[i]
                i += 1
            v /= m
        below += m
        if size == POINTS:
            size -= 1
            v = (old[size] * mass[size] + v * m) / (mass[size] + m)
            m += mass[size]
        old[size] = v
        mass[size] = m
        size += 1
    if total > MEMORY:
        for i in range(size):
            mass[i] *= MEMORY / total
        total = MEMORY
    s.size[r, w] = size
    s.total[r, w] = total


@njit(**leaf_options)
def fill_cosines(s: Signal, w: int) -> None:
    """cos(pi rank) of each point of the law in use, the rank in the middle of its weight."""
    below = 0.0
    for i in range(s.size[0, w]):
        m = s.weight[0, w, i]
        s.cosine[w, i] = cospi64(min((below + 0.5 * m) / s.total[0, w], 1.0))
        below += m


@njit(**leaf_options)
def cosine(s: Signal, w: int, v: float) -> float:
    """cos(pi rank) of a value in the law in use; 1 below it, -1 above."""
    point, cos = s.point[0, w], s.cosine[w]
    lo, hi = 0, s.size[0, w] - 1
    if v <= point[0]:
        return cos[0] if v == point[0] else 1.0
    if v >= point[hi]:
        return cos[hi] if v == point[hi] else -1.0
    while hi - lo > 1:
        mid = (lo + hi) >> 1
        if point[mid] <= v:
            lo = mid
        else:
            hi = mid
    return cos[lo] + (cos[hi] - cos[lo]) * ((v - point[lo]) / (point[hi] - point[lo]))


@njit(**leaf_options)
def set_bounds(s: Signal, r: int) -> None:
    """Values far outside law r of the value view (30 times its 2 % to 98 % range) are cut before sums are made."""
    size, total = s.size[r, 0], s.total[r, 0]
    point = s.point[r, 0]
    lo, hi = point[0], point[size - 1]
    a, b = lo, hi
    below = 0.0
    for i in range(size):
        if below <= 0.02 * total:
            a = point[i]
        if below < 0.98 * total:
            b = point[i]
        below += s.weight[r, 0, i]
    span = b - a if b > a else hi - lo
    if span <= 0.0:
        lo, hi = -LARGEST, LARGEST
    else:
        lo, hi = max(a - 30.0 * span, -LARGEST), min(b + 30.0 * span, LARGEST)
    s.bound[0] = min(s.bound[0], lo) if r else lo
    s.bound[1] = max(s.bound[1], hi) if r else hi


@njit(**leaf_options)
def adopt(s: Signal, w: int) -> None:
    """The law on trial replaces the one in use; mean and variance of the scores are those of its points."""
    s.size[0, w] = s.size[1, w]
    s.total[0, w] = s.total[1, w]
    for i in range(s.size[1, w]):
        s.point[0, w, i] = s.point[1, w, i]
        s.weight[0, w, i] = s.weight[1, w, i]
    fill_cosines(s, w)
    mean, var, score = s.mean[w], s.var[w], s.score
    for k in range(SCORES):
        mean[k] = var[k] = 0.0
    for i in range(s.size[0, w]):
        scores(s, s.cosine[w, i])
        share = s.weight[0, w, i] / s.total[0, w]
        for k in range(SCORES):
            mean[k] += score[k] * share
            var[k] += score[k] * score[k] * share
    for k in range(SCORES):
        var[k] = max(var[k] - mean[k] * mean[k], VAR_FLOOR)
