"""What a run has come to: one object for machines, one table for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ..outputs.dropped import in_words
from .edge_figures import edge_figures
from .result import Result

_CONTROL_TITLES = (
    ("no_change", "no-change"),
    ("majority", "majority"),
    ("mean", "running mean"),
    ("logistic", "logistic"),
    ("linear", "linear"),
)
"""Key and title of each control, in the order of the table."""
_HINDSIGHT_TITLES = (("linear_in_hindsight", "best linear, in hindsight"), ("best_possible", "best possible"))
"""Key and title of the scores known only in hindsight."""
_TASK_SCORES = {
    "classification": ("accuracy", "log_loss", "brier", "auroc"),
    "regression": ("mae", "rmse"),
}
"""Scores that the summary of a task always has, None where they could not be counted."""
_TOLD_ALARMS = 5
"""Alarms that a person is told at the end; the report and alarms.jsonl have more."""
_TOLD_CELLS = 5
"""Odd cells that a person is told."""
_ALWAYS = ("no_change", "majority", "best_expert", "regret_per_event")
_SCORE_TITLES = (
    ("accuracy", "accuracy"),
    ("log_loss", "log loss"),
    ("brier", "Brier"),
    ("auroc", "AUROC"),
    ("mae", "MAE"),
    ("rmse", "RMSE"),
)
"""Key and title of each score that is a column of the table."""


def summarise(result: Result, networks: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """The object ``--json`` prints: plain data, full precision.

    Parameters
    ----------
    result : Result
    networks : sequence of dict, optional
        What the learner's ``networks()`` gave, which takes a while.

    Returns
    -------
    dict
        The learner's scores, and ``events labelled pending expired dead_letters lipschitz_bound alarms
        state_hash events_per_cpu_s report`` and more; a figure that can't be given is None. The caller fills
        in ``report``, the path of the page.
    """
    worker, c = result.worker, result.worker.counters
    scores = plain(worker.learner.scores())
    networks = worker.learner.networks() if networks is None else networks
    bounds = {n["name"]: plain(n["certified"]) for n in networks}
    slopes = {n["name"]: plain(n["attacked"]) for n in networks}
    alarms = worker.alarms.recent
    out = {
        "source": result.source,
        "task": worker.task,
        "outcome": result.outcome,
        "records": c.records,
        "events": c.predicted,
        "labelled": c.learnt,
        "pending": worker.join.pending,
        "expired": c.expired,
        "unlabelled": c.unlabelled,
        "dead_letters": c.dead,
        "older_than_the_clock": c.older,
        "event_time": worker.encoder.event_time,
        "dead_reasons": dict(worker.dropped.counts),
        "odd_cells": [[*cell, count] for cell, count in worker.encoder.odd.most_common()],
    }
    out.update({k: v for k, v in scores.items() if k not in out})
    for name in (*_ALWAYS, *_TASK_SCORES[worker.task]):
        out.setdefault(name, None)
    missing = {name: count for name, count in worker.learner.missing().items() if count}
    out.update(
        {
            "lipschitz_bound": bounds,
            "attacked_slope": slopes,
            "regrets": plain(worker.learner.regrets()),
            "missing": missing,
            "columns_refused": worker.learner.columns_refused,
            "alarms": alarms,
            "alarm_count": worker.alarms.count,
            "edge": plain(edge_figures(worker)),
            "classes": list(worker.learner.classes) if worker.task == "classification" else None,
            "state_hash": worker.learner.state_hash(),
            "events_per_cpu_s": result.events / result.cpu_s if result.cpu_s > 0 else None,
            "events_per_s": result.events / result.wall_s if result.wall_s > 0 else None,
            "resumed_at": result.resumed_at,
            "checkpoint": result.checkpoint,
            "report": None,
        }
    )
    return out


def title(summary: dict[str, Any]) -> str:
    """What stands above the table."""
    return f"{summary['source']}: {summary['labelled']:,} labels learnt"


def table(summary: dict[str, Any]) -> Table:
    """The learner beside the simplest controls."""
    columns = [(key, title) for key, title in _SCORE_TITLES if isinstance(summary.get(key), (int, float))]
    out = Table()
    out.add_column("")
    for _, title in columns:
        out.add_column(title, justify="right")
    out.add_row("[bold]streamnn[/bold]", *(f"[bold]{number(summary.get(k))}[/bold]" for k, _ in columns))
    for name, title in _CONTROL_TITLES:
        control = summary.get(name)
        if control is None:
            continue
        if not isinstance(control, dict):
            control = {columns[0][0]: control} if columns else {}
        out.add_row(title, *(number(control.get(k)) for k, _ in columns))
    for name, title in _HINDSIGHT_TITLES:
        if summary.get(name):
            out.add_row(title, *(number(summary[name].get(k)) for k, _ in columns))
    return out


def against(summary: dict[str, Any], name: str, comparator: str) -> dict[str, Any] | None:
    """The pool's regret to a comparator whose mean log loss stands in the summary; None where it has none."""
    own, theirs = summary.get("log_loss"), (summary.get(name) or {}).get("log_loss")
    if own is None or theirs is None:
        return None
    loss = theirs * summary["labelled"]
    regret = own * summary["labelled"] - loss
    return {"comparator": comparator, "loss": loss, "regret": regret, "bound": None}


def lines(summary: dict[str, Any]) -> list[str]:
    """The other figures, a line each."""
    s = summary
    rate = s["events_per_cpu_s"]
    out = [
        f"events {s['events']:,}: learnt {s['labelled']:,}, pending {s['pending']:,}, expired "
        f"{s['expired']:,}, without label {s['unlabelled']:,}; dead letters {s['dead_letters']:,}"
    ]
    if s["older_than_the_clock"]:
        out.append(
            f"{s['older_than_the_clock']:,} of {s['events']:,} events came after a later one: sort by {s['event_time']!r}"
        )
    if s["dead_letters"]:
        out.append(
            f"{s['dead_letters']:,} dead letters of {s['records']:,} records: {in_words(s['dead_reasons'])}"
        )
    if s["odd_cells"]:
        cells = ", ".join(f"{name} {text!r} {count:,}" for name, text, count in s["odd_cells"][:_TOLD_CELLS])
        others = len(s["odd_cells"]) - _TOLD_CELLS
        out.append(
            f"cells of another kind than their column, taken as missing {sum(c for *_, c in s['odd_cells']):,}: "
            + cells
            + (f" and {others} other texts" if others > 0 else "")
        )
    if s.get("regret_per_event") is not None:
        out.append(
            f"regret per event {number(s['regret_per_event'])} against the best expert, "
            f"{_name(s.get('best_expert'))}"
        )
    for row in s["regrets"][1:]:
        proven = f" (proven: at most {number(row['bound'])})" if row["bound"] is not None else ""
        what = row["comparator"]
        what = f"the {what}" if what.startswith("best") else what
        out.append(f"  to {what}: {number(row['regret'])} in all{proven}")
    held = s.get("coverage")
    if held:
        size, name = (held["set_size"], "classes a set") if "set_size" in held else (held["width"], "wide")
        out.append(
            f"coverage {number(held['covered'])} of {number(held['asked'])} asked for, "
            f"{number(held['recent'])} lately; {number(size)} {name}"
        )
    if s["lipschitz_bound"]:
        bounds = ", ".join(f"{k} {number(v)}" for k, v in s["lipschitz_bound"].items())
        out.append(f"slope bounds: {bounds}")
    if s["missing"]:
        worst = sorted(s["missing"].items(), key=lambda item: -item[1])
        named = ", ".join(f"{name} {count:,}" for name, count in worst[:5])
        more = f" and {len(worst) - 5} more columns" if len(worst) > 5 else ""
        out.append(f"missing values {sum(s['missing'].values()):,}: {named}{more}")
    if s["columns_refused"]:
        out.append(f"values of columns beyond learner.max_columns, left out: {s['columns_refused']:,}")
    if s.get("edge"):
        out += edge_lines(s["edge"])
    told = s["alarms"][-_TOLD_ALARMS:]
    last = f", the last {len(told)}:" if s["alarm_count"] > len(told) else ""
    out.append(f"alarms {s['alarm_count']:,}{last}")
    for a in told:
        cause = f"{a['cause']}, {a['feature']}" if a.get("feature") else a["cause"]
        out.append(f"  position {a['position']:,}: {cause} ({a['signal']}, {a['statistic']})")
    speed = f"; {rate:,.0f} events per CPU second" if rate else ""
    out.append(f"state {s['state_hash'][:16]}{speed}")
    return out


def edge_lines(edge: Mapping[str, Any]) -> list[str]:
    """What was published for devices, and how it did on the events after it."""
    size = (
        ""
        if edge["bytes"] is None
        else f", the newest after {edge['event']:,} labels, {edge['bytes']:,} bytes"
    )
    learns = "" if edge["learning"] in (None, "off") else f", learns its {edge['learning']} on the device"
    refused = f", refused {edge['refused']:,}" if edge["refused"] else ""
    out = [f"on the edge: published {edge['published']:,}{size}{learns}{refused}"]
    found = edge["scores"] or {}
    score = next((k for k in ("accuracy", "mae") if any(k in (found.get(arm) or {}) for arm in found)), None)
    if score is not None:
        arms = ", ".join(f"{arm} {number(v.get(score))}" for arm, v in found.items() if isinstance(v, dict))
        out.append(f"  {score} on what came after each publication: {arms}")
    return out


def number(value: Any) -> str:
    """A figure for people.

    Examples
    --------
    >>> number(0.95612), number(1234.56), number(None), number(0.000123), number(1.2345e50)
    ('0.956', '1,235', '-', '0.00012', '1.23e+50')
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return "-"
    if abs(value) >= 1e9:
        return f"{value:.3g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return (
        f"{value:.3g}" if abs(value) >= 10 else f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:.3f}"
    )


def plain(value: Any) -> Any:
    """JSON-able data: numpy scalars and arrays as Python's, non-finite numbers as None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _name(expert: Any) -> str:
    return str(expert.get("name", expert)) if isinstance(expert, dict) else str(expert)
