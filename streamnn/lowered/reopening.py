"""Open a network's committed permutations again, or tell it where its inputs lie now: between events, from Python."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import SpecError
from ..permutations.places import WATCHING, Tables
from ..permutations.reopening import (
    Reopening,
    checked_order,
    index_of,
    is_committed,
    named_reopening,
    reopen,
    rewire,
    state_of,
)
from .arrays import Learnt
from .codes import CODE, GROUPING, IN, LINEAR, SHUFFLE, WEIGHT_AT
from .dense import DENSE_GROUPS, DENSE_OUTPUTS, DENSE_POSITIONS
from .grouping import GROUPS, UNITS
from .plan import Plan
from .shuffle import CHANNELS, TABLE

Array = np.ndarray


def permutations(plan: Plan, learnt: Learnt) -> Iterator[tuple[Array, int, Tables]]:
    """Every learned shuffle and grouping of a network: its row of the plan, where its table begins, and all tables."""
    whole, fixed = plan.arrays.whole, plan.arrays.fixed
    t = Tables(whole, fixed, learnt.slow, learnt.slow_g, learnt.counters)
    for row in plan.arrays.ops:
        if row[CODE] in (SHUFFLE, GROUPING):
            yield row, int(row[TABLE]), t


def reopen_network(plan: Plan, learnt: Learnt, how: str | Reopening = "part") -> int:
    """Every committed permutation of a network is learnt again; how many were opened.

    All other weights go on learning: held still while a permutation is learnt, they kept networks from recovering.
    Weights of a learned grouping that were not read any more begin anew, at random, as large as those that were.

    Parameters
    ----------
    plan : Plan
    learnt : Learnt
        Changed in place.
    how : {"part", "all", "polish"} or Reopening
        What an alarm says of the inputs: some changed places, all did, or nothing happened and a better order is
        looked for.

    Raises
    ------
    SpecError
        When there is no such reopening.
    """
    how = named_reopening(how)
    opened = 0
    for row, p, t in permutations(plan, learnt):
        if is_committed(p, t):
            if row[CODE] == GROUPING:
                _refill(row, index_of(p, t), learnt, opened)
            reopen(p, t, how)
            opened += 1
    return opened


def _refill(row: Array, index: Array, learnt: Learnt, seed: int) -> None:
    n, groups, units = int(row[CHANNELS]), int(row[GROUPS]), int(row[UNITS])
    w = learnt.w[row[WEIGHT_AT] : row[WEIGHT_AT] + n * units].reshape(n, groups, units // groups)
    unread = np.arange(groups) != index[:, None]
    size = np.sqrt(3.0 * np.mean(w[~unread].astype(np.float64) ** 2))
    w[unread] = np.random.default_rng([seed, n]).uniform(-size, size, w[unread].shape)


def rewire_network(plan: Plan, learnt: Learnt, order: Array) -> None:
    """What was input j of a network is input ``order[j]`` from now on, and its outputs are what they were.

    The order comes from :func:`streamnn.permutations.fingerprints.rewired`, or from whoever swapped the wires. What
    reads the inputs must be a learned shuffle, committed or not, an order of :func:`~streamnn.lowered.shuffle`, a
    learned grouping, or a dense layer.

    Parameters
    ----------
    plan : Plan
    learnt : Learnt
        Changed in place.
    order : array of int, shape (inputs,)

    Raises
    ------
    SpecError
        When it is no order, or something else reads the inputs; nothing is changed then.
    """
    order = checked_order(order, plan.input.size)
    readers = [row for row in plan.arrays.ops if plan.input.at <= row[IN] < plan.input.at + plan.input.size]
    for row in readers:
        if row[CODE] == LINEAR and row[DENSE_GROUPS] == row[DENSE_POSITIONS] == 1:
            continue
        if row[CODE] not in (SHUFFLE, GROUPING):
            raise SpecError("rewire: inputs are read by an operation that is neither permuted nor dense")
    first = [found for found in permutations(plan, learnt) if found[0][IN] == plan.input.at]
    if any(state_of(p, t) == WATCHING for _, p, t in first):
        raise SpecError("rewire: columns are still being watched for groups")
    for row, p, t in first:
        more = np.arange(len(order), int(row[CHANNELS]))  # what fills the inputs up stays
        rewire(p, t, np.concatenate([order, more]))
    for row in readers:
        if row[CODE] != SHUFFLE:
            units = int(row[DENSE_OUTPUTS] if row[CODE] == LINEAR else row[UNITS])
            for a in (learnt.w, learnt.m, learnt.v):
                piece = a[row[WEIGHT_AT] : row[WEIGHT_AT] + len(order) * units].reshape(len(order), units)
                piece[order] = piece.copy()
