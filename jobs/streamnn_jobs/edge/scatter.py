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

_LABEL_GAP = 12.0
"""A label lies so far above its point."""
_NEAR_X, _NEAR_Y = 60.0, 16.0
"""Points that are nearer are one, for their labels would meet; in units of the plot."""
_Named = tuple[str, float, float, bool]
"""Name, x, y, and whether it is the one to look at."""


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
    points: Sequence[_Named],
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
    for n, x, y, strong in _joined(points, area):
        px, py = float(area.x(x)), float(area.y(y)) - _LABEL_GAP
        anchor = "start" if px < 100 else "end" if px > 850 else "middle"
        words = f"{say(y)} at {whole(x)} {axes[0]}"
        drawn.append(_Point(n, words, area.left(x), area.top(y), f"{py:.1f}", anchor, strong))
    return TEMPLATES.render(
        "scatter.html", area=area, legend=[], paths=(), levels=(), points=drawn, level=level
    )


def _joined(points: Sequence[_Named], area: PlotArea) -> list[_Named]:
    """Points that would cover each other as one of all their names, where the first of them is."""
    found: list[_Named] = []
    for name, x, y, strong in points:
        for i, (before, x0, y0, was) in enumerate(found):
            if abs(area.x(x) - area.x(x0)) < _NEAR_X and abs(area.y(y) - area.y(y0)) < _NEAR_Y:
                found[i] = (f"{before}, {name}", x0, y0, strong or was)
                break
        else:
            found.append((name, x, y, strong))
    return found
