"""Open what was committed, or say that inputs lie elsewhere now: between events, from Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SpecError
from .penalty import balanced
from .places import (
    COMMITS,
    COMMITTED,
    COUNTERS_AT,
    FIXED_AT,
    HELD_BACK,
    INDEX,
    LABELS_HELD,
    MATRIX_COLUMNS,
    MATRIX_ROWS,
    NOISE,
    NOISE_SEED,
    OPEN,
    RISE,
    SINCE,
    SLOW_AT,
    STATE_AT,
    STEPS_TAKEN,
    TAIL,
    Tables,
)

Array = np.ndarray


@dataclass(frozen=True)
class Reopening:
    """How far and for how long to open what was committed.

    Parameters
    ----------
    e : float
        Share of equal shares; the rest is what was committed.
    hold, ramp : int
        Labels without penalty, and over which it rises then.
    """

    e: float
    hold: int
    ramp: int


REOPENINGS = {
    "part": Reopening(0.7, 3_000, 8_000),
    "all": Reopening(1.0, 15_000, 20_000),
    "polish": Reopening(0.9, 6_000, 16_000),
}
"""By what has happened: some inputs changed places, all did, or nothing, and a better order is looked for. With less
than these, or with the other weights held still, measured streams did not recover."""


def named_reopening(how: str | Reopening) -> Reopening:
    """A reopening by its name.

    Raises
    ------
    SpecError
        When there is none of that name.
    """
    if isinstance(how, Reopening):
        return how
    if how not in REOPENINGS:
        raise SpecError(f"reopening {how!r}: allowed is {', '.join(REOPENINGS)}")
    return REOPENINGS[how]


def state_of(p: int, t: Tables) -> int:
    """The state of the permutation at `p`."""
    return int(t.counters[t.whole[p + COUNTERS_AT] + STATE_AT])


def is_committed(p: int, t: Tables) -> bool:
    """Whether the permutation at `p` is an index."""
    return state_of(p, t) == COMMITTED


def index_of(p: int, t: Tables) -> Array:
    """The index of the permutation at `p`, a view: the input of every place, or the group of every input."""
    at = t.whole[p + COUNTERS_AT] + INDEX
    return t.counters[at : at + t.whole[p + MATRIX_ROWS]]


def shares_of(p: int, t: Tables) -> Array:
    """The shares of the permutation at `p`, a view, shape (rows, columns)."""
    at, rows, columns = t.whole[p + SLOW_AT], t.whole[p + MATRIX_ROWS], t.whole[p + MATRIX_COLUMNS]
    return t.slow[at : at + rows * columns].reshape(rows, columns)


def reopen(p: int, t: Tables, how: Reopening) -> None:
    """Shares begin at (1 - e) times what was committed and e times nearly equal ones; clocks begin anew."""
    c, s, shares = t.whole[p + COUNTERS_AT], t.whole[p + SLOW_AT], shares_of(p, t)
    rows, columns = shares.shape
    index, commits = index_of(p, t), int(t.counters[c + COMMITS])
    places = np.argsort(index) if rows == columns else index
    committed = np.zeros((rows, columns))
    committed[np.arange(rows), places] = 1.0
    draw = np.random.default_rng([int(t.whole[p + NOISE_SEED]), commits]).uniform(-1.0, 1.0, (rows, columns))
    equal = (1.0 + float(t.fixed[t.whole[p + FIXED_AT] + NOISE]) * draw) / columns
    shares[...] = balanced((1.0 - how.e) * committed + how.e * equal, 10)
    tail = s + rows * columns
    t.slow[tail : tail + TAIL] = 0.0
    t.slow_g[s:tail] = 0.0
    t.counters[c + np.array([STATE_AT, SINCE, LABELS_HELD, STEPS_TAKEN])] = OPEN, 0, 0, 0
    t.counters[c + np.array([HELD_BACK, RISE])] = how.hold, how.ramp


def rewire(p: int, t: Tables, order: Array) -> None:
    """What was input j is input ``order[j]`` from now on."""
    s, rows, columns = t.whole[p + SLOW_AT], int(t.whole[p + MATRIX_ROWS]), int(t.whole[p + MATRIX_COLUMNS])
    order = checked_order(order, rows)
    index = index_of(p, t)
    if rows == columns:
        index[...] = order[index]
    else:
        index[order] = index.copy()
    for a in (t.slow, t.slow_g):
        piece = a[s : s + rows * columns].reshape(rows, columns)
        piece[order] = piece.copy()


def checked_order(order: Array, n: int) -> Array:
    """The order as whole numbers.

    Raises
    ------
    SpecError
        When it is no permutation of n inputs.
    """
    order = np.asarray(order, np.int64)
    if order.shape != (n,) or not np.array_equal(np.sort(order), np.arange(n)):
        raise SpecError(f"an order of {n} inputs has each of 0 .. {n - 1} once; this is {order!r}")
    return order
