"""The last ten minutes: throughput, lag, pending events and dead letters."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from ..report.downsampling import Downsampling
from ..report.elements import empty_chart, section
from ..report.line_charts import Axes, Line, line_chart
from .partition_view import PartitionView
from .templating import TEMPLATES

_FLOW_POINTS = 120
"""Points that a curve is thinned to: the pictures are small."""
_FLOW_HEIGHT = 130
"""Of a picture, in the units of its paths."""


def stream_flow(view: PartitionView) -> Markup:
    """Four small pictures of how the stream flows."""
    rows = np.array([[np.nan if v is None else v for v in s[:5]] for s in view.samples], float)
    at, records, dead, pending, unread = rows.reshape(len(view.samples), 5).T
    span = np.diff(at)
    rate = np.divide(np.diff(records), span, out=np.full(span.shape, np.nan), where=span > 0)
    ends = (float(at[0]), float(at[-1])) if len(at) > 1 and at[-1] > at[0] else None

    def chart(name: str, title: str, y_name: str, x: np.ndarray, values: np.ndarray) -> Markup:
        shorter = Downsampling(np.ones(x.size), _FLOW_POINTS)
        line = Line(title.lower(), shorter.mean(values), "pool")
        axes = Axes(
            "seconds since the start",
            y_name,
            floor=0.0,
            zero=True,
            reach=4.0,
            x_range=ends,
            height=_FLOW_HEIGHT,
        )
        return line_chart(name, title, x[shorter.last], [line], axes)

    if at.size and np.isnan(unread).all():
        lag = empty_chart("lag", "Lag", "This source does not say how much there is to read.")
    else:
        lag = chart("lag", "Lag", "records not read yet", at, unread)
    pictures = (
        chart("throughput", "Throughput", "records a second", at[1:], rate),
        lag,
        chart("pending", "Pending", "events without label", at, pending),
        chart("dead", "Dead letters", "records set aside", at, dead),
    )
    return section(
        "now",
        "How the stream flows",
        "The last ten minutes of this process, one value a second: what is read, what is there and not read yet, "
        "what waits for its label, and what could not be used.",
        TEMPLATES.render("pair.html", pictures=pictures),
    )
