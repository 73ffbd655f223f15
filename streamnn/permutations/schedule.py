"""How a permutation or grouping is learnt: all settings of its way from open to committed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import SpecError
from .penalty import balanced
from .places import (
    CLIP,
    COMMITTED,
    HELD_BACK,
    HOLD,
    INDEX,
    MATRIX_COLUMNS,
    MATRIX_ROWS,
    MIRROR,
    NOISE_SEED,
    OPEN,
    RAMP,
    RISE,
    STATE_AT,
    STEP_EVERY,
    STEP_RULE,
    SWEEPS,
    TRIAL_LENGTH,
    WATCH,
    WATCH_GROUPS,
    WATCHING,
    WHOLE,
    counters_length,
    slow_length,
    watch_length,
)

f4 = np.float32
Array = np.ndarray

STEP_RULES = {"mirror": MIRROR, "clip": CLIP}


@dataclass(frozen=True)
class Schedule:
    """When shares step, when they are driven to whole ones, and what a commit must pass.

    The defaults are those that held on streams with hidden groups of 32 and 64 channels; all lengths are labels learnt.

    Parameters
    ----------
    step : float
        Of a share's logarithm, for a gradient of unit root mean square; the paper's rule ``"clip"`` divides it by the
        number of columns and adds.
    every : int
        Labels to a step, on their summed gradient. After every single label shares settle on chance.
    hold : int
        Labels without penalty. A penalty from the start settles before there is anything to see.
    ramp : int
        Labels after that over which the penalty rises to `penalty`, and on and on at that pace: at a fixed weight some
        inputs stay between two groups for ever.
    penalty : float
        Weight of the exact penalty, in units of the task's gradient; 0 never commits.
    mean_below, worst_below : float
        A trial begins when the mean penalty (of rows and columns, so at most 2) and the worst row's lie below. A row
        below 1/4 has an entry above 1/2, so that all rows below it have their places to themselves.
    trial : int
        Labels over which the rounded network is compared with the soft one.
    tolerance : float
        The rounded network's loss over the soft one's with which the trial ends in a commit.
    noise : float
        Of the start, relative to equal shares: at equal ones the penalty has no direction.
    sweeps : int
        Of Sinkhorn after a step.
    rule : {"mirror", "clip"}
    seed : int

    Raises
    ------
    SpecError
        Says which setting is out of its range.

    Examples
    --------
    >>> Schedule().hold, grouping_schedule(4).step
    (30000, 0.4)
    """

    step: float = 0.64
    every: int = 32
    hold: int = 30_000
    ramp: int = 40_000
    penalty: float = 1.0
    mean_below: float = 0.05
    worst_below: float = 0.25
    trial: int = 500
    tolerance: float = 1.01
    noise: float = 0.5
    sweeps: int = 1
    rule: str = "mirror"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("every", "trial", "sweeps"):
            if getattr(self, name) < 1:
                raise SpecError(f"Schedule: {name} is {getattr(self, name)!r}: allowed is at least 1")
        for name in ("step", "hold", "ramp", "penalty", "mean_below", "worst_below", "seed"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise SpecError(f"Schedule: {name} is {getattr(self, name)!r}: allowed is at least 0")
        if not 0 <= self.noise < 1:
            raise SpecError(f"Schedule: noise is {self.noise!r}: allowed is 0 <= noise < 1")
        if self.rule not in STEP_RULES:
            raise SpecError(f"Schedule: rule is {self.rule!r}: allowed is {' or '.join(STEP_RULES)}")

    def start(self, rows: int, columns: int) -> Start:
        """What a permutation (rows == columns) or a grouping of that size begins with."""
        whole = np.zeros(WHOLE, np.int64)
        whole[[MATRIX_ROWS, MATRIX_COLUMNS, NOISE_SEED, STEP_RULE]] = (
            rows,
            columns,
            self.seed,
            STEP_RULES[self.rule],
        )
        whole[[STEP_EVERY, HOLD, RAMP, TRIAL_LENGTH, SWEEPS]] = (
            self.every,
            self.hold,
            self.ramp,
            self.trial,
            self.sweeps,
        )
        numbers = np.array(
            [self.step, self.penalty, self.tolerance, self.mean_below, self.worst_below, self.noise], f4
        )
        shares = np.zeros(slow_length(rows, columns), f4)
        shares[: rows * columns] = self.shares(rows, columns).ravel()
        counts = np.zeros(counters_length(rows), np.int64)
        counts[[STATE_AT, HELD_BACK, RISE]] = OPEN, self.hold, self.ramp
        counts[INDEX : INDEX + rows] = np.arange(rows) // (rows // columns)
        return Start(whole, numbers, shares, counts)

    def shares(self, rows: int, columns: int) -> Array:
        """Nearly equal shares, balanced."""
        draw = np.random.default_rng(self.seed).uniform(-1.0, 1.0, (rows, columns))
        return balanced((1.0 + self.noise * draw) / columns, 10)


@dataclass(frozen=True)
class Start:
    """What the arrays of a permutation begin with, less where in them it begins."""

    whole: Array
    fixed: Array
    slow: Array
    counters: Array

    def settled(self, index: Array) -> Start:
        """The same, committed to that index."""
        slow, counters = np.zeros_like(self.slow), self.counters.copy()
        counters[STATE_AT] = COMMITTED
        counters[INDEX : INDEX + len(index)] = index
        return replace(self, slow=slow, counters=counters)


def watching(n: int, groups: int, events: int, seed: int) -> Start:
    """A random order, until so many events have been seen: then :mod:`~streamnn.permutations.correlation`'s groups."""
    start = Schedule(seed=seed).start(n, n).settled(np.random.default_rng(seed).permutation(n))
    start.whole[[WATCH, WATCH_GROUPS]] = events, groups
    start.counters[STATE_AT] = WATCHING
    return replace(start, slow=np.zeros(watch_length(n, groups), f4))


def grouping_schedule(groups: int, seed: int = 0) -> Schedule:
    """The defaults of a learned grouping: the more groups, the smaller its step; and a steeper ramp.

    Parameters
    ----------
    groups : int
    seed : int
    """
    return Schedule(step=1.6 / groups, ramp=20_000, seed=seed)
