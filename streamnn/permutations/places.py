"""What stands where in the arrays of learned permutations and groupings.

Both are a matrix of shares: entry (i, k) says how much of input i goes to place k (permutation) or group k (grouping).
Rows sum to 1, columns to rows / columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Tables(NamedTuple):
    """The arrays in which any number of permutations lie; where one begins among `whole` says which it is."""

    whole: np.ndarray  # int64: sizes and settings that never change
    fixed: np.ndarray  # float32: settings that never change
    slow: np.ndarray  # float32: shares, and what their steps keep
    slow_g: np.ndarray  # float32: gradient by the shares, summed since the last step
    counters: np.ndarray  # int64: state, clocks, and where inputs go once that is settled


MATRIX_ROWS, MATRIX_COLUMNS, FIXED_AT, SLOW_AT, COUNTERS_AT = range(5)
"""Places among `whole`: sizes of the matrix, and where its part of the other arrays begins."""
STEP_EVERY, HOLD, RAMP, TRIAL_LENGTH, SWEEPS, STEP_RULE, NOISE_SEED, WATCH, WATCH_GROUPS = range(5, 14)
WHOLE = 14
"""How many whole numbers a permutation takes; see :class:`~streamnn.permutations.schedule.Schedule` for these."""

STEP, PENALTY, TRIAL_TOLERANCE, MEAN_BELOW, WORST_BELOW, NOISE = range(6)
"""Places among `fixed`."""

SQUARE, SOFT_SUM, ROUNDED_SUM = range(3)
"""Places after the matrix among `slow`: running mean square of the gradient, losses summed over a trial."""
TAIL = 3

MIRROR, CLIP = range(2)
"""Rules: multiplicative, or the paper's additive one that is clipped at 0."""

OPEN, TRIAL, COMMITTED, ROUNDED, WATCHING = range(5)
"""States: learnt; learnt while its rounding is tried; an index; for one look as if it were an index; an index while
columns are watched for groups."""

STATE_AT, SINCE, LABELS_HELD, STEPS_TAKEN, HELD_BACK, RISE, LEFT, COMMITS, TRIALS_BEGUN = range(9)
"""Places among `counters`: the state, labels since it was opened, labels since its last step, steps since it was
opened, labels until the penalty begins, labels until it is full, labels left of a trial, commits and trials so far."""
INDEX = 9
"""Where each input goes: for a permutation the input of every place, for a grouping the group of every input. Behind
it is room for the assignment."""


def slow_length(rows: int, columns: int) -> int:
    """Numbers that a matrix takes among `slow`: behind it are TAIL more, and room for two a column."""
    return rows * columns + TAIL + 2 * columns


def counters_length(rows: int) -> int:
    """Whole numbers that a matrix takes among `counters`."""
    return INDEX + rows + 6 * (rows + 1)


def watch_length(n: int, groups: int) -> int:
    """Numbers that watching n columns for groups takes among `slow`: products of all pairs, room as of a matrix, where
    the sums lie, and scores of every column in every group."""
    return slow_length(n, n) + n * groups
