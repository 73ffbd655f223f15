"""The live page's sections: those of the report, drawn from a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from ..report.details import details
from ..report.headline import standing
from ..report.networks import certificate, functions
from ..report.on_the_edge import on_the_edge
from ..report.over_time import quality, regret, surprise, weights
from ..report.report import Report
from ..run.plan import Plan
from ..run.summary import plain
from ..spec.fingerprint import learning_fields
from ..spec.job import label_delay
from ..version import VERSION
from .partition_view import PartitionView
from .stream_flow import stream_flow

_SHOWN_UNITS = 12
"""Learned functions drawn on the live page; the report at the end draws more of them."""
_MARKED_ALARMS = 20
"""Of many, the last: their marks would cover the curves."""

FAST: dict[str, Callable[[Report, PartitionView], Markup]] = {
    "standing": lambda report, view: standing(report),
    "now": lambda report, view: stream_flow(view),
    "quality": lambda report, view: quality(report),
    "edge": lambda report, view: on_the_edge(report),
    "regret": lambda report, view: regret(report),
    "weights": lambda report, view: weights(report),
    "surprise": lambda report, view: surprise(report),
}
"""Drawn again with every view."""
SLOW: dict[str, Callable[[Report, PartitionView], Markup]] = {
    "slopes": lambda report, view: certificate(report),
    "functions": lambda report, view: functions(report, _SHOWN_UNITS, steady=True),
    "details": lambda report, view: details(report),
}
"""Drawn again when there are new figures of the networks."""


def make_report(view: PartitionView, plan: Plan, title: str) -> Report:
    """What the sections draw from."""
    c = view.counters
    summary: dict[str, Any] = {
        "records": c.records,
        "events": c.predicted,
        "labelled": c.learnt,
        "pending": view.pending,
        "expired": c.expired,
        "unlabelled": c.unlabelled,
        "dead_letters": c.dead + c.label_dead,
        "position": view.position,
        "records_per_s": view.rate(),
        "lag": view.lag,
    }
    summary |= {k: v for k, v in plain(dict(view.scores)).items() if k not in summary}
    summary |= {
        "missing": {name: count for name, count in view.missing.items() if count} or None,
        "columns": view.columns,
        "class_count": view.classes,
        "alarm_count": c.alarms,
    }
    if view.edge is not None:
        summary["edge"] = plain(dict(view.edge))
    info = {
        "source": view.source,
        "partition": view.partition,
        "task": view.task,
        "label_delay": f"labels {label_delay(plan.spec)}",
        "version": VERSION,
        "spec": learning_fields(plan.spec),
    }
    history = {**view.history, "edge": view.edge_windows}
    return Report(title, summary, history, view.networks, view.alarms[-_MARKED_ALARMS:], info)
