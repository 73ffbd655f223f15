"""A stretch of the log as the stages see it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Segment(NamedTuple):
    """Operations with the slots of their events; all of shape (m,)."""

    op: np.ndarray  # int8
    slot: np.ndarray  # int64
    ticket: np.ndarray  # int64
    y: np.ndarray  # labels of LEARN operations: class numbers, int64, or targets, float64
    weight: np.ndarray  # float32
    target: (
        np.ndarray
    )  # float32, what networks learn at LEARN: class numbers, or scaled targets, filled on the way
    time: np.ndarray  # float64, of the event or of its label; NaN is now
