"""Activations on grids whose spacing is a power of two, and their knots as integers within a slope."""

from __future__ import annotations

import numpy as np

from ..errors import SpecError
from ..network.functions import Functions


def power_of_two_grid(functions: Functions, name: str) -> tuple[int, int]:
    """Spacing and reach of activations: knots lie 2**-spacing apart and begin at -reach.

    Parameters
    ----------
    functions : Functions
    name : str
        Of the layer, for the error.

    Raises
    ------
    SpecError
        When units have different grids, or theirs is not of that kind.

    Examples
    --------
    >>> power_of_two_grid(Functions.two_slopes(np.zeros(2)), "layer 0")
    (0, 1)
    """
    piece, start = float(functions.piece[0]), float(functions.start[0])
    if (functions.piece != piece).any() or (functions.start != start).any():
        raise SpecError(
            f"{name}: its splines have grids of their own, which no shift can find: learn it with follow = False"
        )
    mantissa, exponent = np.frexp(piece)
    if mantissa != 0.5:
        raise SpecError(
            f"{name}: knots lie {piece:g} apart, not a power of two: learn it with knots = 17 and range = 4"
        )
    if start > 0 or start != np.floor(start):
        raise SpecError(
            f"{name}: knots begin at {start:g}, not at a whole number of 0 or less: "
            "learn it with knots = 17 and range = 4"
        )
    return 1 - int(exponent), int(-start)


def knot_integers(
    values: np.ndarray, fraction: np.ndarray, bits: int, spacing: int, slope: float
) -> np.ndarray:
    """Knots as integers of so many bits.

    Parameters
    ----------
    values : ndarray of float64, shape (units, K)
    fraction : ndarray of int64, shape (units,)
    spacing : int
    slope : float
        Largest slope, in size; 0 is no limit. Differences that rounding made larger are cut, and the mean is kept.

    Examples
    --------
    >>> knot_integers(np.array([[0.0, 0.49, 1.01]]), np.array([2]), 8, 1, 0.0).tolist()
    [[0, 2, 4]]
    >>> knot_integers(np.array([[0.0, 0.74, 1.01]]), np.array([2]), 8, 1, 1.0).tolist()
    [[1, 3, 4]]
    """
    top = 1 << (bits - 1)
    whole = np.floor(np.ldexp(values, fraction[:, None].astype(np.int32)) + 0.5)
    whole = np.clip(whole, -top, top - 1).astype(np.int64)
    if slope <= 0.0:
        return whole
    most = np.floor(np.ldexp(slope, (fraction - spacing).astype(np.int32))).astype(np.int64)[:, None]
    step = np.clip(np.diff(whole, axis=1), -most, most)
    kept = np.concatenate([np.zeros((len(whole), 1), np.int64), np.cumsum(step, axis=1)], axis=1)
    count = whole.shape[1]
    kept += ((whole - kept).sum(1, keepdims=True) * 2 + count) // (2 * count)
    out: np.ndarray = np.clip(kept, -top, top - 1)
    return out
