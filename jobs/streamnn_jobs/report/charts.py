"""Line charts as SVG strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .formats import decimal, esc, percent, whole
from .frame import Frame, Mark, labelled, readout
from .line import Line
from .scales import span, ticks
from .shapes import count_word, empty, legend, path, ring, tick_words


def line_chart(
    plot: str,
    title: str,
    x: np.ndarray,
    lines: Sequence[Line],
    *,
    x_name: str,
    y_name: str,
    marks: Sequence[Mark] = (),
    band: tuple[str, np.ndarray, np.ndarray] | None = None,
    level: tuple[str, float] | None = None,
    floor: float | None = None,
    ceil: float | None = None,
    zero: bool = False,
    height: int = 240,
    x_range: tuple[float, float] | None = None,
    reach: float | None = None,
) -> str:
    """Curves over a common x axis, as an HTML figure with one SVG.

    Parameters
    ----------
    plot, title : str
        Name for machines and title for people.
    x : ndarray of float, shape (n,)
        Ascending.
    lines : sequence of Line
    x_name, y_name : str
        Axis names with their units.
    marks : sequence of (float, str, str), optional
        Vertical marks.
    band : (str, ndarray, ndarray), optional
        A shaded range between two curves.
    level : (str, float), optional
        A horizontal line.
    floor, ceil : float, optional
        Values the y axis does not pass.
    zero : bool
        Show the line at zero, and have it in range.
    height : int
        Of the plot area, in CSS pixels.
    x_range : (float, float), optional
        Ends of the x axis; from zero to the last point by default.
    reach : float, optional
        The y axis reaches at least so high.
    """
    x = np.asarray(x, float)
    shown = [s for s in lines if np.isfinite(s.values).any()]
    if not x.size or not shown:
        return empty(plot, title)
    if len(x) == 1 and x[0] > 0:  # one bucket: its mean holds from the start on
        x = np.array([0.0, x[0]])
        shown = [replace(s, values=np.repeat(s.values, 2)) for s in shown]
        band = (band[0], np.repeat(band[1], 2), np.repeat(band[2], 2)) if band else None
    ranged = [s.values for s in shown] + ([band[1], band[2]] if band else [])
    must = ([0.0] if zero else []) + ([level[1]] if level else []) + ([reach] if reach is not None else [])
    extra = [np.array([v]) for v in must]
    low, high = span(_typical(ranged, band), floor, ceil)
    if extra:
        flat = np.concatenate(extra)
        low, high = min(low, float(flat.min())), max(high, float(flat.max()))
        low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    kind = shown[0].kind
    words = tick_words(low, high, kind)
    if x_range is None:
        x_range = (0.0, float(x[-1]) or 1.0) if x[-1] > 0 else (float(x[-1]) - 1, float(x[-1]) + 1)
    main = shown[0]
    finite = main.values[np.isfinite(main.values)]
    say: Callable[[float], str] = percent if kind == "percent" else decimal
    desc = f"{main.name}: {len(finite)} points over {whole(x[-1])} {x_name}, from {say(finite[0])} to {say(finite[-1])}."
    frame = Frame(
        plot,
        title,
        desc,
        x_range,
        (low, high),
        labelled(ticks(*x_range, 8), count_word),
        words,
        x_name,
        y_name,
        height,
        marks,
    )
    px = frame.x(x)
    body: list[str] = []
    if band:
        name, bottom, top = band
        body.append(
            f"<path class='band' data-series='{esc(name)}' data-points='{int(np.isfinite(top).sum())}' d='{ring(px, frame.y(bottom), frame.y(top))}'/>"
        )
    over: list[str] = []
    for word, value in ([("", 0.0)] if zero else []) + ([level] if level else []):
        y = float(frame.y(value))
        over.append(
            f"<line class='{'limit' if word else 'zero'}' x1='0' x2='100%' y1='{y:.1f}' y2='{y:.1f}'/>"
        )
        if word:
            over.append(f"<text class='note' x='100%' y='{y - 5:.1f}' text-anchor='end'>{esc(word)}</text>")
    # The first line is the one the picture is about: drawn last, it lies on top.
    for s in sorted(shown, key=lambda s: s is main):
        count = int(np.isfinite(s.values).sum())
        body.append(
            f"<path class='line {s.tone}{' dots' if count == 1 else ''}' "
            f"data-series='{esc(s.name)}' data-points='{count}' d='{path(px, frame.y(s.values))}'/>"
        )
    entries = [(s.name, s.tone, "line") for s in shown]
    entries += [(band[0], "pool", "box")] if band else []
    entries += [("alarm", "alarm", "dash")] if marks else []
    rows = [(s.name, s.tone, s.values, s.kind) for s in shown]
    rows += [(band[0], "pool", band[2], kind)] if band else []
    return (
        f"<figure><figcaption>{esc(title)}</figcaption>{frame.svg(body, over, legend(entries))}{readout(x_name, x, x_range, rows)}"
        f"{_outside([r[2] for r in rows], low, high, say)}</figure>"
    )


def _typical(values: list[np.ndarray], band: tuple[str, np.ndarray, np.ndarray] | None) -> list[np.ndarray]:
    """What the y axis must show: of a band, whose upper edge are extremes, all but the highest tenth."""
    if not band or not np.isfinite(band[2]).any():
        return values
    return [*values[:-1], np.minimum(band[2], np.nanquantile(band[2], 0.9))]


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
    return f"<p class='aside'>So that the rest can be seen, {those} outside of the picture: {', '.join(notes)}.</p>"
