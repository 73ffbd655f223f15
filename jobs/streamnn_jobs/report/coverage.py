"""How often prediction sets or intervals held the label, along the stream."""

from __future__ import annotations

import numpy as np

from .charts import line_chart
from .curves import section
from .formats import as_float, percent
from .line import Line
from .report import Report
from .scales import groups, join_means

_POINTS = 64


def coverage(report: Report) -> str:
    """Coverage and size of prediction sets or intervals over time, as HTML; nothing where none were asked for."""
    found = report.summary.get("coverage")
    x = report.axis("covered_at")
    if not isinstance(found, dict) or not x.size:
        return ""
    sizes = report.bucket_sizes("covered_at")
    starts = groups(sizes, _POINTS)
    ends = np.append(starts[1:], x.size) - 1
    asked = as_float(found.get("asked"))
    held = join_means(report.curve("covered", "covered_at"), sizes, starts)
    marks = report.marks("labelled")
    line = Line("labels covered", held, "pool", "percent")
    first = line_chart("coverage", "Coverage over time", x[ends], [line], x_name="labels learnt", y_name="labels covered", marks=marks, level=("asked for", asked), ceil=1.0)  # fmt: skip
    unit, name = (
        ("set_size", "classes in a set") if "set_size" in found else ("width", "width of an interval")
    )
    size = join_means(report.curve(unit, "covered_at"), sizes, starts)
    second = line_chart("size", "Size over time", x[ends], [Line(name, size, "pool")], x_name="labels learnt", y_name=name, marks=marks)  # fmt: skip
    how = (
        f"Of all labels {percent(as_float(found.get('covered')))} were in the set or interval that had been given, "
        f"where {percent(asked)} were asked for. Sets and intervals grow where the stream gets harder, to keep that."
    )
    return section("coverage", "Sets and intervals", how, first, second)
