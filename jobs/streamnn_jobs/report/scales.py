"""Scales of axes: ticks that people like, and ranges that one wild value cannot spoil."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .formats import decimal, percent, true_minus, whole

Tick = tuple[float, str]
"""A value on an axis and the word beside it."""


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


def labelled(values: Sequence[float], words: Callable[[float], str]) -> list[Tick]:
    """Ticks with their words.

    Examples
    --------
    >>> labelled([1.0, 2.0], "{:.0f}".format)
    [(1.0, '1'), (2.0, '2')]
    """
    return [(v, words(v)) for v in values]


def value_ticks(low: float, high: float, kind: str) -> list[Tick]:
    """Ticks of a y axis with just the digits that tell neighbours apart.

    Examples
    --------
    >>> value_ticks(0.8, 0.82, "percent")[0]
    (0.8, '80.0\\xa0%')
    """
    values = ticks(low, high, 5)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    scale = 100 if kind == "percent" else 1
    digits = next((d for d in range(7) if abs(step * scale * 10**d - round(step * scale * 10**d)) < 1e-6), 7)
    if kind == "percent":
        return labelled(values, lambda v: percent(v, digits))
    return labelled(values, lambda v: true_minus(f"{v:,.{digits}f}") if abs(v) < 1e6 else decimal(v, 3))


def count_ticks(low: float, high: float) -> list[Tick]:
    """Ticks of an axis of counts; those between whole numbers have no word.

    Examples
    --------
    >>> count_ticks(0.0, 2.0)[:3]
    [(0.0, '0'), (0.25, ''), (0.5, '')]
    """
    return labelled(ticks(low, high, 8), lambda v: whole(v) if v == round(v) else "")
