"""Fraction bits: how many fit, and numbers as integers with so many."""

from __future__ import annotations

import numpy as np

MOST_FRACTION = 20
_OF_NOTHING = 8


def largest_fraction(top: np.ndarray, bits: int) -> np.ndarray:
    """Most fraction bits that clip nothing, at most 20.

    Parameters
    ----------
    top : ndarray of float64
        Largest size.
    bits : int
        Of the integer, sign included.

    Returns
    -------
    ndarray of int64, shape of `top`
        8 where `top` is 0.

    Examples
    --------
    >>> largest_fraction(np.array([1.0, 0.99, 127.0, 128.0, 0.0]), 8).tolist()
    [6, 7, 0, -1, 8]
    """
    top = np.asarray(top, np.float64)
    most = float((1 << (bits - 1)) - 1)
    size = np.where(top > 0, top, 1.0)
    n = np.frexp(most / size)[1].astype(np.int64) - 1
    # the quotient was rounded: the power of two beside it may be the right one
    n -= np.ldexp(size, n.astype(np.int32)) > most
    n += np.ldexp(size, (n + 1).astype(np.int32)) <= most
    out: np.ndarray = np.where(top > 0, np.minimum(n, MOST_FRACTION), _OF_NOTHING)
    return out


def to_integers(v: np.ndarray, fraction: np.ndarray, bits: int) -> np.ndarray:
    """v * 2**fraction, rounded, halves up, and clipped to so many bits.

    Examples
    --------
    >>> to_integers(np.array([0.5, -0.3, 9.0]), np.array([1, 2, 4]), 8).tolist()
    [1, -1, 127]
    """
    top = 1 << (bits - 1)
    whole = np.floor(np.ldexp(v, np.asarray(fraction, np.int32)) + 0.5)
    out: np.ndarray = np.clip(whole, -top, top - 1).astype(np.int64)
    return out
