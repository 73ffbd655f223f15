"""What was published for devices, and how it did on the events that came after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from .downsampling import Downsampling
from .elements import section, table
from .formats import as_float, decimal, percent, whole
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
_LEARNING_DEVICES = (
    ("bias", "the artefact, learning a bias a class"),
    ("layer", "the artefact, learning its last layer"),
)
"""Key and name of what the device would be if it learnt."""
_FIELD_POINTS = 128
_MOST_PUBLICATIONS = 40
_SCORE_WORDS = {"accuracy": "accuracy", "log_loss": "log loss", "mae": "MAE"}


def on_the_edge(report: Report) -> Markup:
    """Artefacts in the field beside the pool; nothing where the job has no student."""
    edge = report.summary.get("edge")
    if edge is None:
        return Markup()
    windows: Sequence[Mapping[str, Any]] = report.history.get("edge") or ()
    scored = [w for w in windows if w.get("arms")]
    events = np.array([as_float(w["arms"]["majority"]["events"]) for w in scored])
    shorter = Downsampling(events, _FIELD_POINTS)
    x = np.array([as_float(w["to"]) for w in scored])[shorter.last] if scored else np.zeros(0)
    marks, axis = report.marks("labelled"), "labels learnt"

    def lines(score: str, kind: str = "number") -> list[Line]:
        return [
            Line(name, shorter.mean(np.array([_score(w, arm, score) for w in scored])), tone, kind)
            for arm, name, tone in _CURVES
        ]

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
    return section(
        "edge", "On the edge", how, *charts, _arm_table(report, edge), _publications(report, windows)
    )


def _score(window: Mapping[str, Any], arm: str, score: str) -> float:
    return as_float(window["arms"].get(arm, {}).get(score))


def _arm_table(report: Report, edge: Mapping[str, Any]) -> Markup:
    said = ("accuracy", "log_loss") if report.classification else ("mae",)
    found = edge["scores"]
    names = [_CURVES[0][:2], *_LEARNING_DEVICES, *((key, name) for key, name, _ in _CURVES[1:])]
    rows = [[name, *(_say(k, found[key].get(k)) for k in said)] for key, name in names if key in found]
    if not rows:
        return Markup()
    facts = [f"newest after {whole(edge['event'])} labels"] if edge["event"] is not None else []
    facts += [f"{whole(edge['bytes'])} bytes"] if edge["bytes"] is not None else []
    facts += [f"learning on the device: {edge['learning']}"] if edge["learning"] else []
    caption = "All events that came after a publication" + (f" ({', '.join(facts)})" if facts else "")
    return table(["predictor", *(_SCORE_WORDS[k] for k in said)], rows, caption)


def _publications(report: Report, windows: Sequence[Mapping[str, Any]]) -> Markup:
    listed = windows[-_MOST_PUBLICATIONS:]
    if not listed:
        return Markup()
    said = "accuracy" if report.classification else "mae"
    sized = any(w.get("bytes") is not None for w in listed)
    flips = any(w.get("flip_rate") is not None for w in listed)
    rows = [
        [
            whole(w["event"]),
            str(w["reason"]),
            f"refused: {w['refused']}" if w["refused"] else "accepted",
            str(w["learning"]),
            *([whole(w.get("bytes"))] if sized else []),
            whole(w["arms"]["majority"]["events"] if w["arms"] else 0),
            *(_say(said, _score(w, arm, said)) for arm in ("artefact", "float", "pool")),
            *([percent(w.get("flip_rate"), 2)] if flips else []),
        ]
        for w in listed
    ]
    headers = ["after labels", "why", "became", "learns", *(["bytes"] if sized else []), "events scored"]
    headers += ["artefact", "float", "pool", *(["weights flipped"] if flips else [])]
    last = f", the last {len(rows)}" if len(listed) < len(windows) else ""
    caption = f"Publications{last}, with {_SCORE_WORDS[said]} on the events after each"
    return table(headers, rows, caption, text_columns=(1, 2, 3))


def _say(score: str, value: Any) -> str:
    return percent(value, 2) if score == "accuracy" else decimal(value)
