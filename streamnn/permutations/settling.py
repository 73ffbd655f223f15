"""From open to committed: steps, a trial of the rounded network, and the index that takes the matrix' place.

open -> (every row nearly whole) -> trial of the rounded network beside the soft one -> committed, or open again
committed -> (:mod:`streamnn.permutations.reopening`) -> open
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .assignment import assign_shares
from .mirror import step
from .penalty import unsettled
from .places import (
    COMMITS,
    COMMITTED,
    COUNTERS_AT,
    FIXED_AT,
    INDEX,
    LABELS_HELD,
    LEFT,
    MATRIX_COLUMNS,
    MATRIX_ROWS,
    MEAN_BELOW,
    OPEN,
    ROUNDED,
    ROUNDED_SUM,
    SINCE,
    SLOW_AT,
    SOFT_SUM,
    STATE_AT,
    STEP_EVERY,
    TRIAL,
    TRIAL_LENGTH,
    TRIAL_TOLERANCE,
    TRIALS_BEGUN,
    WATCHING,
    WORST_BELOW,
)

f4 = np.float32


@leaf
def is_index(p, t):
    """Whether inputs go where the index says, now."""
    state = t.counters[t.whole[p + COUNTERS_AT] + STATE_AT]
    return state in (COMMITTED, ROUNDED, WATCHING)


@leaf
def set_rounded(p, t, on):
    """Shares on trial are taken as their rounding, or as they are again."""
    at = t.whole[p + COUNTERS_AT] + STATE_AT
    if on and t.counters[at] == TRIAL:
        t.counters[at] = ROUNDED
    elif not on and t.counters[at] == ROUNDED:
        t.counters[at] = TRIAL


@leaf
def settle(p, t, soft_loss, rounded_loss):
    """After a label was learnt; returns 1 if a trial begins, -1 if one fails, -2 if one ends in a commit, else 0.

    `soft_loss` and `rounded_loss` are those of the label before it was learnt, the second only read during a trial.
    """
    c = t.whole[p + COUNTERS_AT]
    if is_index(p, t):
        return 0
    t.counters[c + SINCE] += 1
    t.counters[c + LABELS_HELD] += 1
    answer = 0
    if t.counters[c + STATE_AT] == TRIAL:
        answer = _tried(p, t, soft_loss, rounded_loss)
        if answer == -2:
            _commit(p, t)
            return answer
    if t.counters[c + LABELS_HELD] < t.whole[p + STEP_EVERY]:
        return answer
    t.counters[c + LABELS_HELD] = 0
    step(p, t)
    if t.counters[c + STATE_AT] == OPEN and answer == 0 and _nearly_whole(p, t):
        _begin_trial(p, t)
        return 1
    return answer


@leaf
def _nearly_whole(p, t):
    q = t.whole[p + FIXED_AT]
    mean, worst = unsettled(
        t.slow, t.whole[p + SLOW_AT], t.whole[p + MATRIX_ROWS], t.whole[p + MATRIX_COLUMNS]
    )
    return mean < t.fixed[q + MEAN_BELOW] and worst < t.fixed[q + WORST_BELOW]


@leaf
def _begin_trial(p, t):
    rows, columns, c = t.whole[p + MATRIX_ROWS], t.whole[p + MATRIX_COLUMNS], t.whole[p + COUNTERS_AT]
    s = t.whole[p + SLOW_AT]
    tail = s + rows * columns
    work = c + INDEX + rows
    assign_shares(t.slow, s, rows, columns, c + INDEX, t.counters, work)
    if rows == columns:  # the input of every place, not the place of every input
        for i in range(rows):
            t.counters[work + t.counters[c + INDEX + i]] = i
        for i in range(rows):
            t.counters[c + INDEX + i] = t.counters[work + i]
            t.counters[work + i] = 0
    t.counters[c + STATE_AT], t.counters[c + LEFT] = TRIAL, t.whole[p + TRIAL_LENGTH]
    t.counters[c + TRIALS_BEGUN] += 1
    t.slow[tail + SOFT_SUM] = f4(0.0)
    t.slow[tail + ROUNDED_SUM] = f4(0.0)


@leaf
def _tried(p, t, soft_loss, rounded_loss):
    c = t.whole[p + COUNTERS_AT]
    tail = t.whole[p + SLOW_AT] + t.whole[p + MATRIX_ROWS] * t.whole[p + MATRIX_COLUMNS]
    t.slow[tail + SOFT_SUM] += f4(soft_loss)
    t.slow[tail + ROUNDED_SUM] += f4(rounded_loss)
    t.counters[c + LEFT] -= 1
    if t.counters[c + LEFT] > 0:
        return 0
    t.counters[c + STATE_AT] = OPEN
    most = t.fixed[t.whole[p + FIXED_AT] + TRIAL_TOLERANCE] * t.slow[tail + SOFT_SUM]
    return -2 if t.slow[tail + ROUNDED_SUM] <= most else -1


@leaf
def _commit(p, t):
    c = t.whole[p + COUNTERS_AT]
    s, n = t.whole[p + SLOW_AT], t.whole[p + MATRIX_ROWS] * t.whole[p + MATRIX_COLUMNS]
    t.counters[c + STATE_AT] = COMMITTED
    t.counters[c + COMMITS] += 1
    t.counters[c + LABELS_HELD] = 0
    for k in range(n):
        t.slow[s + k] = f4(0.0)
        t.slow_g[s + k] = f4(0.0)
