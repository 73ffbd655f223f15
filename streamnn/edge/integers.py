"""Integer arithmetic as the device does it: rounding shifts and clips, no division."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf

NO_READING = -(1 << 30)
"""What a sensor delivers where it has no value."""
SENSOR_BITS = 15
"""A sensor's value is a signed integer of this many bits."""
CONTEXT_FRACTION = 8
"""Fraction bits of a sensor's running means."""
INPUT_FRACTION = 5
"""Fraction bits of a standardised input."""
INPUT_TOP = 127
"""Largest standardised input."""
INPUT_BITS = 8
"""Of a standardised input, sign included."""


@leaf
def shifted(v, s):
    """v * 2**-s, halves up; a negative s shifts to the left."""
    if s <= 0:
        return v << -s
    return (v + (np.int64(1) << (s - 1))) >> s


def rounded_shift(v: np.ndarray, s: np.ndarray | int) -> np.ndarray:
    """v * 2**-s, halves up, column by column; a negative s shifts to the left.

    Parameters
    ----------
    v : ndarray of int64
    s : ndarray of int64 or int
        One shift, or one for each entry of the last axis.

    Examples
    --------
    >>> import numpy as np
    >>> rounded_shift(np.array([5, -5, 6, -6]), 2).tolist()
    [1, -1, 2, -1]
    >>> rounded_shift(np.array([[3, 3]]), np.array([1, -1])).tolist()
    [[2, 6]]
    """
    s = np.broadcast_to(np.asarray(s, np.int64), v.shape[-1:] if v.ndim else ())
    right = np.maximum(s, 0)
    half = np.where(s > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    out: np.ndarray = np.where(s >= 0, (v + half) >> right, v << np.maximum(-s, 0))
    return out
