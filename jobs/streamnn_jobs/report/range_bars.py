"""Bars on a log axis, one a row, each from a lower to an upper bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .elements import empty_chart
from .formats import decimal
from .plot_area import Axis, PlotArea
from .scales import labelled, log_ticks
from .templating import TEMPLATES

_ROW = 46
"""Height of a row, in CSS pixels."""
_LONGEST_NAME = 24


@dataclass(slots=True, frozen=True)
class _Bar:
    """Places of the ends are None where there is no such bound."""

    name: str
    short_name: str
    words: str
    top: int
    lower: str | None
    upper: str | None


def range_bars(name: str, title: str, rows: Sequence[tuple[str, float, float]], x_name: str) -> Markup:
    """What is known of a positive number: at least the lower, at most the upper bound.

    Parameters
    ----------
    name, title : str
    rows : sequence of (str, float, float)
        Name, lower and upper bound. A bound that is not finite or not positive is said in words.
    x_name : str

    Examples
    --------
    >>> range_bars("slopes", "Slopes", [("net", 2.0, 30.0)], "slope").count("data-series")
    1
    """
    good = [bound for _, *bounds in rows for bound in bounds if _can_be_drawn(bound)]
    if not good:
        return empty_chart(
            name, title, "No finite bound to show yet." if rows else "No certified network yet."
        )
    low, high = math.log10(min(good)), math.log10(max(good))
    pad = max(0.08 * (high - low), 0.15)
    low, high = low - pad, high + pad
    powers = log_ticks(10**low, 10**high, 8)
    words = labelled(powers, lambda v: f"{v:,g}" if v < 1e6 else f"{v:.0e}")
    area = PlotArea(
        name,
        title,
        "; ".join(f"{n}: at least {_say(a)}, at most {_say(b)}" for n, a, b in rows) + ".",
        Axis(x_name, low, high, [(math.log10(v), word) for v, word in words]),
        Axis("", float(len(rows)), 0.0),
        _ROW * len(rows),
    )

    def place(bound: float) -> str | None:
        return area.left(math.log10(bound)) if _can_be_drawn(bound) else None

    bars = [
        _Bar(
            label,
            label if len(label) <= _LONGEST_NAME else label[: _LONGEST_NAME - 1] + "…",
            f"{_say(lower)} … {_say(upper)}",
            i * _ROW,
            place(lower),
            place(upper),
        )
        for i, (label, lower, upper) in enumerate(rows)
    ]
    legend = [("attacked: found by search", "low", "box"), ("certified: proven", "high", "box")]
    return TEMPLATES.render("range_bars.html", area=area, legend=legend, paths=(), bars=bars)


def _can_be_drawn(bound: float) -> bool:
    return math.isfinite(bound) and bound > 0


def _say(bound: float) -> str:
    return "unknown" if math.isnan(bound) else "no bound" if math.isinf(bound) else decimal(bound, 3)
