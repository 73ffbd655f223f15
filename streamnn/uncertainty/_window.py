"""The latest values of a scalar, in order of size: ranks and quantiles of the recent past."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import leaf


class Window(NamedTuple):
    """The values of the recent past, float64."""

    ring: np.ndarray  # by age: value i at place i modulo the size
    order: np.ndarray  # by size
    taken: np.ndarray  # int64[1], values taken in so far


@leaf
def below(order: np.ndarray, n: int, v: float) -> int:
    """How many of the first n values, which rise, are less than v."""
    a, b = 0, n
    while a < b:
        m = (a + b) >> 1
        if order[m] < v:
            a = m + 1
        else:
            b = m
    return a


@leaf
def slide(window: Window, v: float) -> None:
    """Take in a value; when there is no room the oldest goes."""
    ring, order, taken = window
    n = min(taken[0], ring.size)
    place, old = taken[0] % ring.size, n
    if taken[0] >= ring.size:
        old = below(order, n, ring[place])
    at = below(order, n, v)
    if at > old:
        at -= 1
        for i in range(old, at):
            order[i] = order[i + 1]
    else:
        for i in range(old, at, -1):
            order[i] = order[i - 1]
    order[at] = v
    ring[place] = v
    taken[0] += 1


def room(size: int) -> dict[str, np.ndarray]:
    """Leaves of an empty window of that size."""
    return {"ring": np.zeros(size), "order": np.zeros(size), "taken": np.zeros(1, np.int64)}
