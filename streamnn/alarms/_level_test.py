"""The test of a signal that is compared with 1 instead of its past."""

from __future__ import annotations

from .._kernels.jit import leaf
from ._layout import BLOCK_VALUES, PURSE_AIM, PURSE_COST, PURSE_FLOOR, PURSE_START, Signal

CERTAIN = 3
"""Values in a row above 1 that are an alarm: one or two may be chance."""
DEARER = 0.25
"""How much higher a value must rise for each nat that the purse has been spent below its start."""
SAME = 1000
"""Values within which one column is reported once."""


@leaf
def level_test(s: Signal, x: float, column: int, purse: float, horizon: float, cost: float) -> bool:
    """A signal that passes 1 once in a false alarm's interval: whether it has been above for CERTAIN values.

    It has to rise further where the purse has been spent. One column is reported once in SAME values.
    """
    s.taken += 1
    s.regime += 1
    if s.taken % BLOCK_VALUES == 0:
        climb = PURSE_COST * PURSE_AIM * BLOCK_VALUES / horizon
        s.purse = min(0.0, max(s.purse, PURSE_FLOOR) + climb)
    above = x >= 1.0 - DEARER * min(purse + s.purse - PURSE_START, 0.0)
    s.trial_age = s.trial_age + 1 if above else 0
    if s.trial_age != CERTAIN or (column == s.trial_stat and s.taken < s.quiet_until):
        return False
    s.trial_stat = column
    s.began = s.taken - CERTAIN + 1
    s.last = s.taken
    s.fires += 1
    s.purse -= cost
    s.quiet_until = s.taken + SAME
    return True
