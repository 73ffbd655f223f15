"""From values to places: ticks people like, ranges that one wild value cannot spoil, shorter curves."""

from __future__ import annotations

import math

import numpy as np


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (steps of 1, 2, 2.5 or 5) inside ``[low, high]``.

    Examples
    --------
    >>> ticks(0, 80000)
    [0.0, 20000.0, 40000.0, 60000.0, 80000.0]
    >>> ticks(0.71, 0.96)
    [0.75, 0.8, 0.85, 0.9, 0.95]
    """
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low] if math.isfinite(low) else []
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.9), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Rounding takes away 0.30000000000000004; a tick at -0.0 would be written with a minus.
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 9) -> list[float]:
    """Powers of ten in ``[low, high]``, with 2 and 5 between when there is room.

    Examples
    --------
    >>> log_ticks(0.5, 30)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    >>> log_ticks(1, 1e6, most=4)
    [1.0, 100.0, 10000.0, 1000000.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [float(f"{m}e{p}") for p in range(first, last + 1) for m in (1, 2, 5)]
    every = [t for t in every if low * 0.999 <= t <= high * 1.001]
    if len(every) <= most:
        return every
    tens = [float(f"1e{p}") for p in range(first, last + 1)]
    tens = [t for t in tens if low * 0.999 <= t <= high * 1.001]
    return tens[:: max(1, math.ceil(len(tens) / most))]


def span(
    values: list[np.ndarray], floor: float | None = None, ceil: float | None = None
) -> tuple[float, float]:
    """Range of an axis that shows nearly all values; a few wild ones may lie outside.

    The range ends at the 1 % and 99 % points, widened by a quarter of their distance, unless the
    extremes lie nearer. `floor` and `ceil` are values that cannot be passed (0 and 1 for a share).

    Examples
    --------
    >>> import numpy as np
    >>> low, high = span([np.r_[np.linspace(0, 1, 200), 1000.0]])
    >>> low < 0 and 1 < high < 1.5
    True
    """
    flat = np.concatenate([np.asarray(v, float).ravel() for v in values]) if values else np.empty(0)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return 0.0, 1.0
    q1, q99 = np.quantile(flat, [0.01, 0.99])
    room = 0.25 * (q99 - q1)
    low, high = max(float(flat.min()), q1 - room), min(float(flat.max()), q99 + room)
    pad = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    low, high = low - pad, high + pad
    if floor is not None:
        # An axis that nearly reaches its floor is easier to read from there.
        low = floor if low - floor < 0.25 * (high - floor) else low
    if ceil is not None:
        high = min(high, ceil)
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def groups(sizes: np.ndarray, most: int) -> np.ndarray:
    """First index of each group when points of these `sizes` are joined to at most `most`.

    A last group that is not half as large as the others joins the one before: a mean of a few events among means of
    hundreds is a spike that says nothing, and the end of a picture is where one looks.

    Examples
    --------
    >>> import numpy as np
    >>> groups(np.array([9, 9, 9, 9, 9]), 3)
    array([0, 2, 4])
    >>> groups(np.array([9, 9, 9, 9, 2]), 3)
    array([0, 2])
    """
    starts = np.arange(0, len(sizes), max(1, -(-len(sizes) // most)))
    if len(starts) > 2:
        joined = np.add.reduceat(np.asarray(sizes, float), starts)
        if joined[-1] < 0.5 * np.median(joined[:-1]):
            starts = starts[:-1]
    return starts


def join_means(values: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Weighted mean of each group of neighbours; NaNs are left out, a group of NaNs stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> join_means(np.array([1.0, 3.0, np.nan]), np.array([3.0, 1.0, 1.0]), np.array([0, 2]))
    array([1.5, nan])
    """
    if not len(starts):
        return np.empty(0)
    good = np.isfinite(values) & (weights > 0)
    mass = np.add.reduceat(np.where(good, weights, 0.0), starts)
    total = np.add.reduceat(np.where(good, np.where(good, values, 0.0) * weights, 0.0), starts)
    return np.divide(total, mass, out=np.full(len(starts), np.nan), where=mass > 0)
