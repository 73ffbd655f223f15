"""Channels in an order that is learnt: shares of every channel in every place, then an index."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from ..permutations.places import COUNTERS_AT, FIXED_AT, INDEX, SLOW_AT, Tables
from ..permutations.schedule import Schedule, Start, watching
from ..permutations.settling import is_index
from .codes import A0, A1, A2, IN, OUT, SHUFFLE
from .plan import PlanBuilder, Value

f4 = np.float32

TABLE, CHANNELS, POSITIONS = A0, A1, A2
"""Where the permutation begins among the plan's whole numbers, channels, and positions of each."""


def learned_shuffle(
    b: PlanBuilder, x: Value, schedule: Schedule | Start | None = None, order: np.ndarray | None = None
) -> Value:
    """Channels in a learned order (AutoShuffleNet, Lyu, Zhang, Qi & Xin 2020).

    Parameters
    ----------
    b : PlanBuilder
    x : Value
        Channels on the first axis, any positions behind it.
    schedule : Schedule or Start, optional
        How it is learnt, or what has been learnt already.
    order : ndarray of int, optional
        Begin committed to this one: output i is input ``order[i]``. It costs then what a fixed order costs, and can
        be opened (:mod:`streamnn.permutations.reopening`).

    Returns
    -------
    Value
        Of x's shape.

    Raises
    ------
    SpecError
        When `order` is no permutation of the channels.

    Examples
    --------
    >>> b = PlanBuilder((4,))
    >>> learned_shuffle(b, b.input).shape, b.finish(b.input, b.input).words
    ((4,), ('LearnedShuffle(4)',))
    """
    n = x.shape[0]
    table = add_table(b, schedule or Schedule(), n, n, order)
    y = b.value(*x.shape)
    return b.op(SHUFFLE, f"LearnedShuffle({n})", x, y, more=(table, n, x.size // n))


def correlated_order(b: PlanBuilder, x: Value, groups: int, events: int = 1500, seed: int = 0) -> Value:
    """Inputs so that those that correlate stand together, in groups of one size; at random for the first events.

    From the events' rows alone, labelled or not: see :mod:`streamnn.permutations.correlation`.

    Parameters
    ----------
    b : PlanBuilder
    x : Value, shape (inputs,)
    groups : int
        A divisor of the inputs.
    events : int
        To be watched.
    seed : int
        Of the order until then.

    Returns
    -------
    Value
        Of x's shape.

    Raises
    ------
    SpecError
        When inputs are no multiple of the groups.
    """
    n = x.shape[0]
    if n % groups:
        raise SpecError(f"{n} inputs in {groups} groups: inputs must be a multiple of groups")
    start = watching(n, groups, events, seed)
    y = b.value(n)
    return b.op(SHUFFLE, f"CorrelatedOrder({n}, {groups} groups)", x, y, more=(_placed(b, start), n, 1))


def add_table(
    b: PlanBuilder, schedule: Schedule | Start, rows: int, columns: int, index: np.ndarray | None
) -> int:
    """Room for a permutation or grouping in a plan; where it begins among the whole numbers."""
    if index is not None:
        index = np.asarray(index, np.int64)
        if not np.array_equal(np.sort(index), np.arange(rows) // (rows // columns)):
            raise SpecError(
                f"an index of {rows} inputs has each of 0 .. {columns - 1} {rows // columns} times"
            )
    start = schedule if isinstance(schedule, Start) else schedule.start(rows, columns)
    if index is not None:
        start = start.settled(index)
    return _placed(b, start)


def _placed(b: PlanBuilder, start: Start) -> int:
    whole = start.whole.copy()
    whole[[FIXED_AT, SLOW_AT, COUNTERS_AT]] = (
        b.fixed(start.fixed),
        b.slow(start.slow),
        b.counters(start.counters),
    )
    return b.whole(whole)


@leaf
def tables(plan, learnt):
    """Arrays of a network as permutations take them."""
    return Tables(plan.whole, plan.fixed, learnt.slow, learnt.slow_g, learnt.counters)


@leaf
def forward_shuffle(i, plan, learnt, scratch, training):
    p, n, m = plan.ops[i, TABLE], plan.ops[i, CHANNELS], plan.ops[i, POSITIONS]
    at, out, z = plan.ops[i, IN], plan.ops[i, OUT], scratch.z
    if is_index(p, tables(plan, learnt)):
        index = plan.whole[p + COUNTERS_AT] + INDEX
        for k in range(n):
            j = at + learnt.counters[index + k] * m
            for q in range(m):
                z[out + k * m + q] = z[j + q]
        return
    s = plan.whole[p + SLOW_AT]
    for k in range(n * m):
        z[out + k] = f4(0.0)
    for j in range(n):
        if m == 1:
            v = z[at + j]
            if v != f4(0.0):
                for k in range(n):
                    z[out + k] += learnt.slow[s + j * n + k] * v
        else:
            for k in range(n):
                share = learnt.slow[s + j * n + k]
                for q in range(m):
                    z[out + k * m + q] += share * z[at + j * m + q]


@leaf
def backward_shuffle(i, plan, learnt, scratch):
    p, n, m = plan.ops[i, TABLE], plan.ops[i, CHANNELS], plan.ops[i, POSITIONS]
    at, out, z, d = plan.ops[i, IN], plan.ops[i, OUT], scratch.z, scratch.d
    if is_index(p, tables(plan, learnt)):
        index = plan.whole[p + COUNTERS_AT] + INDEX
        for k in range(n):
            j = at + learnt.counters[index + k] * m
            for q in range(m):
                d[j + q] += d[out + k * m + q]
        return
    s = plan.whole[p + SLOW_AT]
    for j in range(n):
        a = s + j * n
        if m == 1:
            v, total = z[at + j], f4(0.0)
            for k in range(n):
                learnt.slow_g[a + k] += v * d[out + k]
                total += learnt.slow[a + k] * d[out + k]
            d[at + j] += total
        else:
            for k in range(n):
                share, total = learnt.slow[a + k], f4(0.0)
                for q in range(m):
                    total += z[at + j * m + q] * d[out + k * m + q]
                    d[at + j * m + q] += share * d[out + k * m + q]
                learnt.slow_g[a + k] += total
