"""Units of a column that hardly ever change: what has a long memory takes units that move for a world that moves."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.jit import leaf_options

SETTLED, OFF = 32, 1e4
"""A column's units are those after so many values, unless they are wrong by this factor or so many deviations."""
NO_UNITS, NO_ROWS = np.zeros((0, 2)), np.zeros((0, 0), np.float32)
"""Of inputs that write no rows in such units."""


@njit(**leaf_options)
def in_steady_units(held, c, values, mean, deviation, z, keep):
    """Standardised value `z` of column `c` in the units `held`, which settle after enough `values`."""
    m, s = held[c, 0], held[c, 1]
    if values <= SETTLED or abs(mean - m) > OFF * s or deviation > OFF * s or s > OFF * deviation:
        m, s = mean, deviation
        if keep:
            held[c, 0], held[c, 1] = m, s
    return (mean - m + deviation * z) / s


@njit(**leaf_options)
def missing_in_steady_units(held, c, mean):
    """The mean there is by now, in the units `held`; 0 before there are any."""
    return (mean - held[c, 0]) / held[c, 1] if held[c, 1] > 0.0 else 0.0
