"""Section 1: what was learnt, in big numbers and beside the controls."""

from __future__ import annotations

import math

from .formats import NOTHING, as_float, decimal, esc, percent, table, whole
from .report import Report

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
_HINDSIGHT = (
    ("linear_in_hindsight", "best fixed linear model, in hindsight"),
    ("best_possible", "best possible"),
)
_ALIASES = {"mean": ("mean", "running_mean", "majority"), "linear": ("linear", "logistic")}


def headline(report: Report) -> str:
    """Title, verdict, tiles and the table of controls, as HTML."""
    info = report.info
    facts = [
        ("stream", info.get("source")),
        ("task", info.get("task")),
        ("label delay", info.get("label_delay")),
    ]
    facts += [("streamnn", info.get("version"))]
    line = " · ".join(f"{name}: {esc(value)}" for name, value in facts if value)
    return f"<header><h1>{esc(report.title)}</h1><p class='facts'>{line}</p></header>{standing(report)}"


def standing(report: Report) -> str:
    """Verdict, tiles and the table of controls, as HTML."""
    rows = _figures(report)
    return (
        f"<section class='bare' id='headline'><p class='verdict'>{_verdict(report, rows)}</p>"
        "<p class='how'>Every figure below is prequential: each event was predicted first and learnt "
        "from only when its label was known.</p>"
        f"{_tiles(report, rows)}{_controls(report, rows)}</section>"
    )


def _figures(report: Report) -> list[tuple[str, str, float, float]]:
    """Name, tone, first and second figure of the pool and each control."""
    cls = report.classification
    main, second = ("accuracy", "log_loss") if cls else ("mae", "rmse")
    rows = []
    for name, key, curve, curve2, tone in _CLASSIFICATION if cls else _REGRESSION:
        if not key:
            pair = as_float(report.summary.get(main)), as_float(report.summary.get(second))
            rows.append(
                (name, tone, pair[0] if not math.isnan(pair[0]) else report.figure("", main, curve), pair[1])
            )
            continue
        names = _ALIASES.get(key, (key,))
        known = next((n for n in names if report.summary.get(n) is not None), key)
        rows.append((name, tone, report.figure(known, main, curve), report.figure(known, second, curve2)))
    return rows


def _verdict(report: Report, rows: list[tuple[str, str, float, float]]) -> str:
    say = percent if report.classification else decimal
    best = rows[0][2]
    others = [r for r in rows[1:] if math.isfinite(r[2])]
    learnt = whole(report.summary.get("labelled", report.summary.get("events")))
    if not math.isfinite(best):
        return "No label has been learnt yet, so there is nothing to score."
    if report.classification:
        text = (
            f"Of {learnt} events whose label became known, <strong>{say(best)}</strong> were predicted right"
        )
    else:
        text = f"Over {learnt} events whose value became known, predictions were off by <strong>{say(best)}</strong> on average"
    if others:
        pick = max(others, key=lambda r: r[2]) if report.classification else min(others, key=lambda r: r[2])
        better = best > pick[2] if report.classification else best < pick[2]
        miss, base = (1 - best, 1 - pick[2]) if report.classification else (best, pick[2])
        text += f"; the best simple control, {pick[0].split(' (')[0]}, reaches {say(pick[2])}"
        if better and base > 0:
            text += f", so the pool makes <strong>{percent(1 - miss / base, 0)}</strong> {'fewer errors' if report.classification else 'less error'}"
        elif base > 0 and miss > base:
            text += f", which is better than the pool by {percent(1 - base / miss, 0)} of its error"
    return text + "."


def _tiles(report: Report, rows: list[tuple[str, str, float, float]]) -> str:
    s, cls = report.summary, report.classification
    tiles: list[tuple[str, str, str, str]] = []
    say = percent if cls else decimal
    hint = " · ".join(f"{_short(r[0])} {say(r[2])}" for r in rows[1:] if math.isfinite(r[2]))
    tiles.append(("Accuracy" if cls else "Mean absolute error", say(rows[0][2]), hint, "main"))
    if cls:
        base = rows[1][3]
        tiles.append(
            (
                "Log loss",
                decimal(rows[0][3]),
                f"logistic {decimal(base)}, nats" if math.isfinite(base) else "nats a label",
                "main",
            )
        )
    else:
        tiles.append(("Root mean square error", decimal(rows[0][3]), "in units of the target", "main"))
    for key, name, words in (
        ("auroc", "AUROC", "0.5 is chance, 1 is perfect"),
        ("brier", "Brier score", "0 is perfect"),
    ):
        if math.isfinite(as_float(s.get(key))):
            tiles.append((name, decimal(s[key]), words, ""))
    if "lag" in s:  # of a job that runs
        behind = "" if s["lag"] is None else f", {whole(s['lag'])} behind" if s["lag"] else ", none behind"
        tiles.append(
            (
                "Records a second",
                whole(s.get("records_per_s")),
                f"{whole(s.get('events'))} events{behind}",
                "",
            )
        )
    else:
        speed = as_float(s.get("events_per_cpu_s"))
        words = f"{whole(speed)} a CPU second" if math.isfinite(speed) else "seen"
        tiles.append(("Events", whole(s.get("events")), words, ""))
    late = f"{whole(s.get('pending', 0))} pending, {whole(s.get('expired', 0))} expired"
    tiles.append(("Labels learnt", whole(s.get("labelled")), late, ""))
    regret = as_float(s.get("regret_per_event"))
    words = "better than the best expert" if regret < 0 else "to the best expert"
    tiles.append(("Regret per event", decimal(regret), f"{report.loss_unit}, {words}", ""))
    dead = as_float(s.get("dead_letters", 0))
    tiles.append(
        (
            "Dead letters",
            whole(dead),
            "records set aside" if dead else "every record was read",
            "warn" if dead else "",
        )
    )
    alarms = report.alarm_count()
    causes = sorted({str(a.get("cause")) for a in report.alarms if a.get("cause")})
    tiles.append(
        (
            "Alarms",
            whole(alarms),
            ", ".join(causes) if alarms else "no change found",
            "warn" if alarms else "",
        )
    )
    items = "".join(
        f"<li class='{c}'><span class='label'>{n}</span><b>{v}</b><span>{esc(h)}</span></li>"
        for n, v, h, c in tiles
    )
    # The first tile is two wide; as many columns as leave no hole in the last row.
    columns = next((c for c in (5, 4, 3) if (len(tiles) + 1) % c == 0), 5)
    return f"<ul class='tiles' style='--columns:{columns}'>{items}</ul>"


def _short(name: str) -> str:
    return name.split(" (")[0].replace("online ", "").replace(" regression", "").replace("running ", "")


def _controls(report: Report, rows: list[tuple[str, str, float, float]]) -> str:
    cls = report.classification
    say = percent if cls else decimal
    pool = rows[0][2]
    body = []
    for i, (name, tone, first, second) in enumerate(rows):
        miss, own = (1 - first, 1 - pool) if cls else (first, pool)
        saved = percent(1 - own / miss, 0) if i and math.isfinite(first) and miss > 0 else NOTHING
        strong = ("<strong>", "</strong>") if i == 0 else ("", "")
        word, _, hint = name.partition(" (")
        hint = f" <span class='hint'>({esc(hint)}</span>" if hint else ""
        cells = [f"<span class='key {tone}'></span>{esc(word)}{hint}", say(first), decimal(second), saved]
        body.append([strong[0] + c + strong[1] for c in cells])
    for key, words in _HINDSIGHT:
        found = report.summary.get(key)
        if found:
            scores = [as_float(found.get(k)) for k in (("accuracy", "log_loss") if cls else ("mae", "rmse"))]
            body.append(
                [f"<span class='key'></span>{esc(words)}", say(scores[0]), decimal(scores[1]), NOTHING]
            )
    last = "fewer errors by the pool" if cls else "less error by the pool"
    heads = ["predictor", "accuracy", "log loss", last] if cls else ["predictor", "MAE", "RMSE", last]
    return table(heads, body, "The pool beside simple controls, all under the same label delay")
