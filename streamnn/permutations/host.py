"""One permutation by itself, for networks that are no plan: its arrays, and its steps as calls from Python."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from .places import COUNTERS_AT, FIXED_AT, SLOW_AT, Tables
from .schedule import Start
from .settling import settle


@kernel
def _settle(tables: Tables, soft_loss, rounded_loss):
    return settle(0, tables, soft_loss, rounded_loss)


def alone(start: Start) -> Tables:
    """Arrays of a permutation that is the only one in them."""
    whole = start.whole.copy()
    whole[[FIXED_AT, SLOW_AT, COUNTERS_AT]] = 0
    return Tables(
        whole, start.fixed.copy(), start.slow.copy(), np.zeros_like(start.slow), start.counters.copy()
    )


def settle_alone(tables: Tables, soft_loss: float, rounded_loss: float) -> bool:
    """After a label, see :func:`streamnn.permutations.settling.settle`; whether it ended in a commit."""
    return bool(_settle(tables, np.float32(soft_loss), np.float32(rounded_loss)) == -2)
