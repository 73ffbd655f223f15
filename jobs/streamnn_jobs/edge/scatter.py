"""Named points in a plane: quality against size, of which a person chooses one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ..report.formats import decimal, percent, whole
from ..report.plot_area import Axis, PlotArea
from ..report.scales import count_ticks, span, value_ticks
from .templating import TEMPLATES

_LABEL_GAP, _LABEL_LINE = 12.0, 17.0
"""A label lies so far above its point; labels that would meet are set so far apart."""


@dataclass(frozen=True, slots=True)
class _Point:
    name: str
    words: str
    left: str
    top: str
    label_top: str
    anchor: str
    strong: bool


def scatter(
    name: str,
    title: str,
    points: Sequence[tuple[str, float, float, bool]],
    axes: tuple[str, str],
    level: tuple[str, float] | None,
    kind: str,
) -> Markup:
    """Points with their names.

    Parameters
    ----------
    name, title : str
    points : sequence of (str, float, float, bool)
        Name, x, y, and whether it is the one to look at.
    axes : (str, str)
        Names of both axes.
    level : (str, float), optional
        A horizontal line and its word.
    kind : {"percent", "number"}
        Of y.

    Examples
    --------
    >>> found = scatter("p", "P", [("8 bits", 900.0, 0.9, True), ("4 bits", 500.0, 0.8, False)], ("bytes", "a"), None, "percent")
    >>> found.count("<circle")
    2
    """
    say: Callable[[float], str] = percent if kind == "percent" else decimal
    right = max(x for _, x, _, _ in points) * 1.1
    seen = [y for *_, y, _ in points] + ([level[1]] if level else [])
    low, high = span([np.array(seen)])
    room = 0.15 * (high - low)
    low, high = low - room, high + room
    area = PlotArea(
        name,
        title,
        "; ".join(f"{n}: {say(y)} at {whole(x)} {axes[0]}" for n, x, y, _ in points) + ".",
        Axis(axes[0], 0.0, right, count_ticks(0.0, right)),
        Axis(axes[1], low, high, value_ticks(low, high, kind)),
    )
    drawn: list[_Point] = []
    taken: list[tuple[float, float]] = []
    for n, x, y, strong in sorted(_joined(points), key=lambda p: -p[2]):
        px, py = float(area.x(x)), float(area.y(y)) - _LABEL_GAP
        while any(abs(px - tx) < 90 and abs(py - ty) < _LABEL_LINE for tx, ty in taken):
            py += _LABEL_LINE
        taken.append((px, py))
        anchor = "start" if px < 100 else "end" if px > 850 else "middle"
        words = f"{say(y)} at {whole(x)} {axes[0]}"
        drawn.append(_Point(n, words, area.left(x), area.top(y), f"{py:.1f}", anchor, strong))
    return TEMPLATES.render(
        "scatter.html", area=area, legend=[], paths=(), levels=(), points=drawn, level=level
    )


def _joined(points: Sequence[tuple[str, float, float, bool]]) -> list[tuple[str, float, float, bool]]:
    """Points in one place as one of all their names."""
    found: dict[tuple[float, float], tuple[str, float, float, bool]] = {}
    for name, x, y, strong in points:
        before = found.get((x, y))
        found[x, y] = (
            (name, x, y, strong) if before is None else (f"{before[0]}, {name}", x, y, strong or before[3])
        )
    return list(found.values())
