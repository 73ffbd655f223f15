"""A layer whose units read a group of the inputs each, where the groups are learnt: dense weights times shares."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from ..permutations.places import COUNTERS_AT, INDEX, SLOW_AT
from ..permutations.schedule import Schedule, Start, grouping_schedule
from ..permutations.settling import is_index
from .codes import A0, A1, A2, A3, A4, BIAS_AT, GROUPING, IN, OUT, WEIGHT_AT
from .plan import PlanBuilder, Value
from .shuffle import add_table, tables

f4 = np.float32

TABLE, CHANNELS, POSITIONS, GROUPS, UNITS = A0, A1, A2, A3, A4
"""Where the grouping begins among the plan's whole numbers, inputs, positions of each, groups, and units of all."""


def learned_grouping(
    b: PlanBuilder,
    x: Value,
    name: str,
    weight: np.ndarray,
    bias: np.ndarray,
    groups: int,
    schedule: Schedule | Start | None = None,
    index: np.ndarray | None = None,
) -> Value:
    """A linear layer of which unit j reads input i as far as i belongs to j's group; groups of equal size are learnt.

    Until it is committed it costs what a dense layer does, afterwards a grouped one.

    Parameters
    ----------
    b : PlanBuilder
    x : Value
        Inputs on the first axis, any positions behind it.
    name : str
        Prefix of its parameters.
    weight : ndarray, shape (units, inputs)
    bias : ndarray, shape (units,)
    groups : int
        A divisor of units and of inputs.
    schedule : Schedule or Start, optional
        How it is learnt, or what has been learnt already.
    index : ndarray of int, optional
        Begin committed: the group of every input.

    Returns
    -------
    Value
        Of shape (units, positions...).

    Raises
    ------
    SpecError
        When inputs or units are no multiple of the groups, or `index` has groups of different sizes.

    Examples
    --------
    >>> b = PlanBuilder((4,))
    >>> y = learned_grouping(b, b.input, "first", np.zeros((6, 4)), np.zeros(6), groups=2)
    >>> y.shape, b.finish(y, b.input).words
    ((6,), ('LearnedGrouping(4 -> 6, 2 groups)',))
    """
    units, n = weight.shape
    if n % groups or units % groups:
        raise SpecError(
            f"{name}: {n} inputs and {units} units in {groups} groups: both must be multiples of it"
        )
    table = add_table(b, schedule or grouping_schedule(groups), n, groups, index)
    m = x.size // n
    y = b.value(units, *x.shape[1:])
    w = b.parameter(f"{name}.weight", weight, axes=(1, 0))
    return b.op(
        GROUPING,
        f"LearnedGrouping({n} -> {units}, {groups} groups)",
        x,
        y,
        weight=w,
        bias=b.parameter(f"{name}.bias", bias),
        more=(table, n, m, groups, units),
    )


@leaf
def forward_grouping(i, plan, learnt, scratch, training):
    p, n, m = plan.ops[i, TABLE], plan.ops[i, CHANNELS], plan.ops[i, POSITIONS]
    groups, units, bias = plan.ops[i, GROUPS], plan.ops[i, UNITS], plan.ops[i, BIAS_AT]
    per = units // groups
    at, out, z, w = plan.ops[i, IN], plan.ops[i, OUT], scratch.z, learnt.w
    for j in range(units):
        for q in range(m):
            z[out + j * m + q] = w[bias + j]
    whole = is_index(p, tables(plan, learnt))
    index, s = plan.whole[p + COUNTERS_AT] + INDEX, plan.whole[p + SLOW_AT]
    for c in range(n):
        own = learnt.counters[index + c]
        row = plan.ops[i, WEIGHT_AT] + c * units
        for k in range(own if whole else 0, own + 1 if whole else groups):
            share = f4(1.0) if whole else learnt.slow[s + c * groups + k]
            for q in range(m):
                v = share * z[at + c * m + q]
                if v != f4(0.0):
                    for j in range(k * per, (k + 1) * per):
                        z[out + j * m + q] += w[row + j] * v


@leaf
def backward_grouping(i, plan, learnt, scratch):
    p, n, m = plan.ops[i, TABLE], plan.ops[i, CHANNELS], plan.ops[i, POSITIONS]
    groups, units, bias = plan.ops[i, GROUPS], plan.ops[i, UNITS], plan.ops[i, BIAS_AT]
    per = units // groups
    at, out, z, d = plan.ops[i, IN], plan.ops[i, OUT], scratch.z, scratch.d
    w, g = learnt.w, scratch.g
    for j in range(units):
        for q in range(m):
            g[bias + j] += d[out + j * m + q]
    whole = is_index(p, tables(plan, learnt))
    index, s = plan.whole[p + COUNTERS_AT] + INDEX, plan.whole[p + SLOW_AT]
    for c in range(n):
        own = learnt.counters[index + c]
        row = plan.ops[i, WEIGHT_AT] + c * units
        for k in range(own if whole else 0, own + 1 if whole else groups):
            share = f4(1.0) if whole else learnt.slow[s + c * groups + k]
            for q in range(m):
                x, total = z[at + c * m + q], f4(0.0)
                v = share * x
                for j in range(k * per, (k + 1) * per):
                    g[row + j] += v * d[out + j * m + q]
                    total += w[row + j] * d[out + j * m + q]
                d[at + c * m + q] += share * total
                if not whole:
                    learnt.slow_g[s + c * groups + k] += x * total


@leaf
def drop_unread(i, plan, learnt):
    """Weights between an input and the units of other groups than its own, and their moments, are set to 0."""
    n, groups, units = plan.ops[i, CHANNELS], plan.ops[i, GROUPS], plan.ops[i, UNITS]
    per, index = units // groups, plan.whole[plan.ops[i, TABLE] + COUNTERS_AT] + INDEX
    for c in range(n):
        own, row = learnt.counters[index + c], plan.ops[i, WEIGHT_AT] + c * units
        for j in range(units):
            if j // per != own:
                learnt.w[row + j], learnt.m[row + j], learnt.v[row + j] = f4(0.0), f4(0.0), f4(0.0)
