"""What was published for devices, and how it did on the events that came after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from .downsampling import Downsampling
from .elements import section, table
from .formats import NO_NUMBER, as_float, decimal, percent, whole
from .line_charts import Axes, Line, line_chart
from .report import Report

_CURVES = (
    ("artefact", "the artefact, frozen", "artefact"),
    ("float", "its float network, frozen", "last"),
    ("live", "the student, learning on", "linear"),
    ("pool", "the pool", "pool"),
    ("majority", "majority", "plain"),
)
"""Key, name and tone of each curve; the majority of a number is its mean."""
_FIELD_POINTS = 128
_MOST_PUBLICATIONS = 40
"""Publications listed, the last."""


def on_the_edge(report: Report) -> Markup:
    """Artefacts in the field beside the pool; nothing where the job has no student."""
    if report.summary.get("edge") is None and not report.history.get("edge"):
        return Markup()
    windows: Sequence[Mapping[str, Any]] = report.history.get("edge") or ()
    scored = [w for w in windows if as_float(w.get("events")) > 0]
    shorter = Downsampling(np.array([as_float(w["events"]) for w in scored]), _FIELD_POINTS)
    x = np.array([as_float(w["to"]) for w in scored])[shorter.last] if scored else np.zeros(0)

    def lines(score: str, kind: str = "number") -> list[Line]:
        return [
            Line(name, shorter.mean(np.array([_score(w, arm, score) for w in scored])), tone, kind)
            for arm, name, tone in _CURVES
        ]

    marks = report.marks("labelled")
    axis = "labels learnt"
    if report.classification:
        charts = [
            line_chart("edge-accuracy", "Accuracy in the field", x, lines("accuracy", "percent"),
                       Axes(axis, "accuracy", floor=0.0, ceil=1.0), marks=marks),
            line_chart("edge-loss", "Log loss in the field", x, lines("log_loss"),
                       Axes(axis, "log loss (nats)", floor=0.0), marks=marks),
        ]  # fmt: skip
    else:
        charts = [
            line_chart("edge-mae", "Mean absolute error in the field", x, lines("mae"),
                       Axes(axis, "mean absolute error", floor=0.0), marks=marks)
        ]  # fmt: skip
    how = (
        "What is published for a device is frozen, and scored on the events that come after it, until the next is "
        "published. Beside it: its float network of the same moment (the difference is what integers cost), the student "
        "that goes on learning (the difference is what freezing costs), and the pool it learns from."
    )
    return section("edge", "On the edge", how, *charts, _arm_table(report), _publications(report, windows))


def _score(window: Mapping[str, Any], arm: str, score: str) -> float:
    found = window.get(arm)
    return as_float(found.get(score)) if isinstance(found, Mapping) else float("nan")


def _arm_table(report: Report) -> Markup:
    edge = report.summary.get("edge") or {}
    scores = edge.get("scores") or {}
    said = ("accuracy", "log_loss") if report.classification else ("mae",)
    rows = []
    for arm, name, _ in _CURVES:
        found = scores.get(arm)
        if isinstance(found, Mapping):
            rows.append([name, *(_say(k, found.get(k)) for k in said)])
    if not rows:
        return Markup()
    words = {"accuracy": "accuracy", "log_loss": "log loss", "mae": "MAE"}
    facts = [f"newest after {whole(edge.get('event'))} labels"] if edge.get("event") is not None else []
    facts += [f"{whole(edge['bytes'])} bytes"] if edge.get("bytes") is not None else []
    facts += [f"learning on the device: {edge['learning']}"] if edge.get("learning") else []
    caption = "All events that came after a publication" + (f" ({', '.join(facts)})" if facts else "")
    return table(["predictor", *(words[k] for k in said)], rows, caption)


def _publications(report: Report, windows: Sequence[Mapping[str, Any]]) -> Markup:
    listed = [w for w in windows if w.get("published") is not None or w.get("refused")][-_MOST_PUBLICATIONS:]
    if not listed:
        return Markup()
    said = "accuracy" if report.classification else "mae"
    flips = any(w.get("flip_rate") is not None for w in listed)
    rows = [
        [
            whole(w.get("from") if w.get("published") is None else w["published"]),
            str(w.get("reason", "")),
            str(w.get("refused") or "in use"),
            whole(w.get("bytes")) if w.get("bytes") is not None else NO_NUMBER,
            whole(w.get("events")),
            *(_say(said, _score(w, arm, said)) for arm in ("artefact", "float", "pool")),
            *([percent(w.get("flip_rate"), 2)] if flips else []),
        ]
        for w in listed
    ]
    headers = ["after labels", "why", "became", "bytes", "events scored", "artefact", "float", "pool"]
    what = "accuracy" if report.classification else "MAE"
    last = f", the last {len(rows)}" if len(listed) < len(windows) else ""
    return table(
        headers + (["weights flipped"] if flips else []),
        rows,
        f"Publications{last}, with {what} on the events after each",
        text_columns=(1, 2),
    )


def _say(score: str, value: Any) -> str:
    return percent(value, 2) if score == "accuracy" else decimal(value)
