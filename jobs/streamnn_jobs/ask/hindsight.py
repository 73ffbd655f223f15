"""What would have been best in hindsight: a fixed linear model, and the best possible forecast where it is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamnn.errors import LimitError

from ..data.processes import PROCESS_PREFIX, SEED, process_names
from ..records.encode import Encoder
from ..records.label_column import Labels
from ..run.plan import Plan

MOST_CELLS = 100_000_000
"""Rows times columns that are held at once."""
MOST_NAMES = 50
"""Values of a text column with an indicator of their own, the most frequent ones."""
FIT_BATCH_RECORDS = 16_384
"""Records read at once: memory stays small beside the rows that are kept."""

Scores = dict[str, float]


def best_possible(plan: Plan, labelled: int) -> Scores | None:
    """Loss of the oracle on the first labels of a process whose best loss is known; None for other streams."""
    if plan.name not in process_names() or not labelled:
        return None
    from streamnn.regret.processes import process

    generator = process(plan.name.removeprefix(PROCESS_PREFIX), SEED)
    if plan.task == "classification":
        return {"log_loss": generator.best_loss(labelled, log=True)}
    return {"rmse": generator.best_loss(labelled) ** 0.5}


def best_fixed_linear(plan: Plan, records: int) -> Scores:
    """Scores of the linear model that fits the labelled ones of the first `records` best, read a second time.

    Logistic regression for classes, least squares for numbers: on the columns in units of their deviation, missing
    values as the mean, and indicators of the 50 most frequent values of a text column. It knows neither memory nor
    late labels, and has seen every label it is scored on.

    Raises
    ------
    LimitError
        When the stream is too large to be held, or the model has too many unknowns.
    """
    from streamnn.regret.hindsight import best_linear, best_logistic

    x, y, classes = _read(plan, records)
    if not len(y):
        return {}
    if plan.task == "classification":
        label = y.astype(np.int64)
        fit = best_logistic(x, label, max(classes, 2))
        right = (x @ fit.weights[:, :-1].T + fit.weights[:, -1]).argmax(1) == label
        return {"accuracy": float(right.mean()), "log_loss": float(fit.losses.mean())}
    fit = best_linear(x, y)
    error = x @ fit.weights[0, :-1] + fit.weights[0, -1] - y
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt(fit.losses.mean()))}


def _read(plan: Plan, records: int) -> tuple[np.ndarray, np.ndarray, int]:
    spec = plan.spec
    labels = Labels(plan.task, spec.label.missing, None, spec.limits.classes)
    encoder = Encoder(spec, labels)
    parts: list[tuple[dict[str, np.ndarray], np.ndarray]] = []
    seen = rows = 0
    partition = plan.source.open(plan.partition)
    try:
        while seen < records:
            batch = partition.next_batch(min(FIT_BATCH_RECORDS, records - seen))
            if batch is None:
                break
            seen += len(batch.position) + len(batch.bad)
            good = encoder.encode(batch)
            keep = ~np.isnan(good.label)
            parts.append(({k: v[keep] for k, v in good.columns.items()}, good.label[keep]))
            rows += int(keep.sum())
            if rows * max(len(encoder.kinds), 1) > MOST_CELLS:
                raise LimitError(
                    f"hindsight: {rows:,} rows of {len(encoder.kinds)} columns are more than can be held: "
                    "use --until"
                )
    finally:
        partition.close()
    y = np.concatenate([label for _, label in parts]) if parts else np.zeros(0)
    names = [k for k in encoder.kinds if any(k in columns for columns, _ in parts)]
    made = [_column([c.get(k) for c, _ in parts], [len(t) for _, t in parts]) for k in names]
    return np.column_stack(made) if made else np.zeros((len(y), 0)), y, len(labels.values)


def _column(parts: list[Any], sizes: list[int]) -> np.ndarray:
    """One column of all batches as numbers, shape (n, k); a batch without it has missing values."""
    parts = [_seconds(p) if p is not None and p.dtype.kind == "M" else p for p in parts]
    if any(p is not None and p.dtype == object for p in parts):
        empty: Any = None
        v = np.concatenate(
            [np.full(n, empty, object) if p is None else p for p, n in zip(parts, sizes, strict=True)]
        )
        text = np.array(["" if t is None else str(t) for t in v])
        found, count = np.unique(text, return_counts=True)
        return np.asarray(text[:, None] == found[np.argsort(-count, kind="stable")][:MOST_NAMES], np.float64)
    v = np.concatenate([np.full(n, np.nan) if p is None else p for p, n in zip(parts, sizes, strict=True)])
    v = np.where(np.isfinite(v), v, np.nan)
    if np.isnan(v).all():
        return np.zeros((len(v), 1))
    mean, spread = np.nanmean(v), np.nanstd(v)
    return np.nan_to_num((v - mean) / (spread or 1.0))[:, None]


def _seconds(times: np.ndarray) -> np.ndarray:
    return np.where(np.isnat(times), np.nan, times.astype("datetime64[us]").astype(np.float64) / 1e6)
