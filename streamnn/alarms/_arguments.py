"""Named tuples in which the detector's kernel takes its arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Family(NamedTuple):
    """All that a monitor knows, and how its budget is split."""

    signals: np.ndarray  # of SIGNAL
    views: np.ndarray  # of VIEW, VIEWS for each signal
    purse: np.ndarray  # float64[3]: purse, alarms it has not paid for yet, ticket up to which it has climbed
    clock: np.ndarray  # int64[3]: operations in all; next one of the segment; operation of the next review
    share: np.ndarray  # float64[VIEWS, STATS], share of the budget of each statistic
    horizon: float  # events per false alarm


class Operations(NamedTuple):
    """Operations of the log and what the signals are at them."""

    values: np.ndarray  # float64, signals x operations
    tags: np.ndarray  # int32: what a value of the signal that is its own test is about
    op: np.ndarray  # int8
    when: np.ndarray  # int8, for each signal: the kind of operations at which it has values; below 0 all
    event: np.ndarray  # int64, ticket of the event last observed
