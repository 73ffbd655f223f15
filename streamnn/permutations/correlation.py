"""Groups of columns that go together, from their correlations alone: no label, no gradient."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from ..errors import SpecError
from .assignment import assign_shares
from .places import (
    COMMITTED,
    COUNTERS_AT,
    INDEX,
    MATRIX_ROWS,
    SINCE,
    SLOW_AT,
    STATE_AT,
    TAIL,
    WATCH,
    WATCH_GROUPS,
    watch_length,
)

f4 = np.float32
Array = np.ndarray

_ROUNDS = 15
_SMALLEST_SUM = f4(1e-12)


@leaf
def watch(p, t, z, at):
    """An event's columns z[at:] are counted in; with the last event to be watched they fall into groups.

    Then the index says of every place which column it reads, groups one after another. Returns whether it is so now.
    """
    n, c, s = t.whole[p + MATRIX_ROWS], t.whole[p + COUNTERS_AT], t.whole[p + SLOW_AT]
    sums = s + n * n + TAIL
    for i in range(n):
        v = z[at + i]
        t.slow[sums + i] += v
        if v != f4(0.0):
            for j in range(n):
                t.slow[s + i * n + j] += v * z[at + j]
    t.counters[c + SINCE] += 1
    if t.counters[c + SINCE] < t.whole[p + WATCH]:
        return False
    groups = t.whole[p + WATCH_GROUPS]
    group_columns(t.slow, t.slow_g, s, n, groups, t.counters[c + SINCE], t.counters, c + INDEX)
    t.counters[c + STATE_AT] = COMMITTED
    for k in range(n * n + TAIL + 2 * n + n * groups):
        t.slow[s + k] = f4(0.0)
        t.slow_g[s + k] = f4(0.0)
    return True


@leaf
def group_columns(a, b, s, n, groups, events, places, at):
    """Equal groups of columns by k-means on their profiles of squared correlations, into places[at:], group by group.

    From s on, `a` has sums of products (n, n) and sums (n) of the columns, with room behind both as
    :func:`watch` lays it out; `b` as much room. ``places`` has room for an assignment behind n places.
    """
    _likeness(a, b, s, n, events)
    scores, work = s + n * n + TAIL + 2 * n, at + n
    # the first column, then always the one farthest from all before it
    chosen = 0
    for i in range(n):
        a[s + i] = f4(0.0)
    for k in range(groups):
        far = f4(2.0)
        for i in range(n):
            alike = b[s + i * n + chosen]
            a[scores + i * groups + k] = alike
            a[s + i] = max(a[s + i], alike)
        for i in range(n):
            if a[s + i] < far:
                far, chosen = a[s + i], i
    for i in range(n):
        places[at + i] = -1
    for _ in range(_ROUNDS):
        moved = 0
        for i in range(n):
            a[s + i] = f4(places[at + i])
        assign_shares(a, scores, n, groups, at, places, work)
        for i in range(n):
            moved += 1 if a[s + i] != f4(places[at + i]) else 0
        if moved == 0:
            break
        for i in range(n):
            for k in range(groups):
                a[scores + i * groups + k] = f4(0.0)
            for j in range(n):
                a[scores + i * groups + places[at + j]] += b[s + i * n + j]
            for k in range(groups):
                a[scores + i * groups + k] *= f4(groups) / f4(n)
    m = 0
    for k in range(groups):
        for i in range(n):
            if places[at + i] == k:
                places[work + m] = i
                m += 1
    for i in range(n):
        places[at + i] = places[work + i]
        places[work + i] = 0


@leaf
def _likeness(a, b, s, n, events):
    # Cosines between the columns' profiles of squared correlations into b: alike are columns that go with the same
    # ones. The squared correlations are left in a.
    sums, over = s + n * n + TAIL, f4(1.0) / f4(events)
    for i in range(n):
        mean = a[sums + i] * over
        b[sums + i] = a[s + i * n + i] * over - mean * mean
    for i in range(n):
        mean = a[sums + i] * over
        for j in range(n):
            v = a[s + i * n + j] * over - mean * a[sums + j] * over
            v = v * v / (max(b[sums + i], f4(1e-6)) * max(b[sums + j], f4(1e-6)))
            a[s + i * n + j] = f4(1.0) if i == j else min(v, f4(1.0))
            b[s + i * n + j] = f4(0.0)
    for i in range(n):
        square = f4(0.0)
        for k in range(n):
            v = a[s + i * n + k]
            square += v * v
            if v != f4(0.0):
                for j in range(n):
                    b[s + i * n + j] += v * a[s + k * n + j]
        b[sums + i] = f4(1.0) / (np.sqrt(square) + _SMALLEST_SUM)
    for i in range(n):
        for j in range(n):
            b[s + i * n + j] *= b[sums + i] * b[sums + j]


@kernel
def _grouped(a, b, n, groups, events, out):
    places = np.zeros(n + 6 * (n + 1), np.int64)
    group_columns(a, b, 0, n, groups, events, places, 0)
    for i in range(n):
        out[i] = places[i]


def correlation_groups(rows: Array, groups: int) -> Array:
    """Columns in an order in which those that correlate stand together, in groups of one size.

    For wide rows of sensors that belong to machines: a grouped layer in this order then sees a machine a group. On
    ordinary tables and images any order is as good.

    Parameters
    ----------
    rows : ndarray, shape (events, columns)
        Standardised, without NaN; 1,500 rows were enough for 512 sensors.
    groups : int
        A divisor of the columns.

    Returns
    -------
    ndarray of int64, shape (columns,)
        The column of every place.

    Raises
    ------
    SpecError
        When columns are no multiple of the groups.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> machines = rng.normal(size=(500, 2))
    >>> rows = machines[:, [0, 1, 1, 0]] + 0.3 * rng.normal(size=(500, 4))
    >>> correlation_groups(rows, 2)
    array([0, 3, 1, 2])
    """
    x = np.ascontiguousarray(rows, f4)
    n = x.shape[1]
    if groups < 1 or n % groups:
        raise SpecError(f"{n} columns in {groups} groups: columns must be a multiple of groups")
    length = watch_length(n, groups)
    a = np.zeros(length, f4)
    for row in x:
        a[: n * n].reshape(n, n)[...] += np.outer(row, row)
    a[n * n + TAIL : n * n + TAIL + n] = x.sum(0)
    out = np.zeros(n, np.int64)
    _grouped(a, np.zeros(length, f4), n, groups, len(x), out)
    return out
