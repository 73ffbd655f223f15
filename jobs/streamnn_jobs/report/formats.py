"""Numbers for people: grouped, rounded, with a true minus sign."""

from __future__ import annotations

import math
from typing import Any

NO_NUMBER = "–"
"""What is shown where a number is missing."""


def as_float(value: Any) -> float:
    """A number, or NaN for anything else.

    Examples
    --------
    >>> as_float("0.5"), as_float(None)
    (0.5, nan)
    """
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def true_minus(text: str) -> str:
    """A number with a minus sign in place of each hyphen.

    Examples
    --------
    >>> true_minus("-1e-07")
    '−1e−07'
    """
    return text.replace("-", "−")


def whole(value: Any) -> str:
    """A count.

    Examples
    --------
    >>> whole(81234), whole(-3), whole(None)
    ('81,234', '−3', '–')
    """
    number = as_float(value)
    return true_minus(f"{number:,.0f}") if math.isfinite(number) else NO_NUMBER


def decimal(value: Any, digits: int = 4) -> str:
    """A number with about `digits` significant digits, never in more than eight characters or so.

    Examples
    --------
    >>> decimal(0.43124), decimal(-12.3456), decimal(81234.5), decimal(3.2e-7), decimal(float("inf"))
    ('0.4312', '−12.35', '81,234', '3.2e−07', '∞')
    """
    number = as_float(value)
    if math.isnan(number):
        return NO_NUMBER
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    size = abs(number)
    if number == 0:
        return "0"
    if size < 10 ** (-digits) or size >= 1e9:
        text = f"{number:.2g}"
    elif size < 1:
        text = f"{number:.{digits}f}"
    else:
        text = f"{number:,.{max(0, digits - len(str(int(size))))}f}"
    return true_minus(text)


def percent(value: Any, digits: int = 1) -> str:
    """A share of one as per cent.

    Examples
    --------
    >>> percent(0.8123)
    '81.2\\xa0%'
    """
    number = as_float(value)
    return true_minus(f"{100 * number:.{digits}f}\u00a0%") if math.isfinite(number) else NO_NUMBER


def duration(seconds: float) -> str:
    """A duration in its one or two largest units.

    Examples
    --------
    >>> duration(59.0), duration(3700.0), duration(200000.0)
    ('59 s', '1 h 1 min', '2 d 7 h')
    """
    s = int(seconds)
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min"
    return f"{s // 3600} h {s % 3600 // 60} min" if s < 86400 else f"{s // 86400} d {s % 86400 // 3600} h"
