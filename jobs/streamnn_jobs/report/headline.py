"""Section 1: what was learnt, in big numbers and beside the controls."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from ..outputs.dropped import in_words
from .elements import Cell, table
from .formats import NO_NUMBER, as_float, decimal, percent, whole
from .report import Report
from .templating import TEMPLATES

_CLASSIFICATION = [
    ("the pool", "", "accuracy", "log_loss", "pool"),
    ("online logistic regression", "logistic", "accuracy_logistic", "log_loss_logistic", "linear"),
    ("no-change (the last known label)", "no_change", "accuracy_no_change", "", "last"),
    ("majority (the most frequent label)", "majority", "accuracy_majority", "", "plain"),
]
_REGRESSION = [
    ("the pool", "", "mae", "", "pool"),
    ("online linear regression", "linear", "mae_linear", "", "linear"),
    ("no-change (the last known value)", "no_change", "mae_no_change", "", "last"),
    ("running mean", "mean", "mae_mean", "", "plain"),
]
_HINDSIGHT_PHRASES = (
    ("linear_in_hindsight", "best fixed linear model, in hindsight"),
    ("best_possible", "best possible"),
)
"""Key of each score known only in hindsight, and how the report calls it."""
_ALIASES = {"mean": ("mean", "running_mean", "majority"), "linear": ("linear", "logistic")}


@dataclass(slots=True, frozen=True)
class _Predictor:
    """The pool or a control: accuracy and log loss, or mean absolute and root mean square error."""

    name: str
    tone: str
    first: float
    second: float


@dataclass(slots=True, frozen=True)
class _Tile:
    label: str
    value: str
    hint: str
    css_class: str = ""


def headline(report: Report) -> Markup:
    """Title, verdict, tiles and the table of controls."""
    info = report.info
    facts = {
        "stream": info.get("source"),
        "task": info.get("task"),
        "label delay": info.get("label_delay"),
        "streamnn": info.get("version"),
    }
    line = " · ".join(f"{name}: {value}" for name, value in facts.items() if value)
    return TEMPLATES.render("header.html", title=report.title, facts=line) + standing(report)


def standing(report: Report) -> Markup:
    """Verdict, tiles and the table of controls."""
    pool, *controls = _predictors(report)
    tiles = _tiles(report, pool, controls)
    return TEMPLATES.render(
        "standing.html",
        **_verdict(report, pool, controls),
        tiles=tiles,
        # The first tile is two wide; as many columns as leave no hole in the last row.
        columns=next((c for c in (5, 4, 3) if (len(tiles) + 1) % c == 0), 5),
        table=_control_table(report, pool, controls),
    )


def _predictors(report: Report) -> list[_Predictor]:
    """The pool, then each control."""
    main, second = ("accuracy", "log_loss") if report.classification else ("mae", "rmse")
    found = []
    for name, key, curve, curve2, tone in _CLASSIFICATION if report.classification else _REGRESSION:
        if not key:
            own = as_float(report.summary.get(main))
            own = report.figure("", main, curve) if math.isnan(own) else own
            found.append(_Predictor(name, tone, own, as_float(report.summary.get(second))))
            continue
        names = _ALIASES.get(key, (key,))
        known = next((n for n in names if report.summary.get(n) is not None), key)
        figures = report.figure(known, main, curve), report.figure(known, second, curve2)
        found.append(_Predictor(name, tone, *figures))
    return found


def _verdict(report: Report, pool: _Predictor, controls: list[_Predictor]) -> dict[str, object]:
    """What the verdict's words say: the pool, the best control, and by how much one is better."""
    cls = report.classification
    say = percent if cls else decimal
    learnt = whole(report.summary.get("labelled", report.summary.get("events")))
    told: dict[str, object] = {
        "classification": cls,
        "learnt": learnt,
        "pool": say(pool.first) if math.isfinite(pool.first) else "",
        "control": "",
        "reached": "",
        "pool_better_by": "",
        "control_better_by": "",
    }
    scored = [c for c in controls if math.isfinite(c.first)]
    if scored and told["pool"]:
        best = (max if cls else min)(scored, key=lambda c: c.first)
        miss, base = (1 - pool.first, 1 - best.first) if cls else (pool.first, best.first)
        told |= {"control": best.name.split(" (")[0], "reached": say(best.first)}
        if (pool.first > best.first if cls else pool.first < best.first) and base > 0:
            told["pool_better_by"] = percent(1 - miss / base, 0)
        elif base > 0 and miss > base:
            told["control_better_by"] = percent(1 - base / miss, 0)
    return told


def _tiles(report: Report, pool: _Predictor, controls: list[_Predictor]) -> list[_Tile]:
    s, cls = report.summary, report.classification
    say = percent if cls else decimal
    hint = " · ".join(f"{_short(c.name)} {say(c.first)}" for c in controls if math.isfinite(c.first))
    tiles = [_Tile("Accuracy" if cls else "Mean absolute error", say(pool.first), hint, "main")]
    if cls:
        base = controls[0].second
        hint = f"logistic {decimal(base)}, nats" if math.isfinite(base) else "nats a label"
        tiles.append(_Tile("Log loss", decimal(pool.second), hint, "main"))
    else:
        tiles.append(_Tile("Root mean square error", decimal(pool.second), "in units of the target", "main"))
    for key, name, hint in (
        ("auroc", "AUROC", "0.5 is chance, 1 is perfect"),
        ("brier", "Brier score", "0 is perfect"),
    ):
        if math.isfinite(as_float(s.get(key))):
            tiles.append(_Tile(name, decimal(s[key]), hint))
    if "lag" in s:  # of a job that runs
        behind = "" if s["lag"] is None else f", {whole(s['lag'])} behind" if s["lag"] else ", none behind"
        hint = f"{whole(s.get('events'))} events{behind}"
        tiles.append(_Tile("Records a second", whole(s.get("records_per_s")), hint))
    else:
        speed = as_float(s.get("events_per_cpu_s"))
        hint = f"{whole(speed)} a CPU second" if math.isfinite(speed) else "seen"
        tiles.append(_Tile("Events", whole(s.get("events")), hint))
    hint = f"{whole(s.get('pending', 0))} pending, {whole(s.get('expired', 0))} expired"
    tiles.append(_Tile("Labels learnt", whole(s.get("labelled")), hint))
    regret = as_float(s.get("regret_per_event"))
    hint = "better than the best expert" if regret < 0 else "to the best expert"
    tiles.append(_Tile("Regret per event", decimal(regret), f"{report.loss_unit}, {hint}"))
    dead = as_float(s.get("dead_letters", 0))
    why = in_words(s.get("dead_reasons") or {}, 3)
    hint = why or "records set aside" if dead else "every record was read"
    tiles.append(_Tile("Dead letters", whole(dead), hint, "warn" if dead else ""))
    alarms = report.alarm_count()
    causes = sorted({str(a.get("cause")) for a in report.alarms if a.get("cause")})
    hint = ", ".join(causes) if alarms else "no change found"
    tiles.append(_Tile("Alarms", whole(alarms), hint, "warn" if alarms else ""))
    return tiles


def _short(name: str) -> str:
    return name.split(" (")[0].replace("online ", "").replace(" regression", "").replace("running ", "")


def _control_table(report: Report, pool: _Predictor, controls: list[_Predictor]) -> Markup:
    cls = report.classification
    say = percent if cls else decimal
    own = 1 - pool.first if cls else pool.first
    figures = (say(pool.first), decimal(pool.second), NO_NUMBER)
    rows: list[list[str | Cell]] = [
        [Cell([pool.name], tone=pool.tone, strong=True), *(Cell([f], strong=True) for f in figures)]
    ]
    for c in controls:
        miss = 1 - c.first if cls else c.first
        saved = percent(1 - own / miss, 0) if math.isfinite(c.first) and miss > 0 else NO_NUMBER
        word, bracket, hint = c.name.partition(" (")
        name = Cell([word], hint=bracket.strip() + hint, tone=c.tone)
        rows.append([name, say(c.first), decimal(c.second), saved])
    for key, words in _HINDSIGHT_PHRASES:
        found = report.summary.get(key)
        if found:
            scores = [as_float(found.get(k)) for k in (("accuracy", "log_loss") if cls else ("mae", "rmse"))]
            rows.append([Cell([words], tone=""), say(scores[0]), decimal(scores[1]), NO_NUMBER])
    last = "fewer errors by the pool" if cls else "less error by the pool"
    headers = ["predictor", "accuracy", "log loss", last] if cls else ["predictor", "MAE", "RMSE", last]
    return table(headers, rows, "The pool beside simple controls, all under the same label delay")
