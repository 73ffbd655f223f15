"""Sections 2 to 6: what happened over time."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from .downsampling import Downsampling
from .elements import Cell, section, table
from .formats import as_float, decimal, percent, whole
from .line_charts import Axes, Band, Line, area_chart, line_chart
from .report import Report
from .templating import TEMPLATES

_CURVE_POINTS = 128
"""Points that a curve is thinned to, so that the page stays small."""
_COVERAGE_POINTS = 64
_LEADERS = 7
_LABELS = "labels learnt"
_EVENTS_AXIS = "events seen"
"""Name of the x axis of what is counted by events rather than labels."""


def quality(report: Report) -> Markup:
    """Accuracy (or mean absolute error) and loss over time."""
    shorter = Downsampling(report.bucket_sizes(), _CURVE_POINTS)
    x, marks = report.axis()[shorter.last], report.marks("labelled")

    def predictors(kind: str, *named: tuple[str, str, str]) -> list[Line]:
        return [Line(name, shorter.mean(report.curve(key)), tone, kind) for name, key, tone in named]

    if report.classification:
        first = line_chart(
            "accuracy", "Accuracy over time", x,
            predictors(
                "percent",
                ("the pool", "accuracy", "pool"),
                ("logistic regression", "accuracy_logistic", "linear"),
                ("no-change", "accuracy_no_change", "last"),
                ("majority", "accuracy_majority", "plain"),
            ),
            Axes(_LABELS, "accuracy", floor=0.0, ceil=1.0), marks=marks,
        )  # fmt: skip
        second = line_chart(
            "loss", "Log loss over time", x,
            predictors(
                "number",
                ("the pool", "log_loss", "pool"),
                ("logistic regression", "log_loss_logistic", "linear"),
            ),
            Axes(_LABELS, "log loss (nats)", floor=0.0), marks=marks,
        )  # fmt: skip
        title, what = "Accuracy and loss over time", "higher accuracy and lower log loss are better"
    else:
        first = line_chart(
            "mae", "Mean absolute error over time", x,
            predictors(
                "number",
                ("the pool", "mae", "pool"),
                ("linear regression", "mae_linear", "linear"),
                ("no-change", "mae_no_change", "last"),
                ("running mean", "mae_mean", "plain"),
            ),
            Axes(_LABELS, "mean absolute error", floor=0.0), marks=marks,
        )  # fmt: skip
        steps = np.diff(report.curve("pool_loss"), prepend=0.0)
        mean = np.divide(steps, shorter.sizes, out=np.full(steps.size, np.nan), where=shorter.sizes > 0)
        second = line_chart(
            "loss", "Loss of the pool over time", x, [Line("the pool", shorter.mean(mean), "pool")],
            Axes(_LABELS, f"loss ({report.loss_unit})"), marks=marks,
        )  # fmt: skip
        title, what = "Error and loss over time", "lower is better in both pictures"
    how = f"Each curve scores one predictor on the labels that became known at that time; {what}."
    if x.size:
        size = report.axis()[-1] / x.size
        how += f" Each point is the mean over about {whole(max(1, size))} labels." if size else ""
    if marks:
        how += " Numbered vertical lines are alarms."
    return section("quality", title, how, first, second)


def regret(report: Report) -> Markup:
    """Regret against the best expert in hindsight, and every expert's mean loss."""
    names, losses, _ = report.experts()
    x, unit = report.axis(), report.loss_unit
    if names and x.size:
        best = np.where(np.isfinite(losses), losses, np.inf).min(axis=1)
        known = np.isfinite(best)
        curve = np.where(known, report.curve("pool_loss") - np.where(known, best, 0.0), np.nan)
    else:
        curve = np.full(x.size, np.nan)
    bound = as_float(report.history.get("regret_bound"))
    # Regret is zero before the first label.
    x, curve = np.append(0.0, x), np.append(0.0 if np.isfinite(curve).any() else np.nan, curve)
    finite = curve[np.isfinite(curve)]
    size = float(np.abs(finite).max()) if finite.size else 0.0
    near = np.isfinite(bound) and bound <= 4 * size + 1
    picture = line_chart(
        "regret", "Regret of the pool against its best expert", x, [Line("regret", curve, "pool")],
        Axes(_LABELS, f"cumulative regret ({unit})", zero=True), marks=report.marks("labelled"),
        level=(f"proven bound {decimal(bound, 3)}", bound) if near else None,
    )  # fmt: skip
    how = (
        f"Regret is the pool's loss ({unit}) beyond that of the one expert that turned out best in hindsight; "
        "below zero, mixing was better than any single expert."
    )
    if np.isfinite(bound):
        how += f" It is proven never to pass {decimal(bound, 3)}"
        how += "." if near else ", far above the picture."
    return section(
        "regret", "Regret and the experts", how, picture, _hindsight_table(report), _expert_table(report)
    )


def _hindsight_table(report: Report) -> Markup:
    rows = [
        [
            str(r["comparator"]),
            decimal(as_float(r["regret"]), 1),
            decimal(as_float(r["bound"]), 1) if np.isfinite(as_float(r["bound"])) else "none proven",
        ]
        for r in report.history.get("regrets") or []
    ]
    if not rows:
        return Markup()
    headers = ["what would have been best in hindsight", f"regret to it ({report.loss_unit})", "bound"]
    return table(headers, rows, "Regret over all labels, or over the labels named")


def _expert_table(report: Report) -> Markup:
    names, losses, weights = report.experts()
    x = report.axis()
    if not names or not x.size or x[-1] <= 0:
        return TEMPLATES.render("aside.html", text="No expert has been scored yet.")
    pool = float(report.curve("pool_loss")[-1] / x[-1])
    scored = [
        (float(mean), True, name, percent(weight))
        for mean, name, weight in zip(losses[-1] / x[-1], names, weights[-1], strict=True)
    ]
    scored.append((pool, False, "the pool", ""))
    scored.sort(key=lambda row: (not np.isfinite(row[0]), *row[:3]))
    rows = [
        [
            name if expert else Cell([name], strong=True),
            decimal(mean),
            decimal(mean - pool, 3) if expert else "",
            w,
        ]
        for mean, expert, name, w in scored
    ]
    headers = ["expert", f"mean loss ({report.loss_unit})", "worse than the pool by", "weight now"]
    return table(headers, rows, "Mean loss a label, best first")


def weights(report: Report) -> Markup:
    """Weights of the leading experts over time."""
    names, _, grid = report.experts()
    shorter = Downsampling(report.bucket_sizes(), _CURVE_POINTS)
    x = report.axis()
    clean = np.where(np.isfinite(grid), grid, 0.0)
    order = np.argsort(-clean.mean(axis=0), kind="stable") if names and x.size else np.empty(0, int)
    most = len(order) if len(order) <= _LEADERS + 1 else _LEADERS
    lines = [
        Line(names[i], shorter.mean(clean[:, i], weighted=False), f"s{rank}")
        for rank, i in enumerate(order[:most])
    ]
    if len(order) > most:
        rest = clean[:, order[most:]].sum(axis=1)
        lines.append(Line(f"{len(order) - most} others", shorter.mean(rest, weighted=False), "s7"))
    picture = area_chart(
        "weights", "Weights of the experts over time", x[shorter.last], lines,
        Axes(_LABELS, "share of the prediction"), report.marks("labelled"),
    )  # fmt: skip
    how = (
        "The height of a colour is how much the pool listens to that expert at that time; the heights add "
        "up to one, and weight moves to whoever predicts best lately."
    )
    return section("weights", "Whom the pool listens to", how, picture)


def surprise(report: Report) -> Markup:
    """Surprise and entropy over time with the alarms, and the list of alarms."""
    marks = report.marks("observed")
    shorter = Downsampling(report.bucket_sizes("observed"), _CURVE_POINTS)
    x = report.axis("observed")[shorter.last]
    mean = shorter.mean(report.curve("surprise", "observed"))
    top = report.curve("surprise_max", "observed")
    high = np.full(len(shorter.starts), np.nan)
    if high.size:
        high = np.maximum.reduceat(np.where(np.isfinite(top), top, -np.inf), shorter.starts)
        high = np.where(np.isfinite(high), high, np.nan)
    first = line_chart(
        "surprise", "Surprise over time", x, [Line("mean surprise", mean, "pool")],
        Axes(_EVENTS_AXIS, "surprise (nats)"), marks=marks,
        band=Band("mean to highest", mean, high) if np.isfinite(high).any() else None,
    )  # fmt: skip
    entropy = shorter.mean(report.curve("entropy", "observed"))
    second = line_chart(
        "entropy", "Entropy over time", x, [Line("mean entropy", entropy, "linear")],
        Axes(_EVENTS_AXIS, "entropy (nats)"), marks=marks,
    )  # fmt: skip
    how = (
        "Surprise says how unlike anything known the inputs are; entropy says how undecided the answer is even "
        "where inputs are familiar. Vertical lines are alarms: changes too long or too large to be chance."
    )
    return section("surprise", "Surprise, entropy and alarms", how, first, second, _alarm_table(report))


def _alarm_table(report: Report) -> Markup:
    if not report.alarms:
        count = report.alarm_count()
        return TEMPLATES.render(
            "no_alarm_listed.html", told=f"{whole(count)}, not listed" if count else "none"
        )
    listed = report.numbered_alarms()
    rows: list[list[str]] = []
    for i, a in listed:
        words = (
            ": ".join(str(a[k]) for k in ("cause", "feature") if a.get(k)),
            " ".join(str(a[k]) for k in ("signal", "direction") if a.get(k)),
            str(a.get("statistic", "")),
        )
        position = a.get("position")
        number = float("nan") if isinstance(position, str) else as_float(position)
        place = whole(number) if np.isfinite(number) else str("" if position is None else position)
        row = [str(i), place, whole(a.get("event")), whole(a.get("began"))]
        rows.append(row + [w.replace(" ", "\u00a0") for w in words])
    headers = ["no.", "position", "event", "began at event", "cause", "signal", "statistic"]
    found = table(headers, rows, "Alarms", text_columns=(4, 5, 6))
    more = report.alarm_count() - len(listed)
    if more > 0:
        found += TEMPLATES.render("aside.html", text=f"{whole(more)} earlier alarms are not listed.")
    return found


def coverage(report: Report) -> Markup:
    """Coverage and size of prediction sets or intervals over time; nothing where none were asked for."""
    found = report.summary.get("coverage")
    x = report.axis("covered_at")
    if not isinstance(found, dict) or not x.size:
        return Markup()
    shorter = Downsampling(report.bucket_sizes("covered_at"), _COVERAGE_POINTS)
    x, marks = x[shorter.last], report.marks("labelled")
    asked = as_float(found.get("asked"))
    held = shorter.mean(report.curve("covered", "covered_at"))
    first = line_chart(
        "coverage", "Coverage over time", x, [Line("labels covered", held, "pool", "percent")],
        Axes(_LABELS, "labels covered", ceil=1.0), marks=marks, level=("asked for", asked),
    )  # fmt: skip
    unit, name = (
        ("set_size", "classes in a set") if "set_size" in found else ("width", "width of an interval")
    )
    size = shorter.mean(report.curve(unit, "covered_at"))
    second = line_chart(
        "size", "Size over time", x, [Line(name, size, "pool")], Axes(_LABELS, name), marks=marks
    )
    how = (
        f"Of all labels {percent(as_float(found.get('covered')))} were in the set or interval that had been given, "
        f"where {percent(asked)} were asked for. Sets and intervals grow where the stream gets harder, to keep that."
    )
    return section("coverage", "Sets and intervals", how, first, second)
