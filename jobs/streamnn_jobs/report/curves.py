"""Sections 2 to 5: what happened over time."""

from __future__ import annotations

import numpy as np

from .areas import area_chart
from .charts import line_chart
from .formats import as_float, decimal, esc, percent, table, whole
from .frame import Mark
from .line import Line
from .report import Report
from .scales import groups, join_means

_POINTS = 128
_LEADERS = 7
_LABELS = "labels learnt"


def section(key: str, title: str, how: str, *parts: str) -> str:
    """One section of the page: a heading, how to read it, and its pictures."""
    return f"<section id='{key}'><h2>{title}</h2><p class='how'>{how}</p>{''.join(parts)}</section>"


def quality(report: Report) -> str:
    """Accuracy (or mean absolute error) and loss over time, as HTML."""
    marks = report.marks("labelled")
    starts = groups(report.bucket_sizes(), _POINTS)
    if report.classification:
        first = _against(
            report, "accuracy", "Accuracy over time", "percent", "accuracy", marks,
            [("the pool", "accuracy", "pool"), ("logistic regression", "accuracy_logistic", "linear"),
             ("no-change", "accuracy_no_change", "last"), ("majority", "accuracy_majority", "plain")],
        )  # fmt: skip
        second = _against(
            report, "loss", "Log loss over time", "number", "log loss (nats)", marks,
            [("the pool", "log_loss", "pool"), ("logistic regression", "log_loss_logistic", "linear")],
        )  # fmt: skip
        title, what = "Accuracy and loss over time", "higher accuracy and lower log loss are better"
    else:
        first = _against(
            report, "mae", "Mean absolute error over time", "number", "mean absolute error", marks,
            [("the pool", "mae", "pool"), ("linear regression", "mae_linear", "linear"),
             ("no-change", "mae_no_change", "last"), ("running mean", "mae_mean", "plain")],
        )  # fmt: skip
        second = _pool_loss(report, starts, marks)
        title, what = "Error and loss over time", "lower is better in both pictures"
    size = report.axis()[-1] / len(starts) if len(starts) else 0.0
    each = f" Each point is the mean over about {whole(max(1, size))} labels." if size else ""
    how = f"Each curve scores one predictor on the labels that became known at that time; {what}.{each}"
    if marks:
        how += " Numbered vertical lines are alarms."
    return section("quality", title, how, first, second)


def _against(
    report: Report,
    plot: str,
    title: str,
    kind: str,
    y_name: str,
    marks: list[Mark],
    which: list[tuple[str, str, str]],
) -> str:
    """The pool and its controls, joined to a few points; so that noise does not hide the course."""
    x, sizes = report.axis(), report.bucket_sizes()
    starts = groups(sizes, _POINTS)
    ends = np.append(starts[1:], x.size) - 1 if x.size else starts
    lines = [Line(n, join_means(report.curve(k), sizes, starts), t, kind) for n, k, t in which]
    top = 1.0 if kind == "percent" else None
    return line_chart(
        plot, title, x[ends], lines, x_name=_LABELS, y_name=y_name, marks=marks, floor=0.0, ceil=top
    )


def _pool_loss(report: Report, starts: np.ndarray, marks: list[Mark]) -> str:
    x, sizes = report.axis(), report.bucket_sizes()
    ends = np.append(starts[1:], x.size) - 1 if x.size else starts
    steps = np.diff(report.curve("pool_loss"), prepend=0.0)
    mean = np.divide(steps, sizes, out=np.full(x.size, np.nan), where=sizes > 0)
    line = Line("the pool", join_means(mean, sizes, starts), "pool")
    return line_chart("loss", "Loss of the pool over time", x[ends], [line], x_name=_LABELS, y_name=f"loss ({report.loss_unit})", marks=marks)  # fmt: skip


def regret(report: Report) -> str:
    """Regret against the best expert in hindsight, and every expert's mean loss, as HTML."""
    names, losses, weights = report.experts()
    x, unit = report.axis(), esc(report.loss_unit)
    pool = report.curve("pool_loss")
    if names and x.size:
        best = np.where(np.isfinite(losses), losses, np.inf).min(axis=1)
        curve = np.where(np.isfinite(best), pool - np.where(np.isfinite(best), best, 0.0), np.nan)
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
        x_name=_LABELS, y_name=f"cumulative regret ({report.loss_unit})", marks=report.marks("labelled"),
        level=(f"proven bound {decimal(bound, 3)}", bound) if near else None, zero=True,
    )  # fmt: skip
    how = (
        f"Regret is the pool's loss ({unit}) beyond that of the one expert that turned out best in hindsight; "
        "below zero, mixing was better than any single expert."
    )
    if np.isfinite(bound):
        how += f" It is proven never to pass {decimal(bound, 3)}"
        how += "." if near else ", far above the picture."
    return section(
        "regret", "Regret and the experts", how, picture, _hindsight(report),
        _experts(report, names, losses, weights, pool),
    )  # fmt: skip


def _hindsight(report: Report) -> str:
    rows = [
        [
            esc(r["comparator"]),
            decimal(as_float(r["regret"]), 1),
            decimal(as_float(r["bound"]), 1) if np.isfinite(as_float(r["bound"])) else "none proven",
        ]
        for r in report.history.get("regrets") or []
    ]
    if not rows:
        return ""
    heads = ["what would have been best in hindsight", f"regret to it ({esc(report.loss_unit)})", "bound"]
    return table(heads, rows, "Regret over all labels, or over the labels named")


def _experts(
    report: Report, names: list[str], losses: np.ndarray, weights: np.ndarray, pool: np.ndarray
) -> str:
    x = report.axis()
    if not names or not x.size or x[-1] <= 0:
        return "<p class='aside'>No expert has been scored yet.</p>"
    mean, own = losses[-1] / x[-1], float(pool[-1] / x[-1])
    scored = [(float(m), esc(n), percent(w)) for m, n, w in zip(mean, names, weights[-1], strict=True)]
    scored.append((own, "<strong>the pool</strong>", ""))
    scored.sort(key=lambda row: (not np.isfinite(row[0]), row[0], row[1]))
    rows = [[n, decimal(m), decimal(m - own, 3) if "<strong>" not in n else "", w] for m, n, w in scored]
    heads = ["expert", f"mean loss ({esc(report.loss_unit)})", "worse than the pool by", "weight now"]
    return table(heads, rows, "Mean loss a label, best first")


def weights(report: Report) -> str:
    """Weights of the leading experts over time, as HTML."""
    names, _, grid = report.experts()
    x = report.axis()
    starts = groups(report.bucket_sizes(), _POINTS)
    ends = np.append(starts[1:], x.size) - 1 if x.size else starts
    clean = np.where(np.isfinite(grid), grid, 0.0)
    order = np.argsort(-clean.mean(axis=0), kind="stable") if names and x.size else np.empty(0, int)
    most = len(order) if len(order) <= _LEADERS + 1 else _LEADERS
    lines = []
    for rank, i in enumerate(order[:most]):
        lines.append(Line(names[i], join_means(clean[:, i], np.ones(x.size), starts), f"s{rank}"))
    if len(order) > most:
        rest = clean[:, order[most:]].sum(axis=1)
        lines.append(Line(f"{len(order) - most} others", join_means(rest, np.ones(x.size), starts), "s7"))
    picture = area_chart("weights", "Weights of the experts over time", x[ends], lines, x_name=_LABELS, y_name="share of the prediction", marks=report.marks("labelled"))  # fmt: skip
    how = (
        "The height of a colour is how much the pool listens to that expert at that time; the heights add "
        "up to one, and weight moves to whoever predicts best lately."
    )
    return section("weights", "Whom the pool listens to", how, picture)


def surprise(report: Report) -> str:
    """Surprise and entropy over time with the alarms, and the list of alarms, as HTML."""
    x, sizes, marks = report.axis("observed"), report.bucket_sizes("observed"), report.marks("observed")
    starts = groups(sizes, _POINTS)
    ends = np.append(starts[1:], x.size) - 1 if x.size else starts
    mean = join_means(report.curve("surprise", "observed"), sizes, starts)
    top = report.curve("surprise_max", "observed")
    high = np.full(len(starts), np.nan)
    if len(starts):
        high = np.maximum.reduceat(np.where(np.isfinite(top), top, -np.inf), starts)
        high = np.where(np.isfinite(high), high, np.nan)
    band = ("mean to highest", mean, high) if np.isfinite(high).any() else None
    first = line_chart("surprise", "Surprise over time", x[ends], [Line("mean surprise", mean, "pool")], x_name="events seen", y_name="surprise (nats)", marks=marks, band=band)  # fmt: skip
    entropy = join_means(report.curve("entropy", "observed"), sizes, starts)
    second = line_chart("entropy", "Entropy over time", x[ends], [Line("mean entropy", entropy, "linear")], x_name="events seen", y_name="entropy (nats)", marks=marks)  # fmt: skip
    how = (
        "Surprise says how unlike anything known the inputs are; entropy says how undecided the answer is even "
        "where inputs are familiar. Vertical lines are alarms: changes too long or too large to be chance."
    )
    return section("surprise", "Surprise, entropy and alarms", how, first, second, _alarm_table(report))


def _alarm_table(report: Report) -> str:
    if not report.alarms:
        count = report.alarm_count()
        return f"<p><strong>Alarms:</strong> {f'{whole(count)}, not listed' if count else 'none'}.</p>"
    rows = []
    listed = report.numbered_alarms()
    for i, a in listed:
        told = (
            ": ".join(str(a[k]) for k in ("cause", "feature") if a.get(k)),
            " ".join(str(a[k]) for k in ("signal", "direction") if a.get(k)),
            str(a.get("statistic", "")),
        )
        words = [esc(w).replace(" ", "\u00a0") for w in told]
        position = a.get("position")
        number = float("nan") if isinstance(position, str) else as_float(position)
        place = whole(number) if np.isfinite(number) else esc("" if position is None else position)
        rows.append([str(i), place, whole(a.get("event")), whole(a.get("began")), *words])
    heads = ["no.", "position", "event", "began at event", "cause", "signal", "statistic"]
    more = report.alarm_count() - len(listed)
    note = f"<p class='aside'>{whole(more)} earlier alarms are not listed.</p>" if more > 0 else ""
    return table(heads, rows, "Alarms", text_columns=(4, 5, 6)) + note
