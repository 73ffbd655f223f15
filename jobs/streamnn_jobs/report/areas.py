"""Stacked areas as an SVG string."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .formats import esc, percent
from .frame import Frame, Mark, labelled, readout
from .line import Line
from .scales import ticks
from .shapes import count_word, empty, legend, ring


def area_chart(
    plot: str,
    title: str,
    x: np.ndarray,
    lines: Sequence[Line],
    *,
    x_name: str,
    y_name: str,
    marks: Sequence[Mark] = (),
) -> str:
    """Shares of one, stacked, the first line at the bottom. Parameters as in :func:`line_chart`."""
    x = np.asarray(x, float)
    if not x.size or not lines:
        return empty(plot, title)
    parts = np.array([np.where(np.isfinite(s.values), s.values, 0.0) for s in lines])
    if not parts.any():
        return empty(plot, title)
    if len(x) == 1:  # one bucket: a flat picture rather than a line of no width
        x, parts = np.array([0.0, x[0]]), np.repeat(parts, 2, axis=1)
    x_range = (float(min(x[0], 0.0)), float(x[-1]) if x[-1] > 0 else 1.0)
    y_ticks = [(v, percent(v, 0)) for v in (0, 0.25, 0.5, 0.75, 1.0)]
    final = ", ".join(f"{s.name} {percent(p[-1])}" for s, p in zip(lines, parts, strict=True))
    frame = Frame(
        plot, title, f"At the end: {final}.", x_range, (0.0, 1.0), labelled(ticks(*x_range, 8), count_word),
        y_ticks, x_name, y_name, 240, marks, True,
    )  # fmt: skip
    tops = np.cumsum(parts, axis=0)
    px = frame.x(x)
    body = [
        f"<path class='area {s.tone}' data-series='{esc(s.name)}' data-points='{len(x)}' "
        f"d='{ring(px, frame.y(top - part), frame.y(top))}'/>"
        for s, part, top in zip(lines, parts, tops, strict=True)
    ]
    entries = [(s.name, s.tone, "box") for s in lines] + ([("alarm", "alarm", "dash")] if marks else [])
    rows = [(s.name, s.tone, p, "percent") for s, p in zip(lines, parts, strict=True)]
    return (
        f"<figure><figcaption>{esc(title)}</figcaption>{frame.svg(body, [], legend(entries))}"
        f"{readout(x_name, x, x_range, rows[::-1])}</figure>"
    )
