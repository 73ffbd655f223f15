"""How far a place beyond a spline's outermost knots can matter: where the output is saturated, it may be held still."""

from __future__ import annotations

import numpy as np

from .modules import Spline

Array = np.ndarray


def place_fraction(after: Spline, fraction: Array) -> Array:
    """Bits of the place between two knots that are read, shape (units,)."""
    s = fraction - after.spacing
    out: Array = np.minimum(s, after.place_bits) if after.place_bits else s
    return out


def place_limits(after: Spline, fraction: Array) -> tuple[Array, Array]:
    """Limits to which a place may be clipped without any change of what comes out.

    Where place times rise is large the output is at an end of its range; so a multiplier, and a float that carries
    the product, need few bits whatever the accumulator is.

    Parameters
    ----------
    after : Spline
    fraction : ndarray of int64, shape (units,)
        Fraction bits of the accumulators.

    Returns
    -------
    low, high : ndarray of int64, shape (units,)
        At most 0, and at least the largest place between two knots.

    Examples
    --------
    >>> i = lambda *v: np.array(v, np.int64)
    >>> after = Spline(knots=i([-64, 0, 100]), knot_fraction=i(5), spacing=0, reach=1, fraction=5)
    >>> low, high = place_limits(after, i(4))
    >>> low.tolist(), high.tolist()
    ([-17], [21])
    """
    f = place_fraction(after, fraction)
    right = f + after.knot_fraction - after.fraction
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    top = 1 << (after.bits - 1)
    # sums from which on the shifted number is at least top - 1, and up to which it is at most -top
    most = (np.int64(top - 1) << np.maximum(right, 0)) - half
    least = -(np.int64(top) << np.maximum(right, 0)) - half
    first, final = after.knots[:, 0] << f, after.knots[:, -2] << f
    low = -_places(after.knots[:, 0] - after.knots[:, 1], first, least, most)
    high = _places(after.knots[:, -1] - after.knots[:, -2], final, least, most)
    return np.minimum(low, 0), np.maximum(high, (np.int64(1) << f) - 1)


def _places(rise: Array, start: Array, least: Array, most: Array) -> Array:
    # fewest steps of `rise` from `start` after which the sum is at an end
    up, down = -((start - most) // np.maximum(rise, 1)), -((least - start) // np.maximum(-rise, 1))
    out: Array = np.where(rise > 0, up, np.where(rise < 0, down, 0))
    return out
