"""A network of one wide layer in groups, ready to be a guest: what reads its inputs in which order is fixed or learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import SpecError
from ..permutations.schedule import Schedule, grouping_schedule
from .activations import activation
from .dense import grouped, linear
from .grouping import learned_grouping
from .plan import Plan, PlanBuilder, Value
from .shuffle import correlated_order, learned_shuffle

f4 = np.float32

ORDERS = ("none", "fixed", "random", "learned", "grouping", "correlation")


def grouped_network(
    units: int,
    groups: int,
    by: str | Sequence[int] = "grouping",
    schedule: Schedule | None = None,
    events: int = 1500,
    seed: int = 0,
) -> Callable[[int, int], Plan]:
    """A network whose units read a group of the inputs each: ``groups`` times less than a dense one's weights.

    Parameters
    ----------
    units : int
        Of the layer, leaky ReLU.
    groups : int
        A divisor of units; 1 is a dense layer. Inputs are filled up with zeros to a multiple of it.
    by : str or sequence of int
        Which inputs are a group: neighbours (``"none"``); ``"fixed"``, as ShuffleNet shuffles channels (Zhang et al.
        2018); at ``"random"``; by a ``"learned"`` permutation (Lyu et al. 2020); by a learned ``"grouping"``, which
        finds hidden groups better and costs what a dense layer does until it commits; by ``"correlation"`` over the
        first events, for wide rows of sensors; or in an order that is given, the input of every place.
    schedule : Schedule, optional
        How it is learnt.
    events : int
        How many are watched for correlation.
    seed : int

    Returns
    -------
    callable
        ``make(inputs, outputs)``: a :class:`~streamnn.lowered.Plan`, as a :class:`~streamnn.guests.guest.Guest` takes
        it.

    Raises
    ------
    SpecError
        When groups are no divisor of units, or there is no such order.

    Examples
    --------
    >>> grouped_network(8, 2, "learned")(4, 1).words
    ('LearnedShuffle(4)', 'Grouped(4 -> 8, 2 groups)', 'leaky_relu(0.01)', 'Linear(8 -> 1)')
    """
    if groups < 1 or units % groups:
        raise SpecError(
            f"grouped_network: {units} units in {groups} groups: units must be a multiple of groups"
        )
    if isinstance(by, str) and by not in ORDERS:
        raise SpecError(f"grouped_network: by is {by!r}: allowed is {', '.join(ORDERS)}, or an order")

    def make(inputs: int, outputs: int) -> Plan:
        rng = np.random.default_rng(seed)
        b = PlanBuilder((inputs,))
        n = -(-inputs // groups) * groups
        b.value(n - inputs)  # right behind the input, and nothing writes to it: zeros
        x = Value(b.input.at, (n,))
        if isinstance(by, str) and by == "grouping":
            w = _uniform(rng, units, n, 6.0 * groups / n)
            y = learned_grouping(
                b, x, "first", w, np.zeros(units), groups, schedule or grouping_schedule(groups, seed)
            )
        else:
            w = _uniform(rng, units, n // groups, 6.0 * groups / n)
            y = grouped(
                b, _ordered(b, x, groups, by, schedule, events, seed), "first", w, np.zeros(units), groups
            )
        z = activation(b, y, "leaky_relu", 0.01)
        w = _uniform(rng, outputs, units, 0.01 / units)
        return b.finish(linear(b, z, "last", w, np.zeros(outputs)), latent=z)

    return make


def _uniform(rng: np.random.Generator, units: int, inputs: int, square: float) -> np.ndarray:
    return rng.uniform(-1.0, 1.0, (units, inputs)) * np.sqrt(square)


def _ordered(
    b: PlanBuilder,
    x: Value,
    groups: int,
    by: str | Sequence[int],
    schedule: Schedule | None,
    events: int,
    seed: int,
) -> Value:
    n = x.shape[0]
    if not isinstance(by, str):
        return learned_shuffle(b, x, schedule, np.asarray(by))
    if by == "none" or groups == 1:
        return x
    if by == "learned":
        return learned_shuffle(b, x, schedule or Schedule(seed=seed))
    if by == "correlation":
        return correlated_order(b, x, groups, events, seed)
    if by == "fixed":
        order = np.arange(n).reshape(groups, -1).T.ravel()
    else:
        order = np.random.default_rng(seed).permutation(n)
    return learned_shuffle(b, x, schedule or Schedule(seed=seed), order)
