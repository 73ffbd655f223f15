"""Bars on a log axis, one a row, each from a lower to an upper bound."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .formats import decimal, esc
from .frame import Frame, labelled
from .scales import log_ticks
from .shapes import empty, legend

_ROW = 46


def range_bars(plot: str, title: str, rows: Sequence[tuple[str, float, float]], *, x_name: str) -> str:
    """What is known of a positive number: at least the lower, at most the upper bound.

    Parameters
    ----------
    plot, title : str
    rows : sequence of (str, float, float)
        Name, lower and upper bound. A bound that is not finite or not positive is said in words.
    x_name : str

    Examples
    --------
    >>> range_bars("slopes", "Slopes", [("net", 2.0, 30.0)], x_name="slope").count("data-series")
    1
    """
    good = [v for _, a, b in rows for v in (a, b) if math.isfinite(v) and v > 0]
    if not good:
        return empty(plot, title, "No finite bound to show yet." if rows else "No certified network yet.")
    low, high = math.log10(min(good)), math.log10(max(good))
    pad = max(0.08 * (high - low), 0.15)
    low, high = low - pad, high + pad
    height = _ROW * len(rows)
    values = log_ticks(10**low, 10**high, 8)
    x_ticks = [
        (math.log10(v), w) for v, w in labelled(values, lambda v: f"{v:,g}" if v < 1e6 else f"{v:.0e}")
    ]
    desc = "; ".join(f"{n}: at least {_say(a)}, at most {_say(b)}" for n, a, b in rows) + "."
    frame = Frame(plot, title, desc, (low, high), (float(len(rows)), 0.0), x_ticks, [], x_name, "", height)
    over = [
        f"<line class='grid' x1='{_at(frame, 10**v)}' x2='{_at(frame, 10**v)}' y1='0' y2='{height}'/>"
        for v, _ in x_ticks
    ]
    for i, (name, lower, upper) in enumerate(rows):
        over.append(_bar(frame, i * _ROW, name, lower, upper))
    entries = [("attacked: found by search", "low", "box"), ("certified: proven", "high", "box")]
    return f"<figure class='flush'><figcaption>{esc(title)}</figcaption>{frame.svg([], over, legend(entries))}</figure>"


def _bar(frame: Frame, top: int, name: str, lower: float, upper: float) -> str:
    words = name if len(name) <= 24 else name[:23] + "…"
    out = [
        f"<g data-series='{esc(name)}' data-points='2'><title>{esc(name)}</title>",
        f"<text class='label' x='0' y='{top + 17}'>{esc(words)}</text>",
        f"<text class='tick' x='100%' y='{top + 17}' text-anchor='end'>{esc(_say(lower))} … {esc(_say(upper))}</text>",
    ]
    y = top + 32
    has_low, has_high = (math.isfinite(v) and v > 0 for v in (lower, upper))
    if has_low and has_high:
        out.append(
            f"<line class='range' x1='{_at(frame, lower)}' x2='{_at(frame, upper)}' y1='{y}' y2='{y}'/>"
        )
    if has_low:
        out.append(f"<circle class='low' cx='{_at(frame, lower)}' cy='{y}' r='6'/>")
    if has_high:
        out.append(f"<circle class='high' cx='{_at(frame, upper)}' cy='{y}' r='6'/>")
    return "".join(out) + "</g>"


def _at(frame: Frame, value: float) -> str:
    return f"{float(frame.x(math.log10(value))) / 10:.2f}%"


def _say(value: float) -> str:
    return "unknown" if math.isnan(value) else "no bound" if math.isinf(value) else decimal(value, 3)
