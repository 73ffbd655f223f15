"""What a device measures: signed integers, with a declared number of fraction bits a column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .integers import NO_READING, SENSOR_BITS

SENSOR_TOP = (1 << (SENSOR_BITS - 1)) - 1
"""Largest value of a sensor."""
LABEL_SENSOR = "last label"
"""Name of the sensor that reads the last number that was known."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A column of raw integers.

    Parameters
    ----------
    name : str
        As the schema has it: a column of records, or a part of one that is a time.
    fraction : int
        Fraction bits: the integer is the value times 2**fraction, rounded; it may be negative.
    codes : tuple of str
        Of a column of names: integer i stands for ``codes[i]``; empty for a quantity.
    """

    name: str
    fraction: int = 0
    codes: tuple[str, ...] = ()


def to_raw(values: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Values as integers, those beyond the range at its end, NO_READING where not finite.

    Parameters
    ----------
    values : ndarray of float64, shape (n, sensors)
    fraction : ndarray of int64, shape (sensors,)

    Returns
    -------
    ndarray of int32, shape (n, sensors)

    Examples
    --------
    >>> import numpy as np
    >>> to_raw(np.array([[1.5, np.nan, 1e9]]), np.array([4, 0, 0])).tolist()
    [[24, -1073741824, 16383]]
    """
    there = np.isfinite(values)
    with np.errstate(over="ignore"):  # what overflows is beyond the range
        v = np.rint(np.ldexp(np.where(there, values, 0.0), fraction.astype(np.int32)))
    v = np.clip(v, -SENSOR_TOP, SENSOR_TOP)
    return np.where(there, v, NO_READING).astype(np.int32)


def fraction_for(top: float, integers: bool, headroom: int = 3) -> int:
    """Fraction bits of a column whose largest size so far is `top`.

    Parameters
    ----------
    top : float
    integers : bool
        Whether all values so far are whole numbers: they get no fraction bits, if they fit.
    headroom : int
        Bits left for values that are larger.
    """
    most = (SENSOR_TOP + 1) >> headroom
    if integers and top < most:
        return 0
    _, exponent = np.frexp((most - 1) / max(top, 1e-12))  # no logarithm: its last bit depends on the machine
    return int(exponent) - 1 if top > 0 else 0
