"""The last ten minutes: throughput, lag, pending events and dead letters."""

from __future__ import annotations

import numpy as np

from ..report.charts import line_chart
from ..report.curves import section
from ..report.line import Line
from ..report.scales import groups, join_means
from ..report.shapes import empty
from .view import View

_POINTS = 120
_HEIGHT = 130


def now(view: View) -> str:
    """Four small pictures of how the stream flows, as HTML."""
    rows = np.array([[np.nan if v is None else v for v in s[:5]] for s in view.samples], float)
    rows = rows.reshape(len(view.samples), 5)
    at = rows[:, 0]
    span = np.diff(at)
    rate = np.divide(np.diff(rows[:, 1]), span, out=np.full(span.shape, np.nan), where=span > 0)
    ends = (float(at[0]), float(at[-1])) if len(at) > 1 and at[-1] > at[0] else None

    def chart(plot: str, title: str, y_name: str, x: np.ndarray, values: np.ndarray) -> str:
        starts = groups(np.ones(x.size), _POINTS)
        last = np.append(starts[1:], x.size) - 1 if x.size else starts
        line = Line(title.lower(), join_means(values, np.ones(x.size), starts), "pool")
        return line_chart(
            plot, title, x[last], [line], x_name="seconds since the start", y_name=y_name, floor=0.0,
            zero=True, height=_HEIGHT, x_range=ends, reach=4.0,
        )  # fmt: skip

    if at.size and np.isnan(rows[:, 4]).all():
        lag = empty("lag", "Lag", "This source does not say how much there is to read.")
    else:
        lag = chart("lag", "Lag", "records not read yet", at, rows[:, 4])
    pictures = (
        chart("throughput", "Throughput", "records a second", at[1:], rate),
        lag,
        chart("pending", "Pending", "events without label", at, rows[:, 3]),
        chart("dead", "Dead letters", "records set aside", at, rows[:, 2]),
    )
    return section(
        "now",
        "How the stream flows",
        "The last ten minutes of this process, one value a second: what is read, what is there and not read yet, "
        "what waits for its label, and what could not be used.",
        f"<div class='pair'>{''.join(pictures)}</div>",
    )
