"""The reference distribution of a view: a few weighted points, kept by merging sorted blocks into them."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import cospi64
from .._kernels.jit import leaf
from ._layout import (
    BLOCK_VALUES,
    MATURE,
    POINTS,
    REFERENCE_MEMORY,
    SCORES,
    THIN,
    THINNER,
    VALUE_LIMIT,
    VAR_FLOOR,
    VAR_LEAST,
    Signal,
    View,
)

SQRT2 = 1.4142135623730951


@leaf
def scores(s: Signal, c: float) -> None:
    """Place, spread, skew and shape of c = cos(pi rank): sqrt 2 cos(k pi rank), signed so that larger is up."""
    c2 = c * c
    out = s.score
    out[0] = -c * SQRT2
    out[1] = (2.0 * c2 - 1.0) * SQRT2
    out[2] = -(4.0 * c2 - 3.0) * c * SQRT2
    out[3] = (8.0 * c2 * c2 - 8.0 * c2 + 1.0) * SQRT2


@leaf
def _sort(s: Signal, a: np.ndarray) -> None:
    """Sort a full buffer: each value goes where as many as are less lie before it, equal ones in their order."""
    out, taken = s.work[0], s.work[1]
    for i in range(BLOCK_VALUES):
        taken[i] = 0.0
    for i in range(BLOCK_VALUES):
        v = a[i]
        below = 0
        for j in range(BLOCK_VALUES):  # vectorised, which nothing with a branch is
            below += 1 if a[j] < v else 0
        out[below + np.int64(taken[below])] = v
        taken[below] += 1.0
    for i in range(BLOCK_VALUES):
        a[i] = out[i]


@leaf
def _pour(s: Signal, w: View, r: int, mass_of_one: float) -> int:
    """Merge the sorted buffer and distribution r into work arrays; equal values become one point."""
    _sort(s, w.buffer)
    old, mass, new = w.point[r], w.weight[r], w.buffer
    point, weight, size = s.work[0], s.work[1], w.size[r]
    i = j = n = 0
    for _ in range(size + BLOCK_VALUES):  # no branch on which is next: that is a matter of chance
        u, v = old[min(i, POINTS - 1)], new[min(j, BLOCK_VALUES - 1)]
        first = 1 if j >= BLOCK_VALUES or (i < size and u <= v) else 0
        v = u if first else v
        m = mass[min(i, POINTS - 1)] if first else mass_of_one
        i += first
        j += 1 - first
        if n > 0 and point[n - 1] == v:
            weight[n - 1] += m
        else:
            point[n] = v
            weight[n] = m
            n += 1
    return n


@leaf
def _merge(s: Signal, w: View, r: int, mass_of_one: float) -> None:
    """Take the full buffer into distribution r (0 in use, 1 on trial)."""
    n = _pour(s, w, r, mass_of_one)
    point, weight = s.work[0], s.work[1]
    total = w.total[r] + BLOCK_VALUES * mass_of_one
    old, mass = w.point[r], w.weight[r]
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
    for i in range(size, POINTS):  # so that a search need not know the size
        old[i] = 10.0 * VALUE_LIMIT
    if total > REFERENCE_MEMORY:
        for i in range(size):
            mass[i] *= REFERENCE_MEMORY / total
        total = REFERENCE_MEMORY
    w.size[r] = size
    w.total[r] = total


@leaf
def _fill_cosines(w: View) -> None:
    """cos(pi rank) of each point of the distribution in use, the rank in the middle of its weight."""
    below = 0.0
    for i in range(w.size[0]):
        m = w.weight[0, i]
        w.cosine[i] = cospi64(min((below + 0.5 * m) / w.total[0], 1.0))
        below += m


@leaf
def cosine(w: View, v: float) -> float:
    """cos(pi rank) of a value in the distribution in use; 1 below it, -1 above."""
    point, cos = w.point[0], w.cosine
    hi = w.size[0] - 1
    if v <= point[0]:
        return cos[0] if v == point[0] else 1.0
    if v >= point[hi]:
        return cos[hi] if v == point[hi] else -1.0
    lo, step = 0, POINTS >> 2
    while step > 1:  # no branch inside: which quarter is a matter of chance
        more = 1 if point[lo + step] <= v else 0
        more += 1 if point[lo + 2 * step] <= v else 0
        more += 1 if point[lo + 3 * step] <= v else 0
        lo += more * step
        step >>= 2
    lo += 1 if point[lo + 1] <= v else 0
    return cos[lo] + (cos[lo + 1] - cos[lo]) * ((v - point[lo]) / (point[lo + 1] - point[lo]))


@leaf
def _set_bounds(s: Signal, w: View, r: int) -> None:
    """Values far outside distribution r of the value view (30 times its 2 % to 98 % range) are cut before sums are made."""
    size, total = w.size[r], w.total[r]
    point = w.point[r]
    lo, hi = point[0], point[size - 1]
    a, b = lo, hi
    below = 0.0
    for i in range(size):
        if below <= 0.02 * total:
            a = point[i]
        if below < 0.98 * total:
            b = point[i]
        below += w.weight[r, i]
    span = b - a if b > a else hi - lo
    if span <= 0.0:
        lo, hi = -VALUE_LIMIT, VALUE_LIMIT
    else:
        lo, hi = max(a - 30.0 * span, -VALUE_LIMIT), min(b + 30.0 * span, VALUE_LIMIT)
    s.bound[0] = min(s.bound[0], lo) if r else lo
    s.bound[1] = max(s.bound[1], hi) if r else hi


@leaf
def collect(s: Signal, w: View, second: bool, v: float) -> bool:
    """Keep a value for the distribution, an old distribution only some of them; whether the buffer is full."""
    n = 1
    if s.regime >= MATURE and not s.on_trial:
        n = THINNER if second and not s.follows else THIN
    if s.taken % n:
        return False
    w.buffer[w.filled] = v
    w.filled += 1
    return w.filled == BLOCK_VALUES


@leaf
def take_in(s: Signal, w: View, second: bool) -> None:
    """The full buffer becomes part of the distribution."""
    n = 1
    if s.regime >= MATURE and not s.on_trial:
        n = THINNER if second and not s.follows else THIN
    w.filled = 0
    r = s.on_trial
    _merge(s, w, r, n)
    if not second:
        _set_bounds(s, w, r)
    if r == 0:
        _fill_cosines(w)


@leaf
def set_scales(w: View) -> None:
    """1 / sd of the scores; 0 for those that say nothing. Where one wakes up, old peaks mean nothing any more."""
    woken = False
    for k in range(SCORES):
        was = w.scale[k]
        w.scale[k] = 1.0 / np.sqrt(w.var[k]) if w.var[k] > VAR_LEAST else 0.0
        woken = woken or (was == 0.0 and w.scale[k] > 0.0)
    if woken:
        w.exposure = 0.0
        for j in range(w.kept.size):
            w.kept[j] = 0


@leaf
def moments(s: Signal, w: View) -> None:
    """Mean and variance of the scores are those of the points of the distribution in use."""
    mean, var, score = w.mean, w.var, s.score
    for k in range(SCORES):
        mean[k] = var[k] = 0.0
    for i in range(w.size[0]):
        scores(s, w.cosine[i])
        share = w.weight[0, i] / w.total[0]
        for k in range(SCORES):
            mean[k] += score[k] * share
            var[k] += score[k] * score[k] * share
    for k in range(SCORES):
        var[k] = max(var[k] - mean[k] * mean[k], VAR_FLOOR)
    set_scales(w)


@leaf
def adopt(s: Signal, w: View, shift: float) -> None:
    """The distribution on trial, moved by `shift`, replaces the one in use."""
    w.size[0] = w.size[1]
    w.total[0] = w.total[1]
    for i in range(POINTS):
        w.point[0, i] = w.point[1, i] + (shift if i < w.size[1] else 0.0)
        w.weight[0, i] = w.weight[1, i]
    _fill_cosines(w)
    moments(s, w)


@leaf
def new_mean(s: Signal, w: View) -> float:
    """The autoregression's mean becomes that of the distribution on trial; by how much what it leaves of a value moves."""
    mean = 0.0
    for i in range(w.size[1]):
        mean += min(max(w.point[1, i], s.bound[0]), s.bound[1]) * (w.weight[1, i] / w.total[1])
    up = mean - s.ar_mean
    left = 1.0
    for i in range(s.ar_lag.size):
        s.ar_lag[i] -= up
        left -= s.ar_coef[i]
    s.ar_mean = mean
    return -up * left
