"""Charts of curves over a common axis: lines, and shares stacked upon each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup

from .elements import empty_chart
from .formats import decimal, percent, whole
from .plot_area import Axis, Mark, PlotArea, outline, polyline
from .scales import count_ticks, labelled, span, value_ticks
from .templating import TEMPLATES


@dataclass(slots=True, frozen=True)
class Line:
    """One curve.

    Parameters
    ----------
    name : str
        In the legend and the read-out.
    values : ndarray of float, shape (n,)
        One value a point of the x axis; NaN leaves a gap.
    tone : str
        CSS class that gives the colour: ``pool``, ``plain``, ``last``, ``linear``, ``limit``, ``s0`` to ``s7``.
    kind : str
        ``"percent"`` or ``"number"``.

    Examples
    --------
    >>> import numpy as np
    >>> Line("pool", np.zeros(3), "pool").kind
    'number'
    """

    name: str
    values: np.ndarray
    tone: str
    kind: str = "number"


@dataclass(slots=True, frozen=True)
class Band:
    """A shaded range between two curves."""

    name: str
    bottom: np.ndarray
    top: np.ndarray


@dataclass(slots=True, frozen=True)
class Axes:
    """What the axes of a line chart show, and how far they reach.

    Parameters
    ----------
    x_name, y_name : str
        With their units.
    floor, ceil : float, optional
        Values the y axis does not pass.
    zero : bool
        Show the line at zero, and have it in range.
    reach : float, optional
        A value that the y axis reaches in any case.
    x_range : (float, float), optional
        Ends of the x axis; from zero to the last point by default.
    height : int
        Of the plot area, in CSS pixels.
    """

    x_name: str
    y_name: str
    floor: float | None = None
    ceil: float | None = None
    zero: bool = False
    reach: float | None = None
    x_range: tuple[float, float] | None = None
    height: int = 240


@dataclass(slots=True, frozen=True)
class _Path:
    css_class: str
    series: str
    points: int
    d: str


def line_chart(
    name: str,
    title: str,
    x: np.ndarray,
    lines: Sequence[Line],
    axes: Axes,
    *,
    marks: Sequence[Mark] = (),
    band: Band | None = None,
    level: tuple[str, float] | None = None,
) -> Markup:
    """Curves over a common x axis, as an HTML figure with one SVG.

    Parameters
    ----------
    name, title : str
        Name for machines and title for people.
    x : ndarray of float, shape (n,)
        Ascending.
    lines : sequence of Line
        The first is the one the picture is about.
    axes : Axes
    marks : sequence of (float, str, str), optional
        Vertical marks.
    band : Band, optional
    level : (str, float), optional
        A horizontal line and its word.
    """
    x = np.asarray(x, float)
    shown = [line for line in lines if np.isfinite(line.values).any()]
    if not x.size or not shown:
        return empty_chart(name, title)
    if len(x) == 1 and x[0] > 0:  # one bucket: its mean holds from the start on
        x = np.array([0.0, x[0]])
        shown = [replace(line, values=np.repeat(line.values, 2)) for line in shown]
        band = Band(band.name, np.repeat(band.bottom, 2), np.repeat(band.top, 2)) if band else None

    main = shown[0]
    levels = ([("", 0.0)] if axes.zero else []) + ([level] if level else [])
    low, high = _y_range(shown, band, axes, [value for _, value in levels])
    x_range = axes.x_range or _x_range(x)
    finite = main.values[np.isfinite(main.values)]
    say = percent if main.kind == "percent" else decimal
    area = PlotArea(
        name,
        title,
        f"{main.name}: {len(finite)} points over {whole(x[-1])} {axes.x_name}, "
        f"from {say(finite[0])} to {say(finite[-1])}.",
        Axis(axes.x_name, *x_range, count_ticks(*x_range)),
        Axis(axes.y_name, low, high, value_ticks(low, high, main.kind)),
        axes.height,
        marks,
    )

    px = area.x(x)
    paths, legend, read = [], [(line.name, line.tone, "line") for line in shown], list(shown)
    if band:
        d = outline(px, area.y(band.bottom), area.y(band.top))
        paths.append(_Path("band", band.name, int(np.isfinite(band.top).sum()), d))
        legend.append((band.name, "pool", "box"))
        read.append(Line(band.name, band.top, "pool", main.kind))
    # The first line is drawn last: it lies on top.
    for line in [*shown[1:], main]:
        count = int(np.isfinite(line.values).sum())
        css_class = f"line {line.tone}{' dots' if count == 1 else ''}"
        paths.append(_Path(css_class, line.name, count, polyline(px, area.y(line.values))))
    if marks:
        legend.append(("alarm", "alarm", "dash"))
    return TEMPLATES.render(
        "chart.html",
        area=area,
        legend=legend,
        paths=paths,
        levels=levels,
        readout=_readout(area.x_axis, x, read),
        note=_outside([line.values for line in read], low, high, say),
    )


def area_chart(
    name: str, title: str, x: np.ndarray, lines: Sequence[Line], axes: Axes, marks: Sequence[Mark] = ()
) -> Markup:
    """Shares of one, stacked, the first line at the bottom. Parameters as in :func:`line_chart`."""
    x = np.asarray(x, float)
    shares = np.array([np.where(np.isfinite(line.values), line.values, 0.0) for line in lines])
    if not x.size or not shares.any():
        return empty_chart(name, title)
    if len(x) == 1:  # one bucket: a flat picture rather than a line of no width
        x, shares = np.array([0.0, x[0]]), np.repeat(shares, 2, axis=1)
    x_range = (float(min(x[0], 0.0)), float(x[-1]) if x[-1] > 0 else 1.0)
    final = ", ".join(f"{line.name} {percent(s[-1])}" for line, s in zip(lines, shares, strict=True))
    area = PlotArea(
        name,
        title,
        f"At the end: {final}.",
        Axis(axes.x_name, *x_range, count_ticks(*x_range)),
        Axis(axes.y_name, 0.0, 1.0, labelled((0, 0.25, 0.5, 0.75, 1.0), lambda v: percent(v, 0))),
        axes.height,
        marks,
        halo=True,
    )
    px, tops = area.x(x), np.cumsum(shares, axis=0)
    paths = [
        _Path(f"area {line.tone}", line.name, len(x), outline(px, area.y(top - share), area.y(top)))
        for line, share, top in zip(lines, shares, tops, strict=True)
    ]
    legend = [(line.name, line.tone, "box") for line in lines]
    read = [Line(line.name, s, line.tone, "percent") for line, s in zip(lines, shares, strict=True)]
    return TEMPLATES.render(
        "chart.html",
        area=area,
        legend=legend + ([("alarm", "alarm", "dash")] if marks else []),
        paths=paths,
        levels=(),
        readout=_readout(area.x_axis, x, read[::-1]),
        note="",
    )


def _x_range(x: np.ndarray) -> tuple[float, float]:
    return (0.0, float(x[-1])) if x[-1] > 0 else (float(x[-1]) - 1, float(x[-1]) + 1)


def _y_range(
    lines: Sequence[Line], band: Band | None, axes: Axes, must: Sequence[float]
) -> tuple[float, float]:
    """What the y axis must show: of a band, whose upper edge are extremes, all but the highest tenth."""
    values = [line.values for line in lines]
    if band:
        top = band.top
        if np.isfinite(top).any():
            top = np.minimum(top, np.nanquantile(top, 0.9))
        values += [band.bottom, top]
    low, high = span(values, axes.floor, axes.ceil)
    must = [*must, *([] if axes.reach is None else [axes.reach])]
    if must:
        low, high = min(low, *must), max(high, *must)
        low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    return low, high


def _readout(x_axis: Axis, x: np.ndarray, lines: Sequence[Line]) -> dict[str, Any]:
    """The values of a chart, for the read-out under the pointer: see readouts.js."""

    def plain(values: np.ndarray) -> list[float | None]:
        return [float(f"{v:.5g}") if np.isfinite(v) else None for v in np.asarray(values, float)]

    return {
        "xName": x_axis.name,
        "range": [float(x_axis.low), float(x_axis.high)],
        "x": [float(f"{v:.9g}") for v in x],
        "lines": [{"name": s.name, "tone": s.tone, "kind": s.kind, "y": plain(s.values)} for s in lines],
    }


def _outside(values: Sequence[np.ndarray], low: float, high: float, say: Callable[[float], str]) -> str:
    """A note when points lie outside the picture."""
    flat = np.concatenate([np.asarray(v, float) for v in values])
    flat = flat[np.isfinite(flat)]
    above, below = flat[flat > high], flat[flat < low]
    notes = []
    if above.size:
        notes.append(f"{whole(above.size)} above (the highest at {say(float(above.max()))})")
    if below.size:
        notes.append(f"{whole(below.size)} below (the lowest at {say(float(below.min()))})")
    if not notes:
        return ""
    those = "one point lies" if above.size + below.size == 1 else "some points lie"
    return f"So that the rest can be seen, {those} outside of the picture: {', '.join(notes)}."
