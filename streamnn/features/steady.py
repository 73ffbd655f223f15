"""Units of a column that hardly ever change: to a long memory, units that move are a world that moves."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf

STEADY_AFTER = 32
"""A column's steady units are its mean and deviation after so many values (docs/decisions.md, "The linear
member of numbers reads steady units", as the next)."""
STEADY_ERROR = 1e4
"""Factor, or deviations, by which steady units may be wrong before today's replace them; 8 was too few."""
NO_UNITS, NO_ROWS = np.zeros((0, 2)), np.zeros((0, 0), np.float32)
"""Steady units, and columns in them, of inputs that nothing reads in steady units."""
NO_NAMES = np.zeros((0, 0), np.int32)
"""Category rows of text columns, where nothing reads these apart from the others."""


@leaf
def in_steady_units(held, c, values, mean, deviation, z, keep):
    """Standardised value `z` of column `c` in the units `held`, which stay after `STEADY_AFTER` values."""
    m, s = held[c, 0], held[c, 1]
    if (
        values <= STEADY_AFTER
        or abs(mean - m) > STEADY_ERROR * s
        or deviation > STEADY_ERROR * s
        or s > STEADY_ERROR * deviation
    ):
        m, s = mean, deviation
        if keep:
            held[c, 0], held[c, 1] = m, s
    return (mean - m + deviation * z) / s


@leaf
def missing_in_steady_units(held, c, mean):
    """The mean there is by now, in the units `held`; 0 before there are any."""
    return (mean - held[c, 0]) / held[c, 1] if held[c, 1] > 0.0 else 0.0
