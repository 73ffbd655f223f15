"""A recorded stream through a learner, labels at once or late, and the scores counted again from its predictions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from _data import Stream

from streamnn.learners import Classifier, Regressor
from streamnn.types import EXPIRE, LEARN, OBSERVE, Chunk

CHUNK = 2048
NEVER = -1
FLOOR = 1e-6
preset = "default"
"""Of the classifiers that :func:`learner` makes."""


@dataclass(frozen=True, slots=True)
class Log:
    """Operations of a whole stream, in their order.

    Parameters
    ----------
    op : ndarray of int8, shape (m,)
    ticket : ndarray of int64, shape (m,)
    time : ndarray of float64, shape (m,), or None
        Of events and of labels, where they have any.
    """

    op: np.ndarray
    ticket: np.ndarray
    time: np.ndarray | None = None

    def learnt(self) -> np.ndarray:
        """Events whose label arrives, sorted."""
        return np.sort(self.ticket[self.op == LEARN])


def at_once(y: np.ndarray) -> Log:
    """Every label right after its event."""
    return after(y, 1)


def after(y: np.ndarray, delay: int) -> Log:
    """The label of event s is known before s + delay is predicted; the last labels come when the stream has ended."""
    n = len(y)
    known = (
        np.where(y == NEVER, 2 * n + delay, np.arange(n) + delay)
        if y.dtype.kind == "i"
        else np.arange(n) + delay
    )
    return _log(n, known, np.arange(n), known < 2 * n + delay, LEARN)


def at_times(event: np.ndarray, label: np.ndarray, has_label: np.ndarray, expire: int) -> Log:
    """True times: a label is known before every event that is later than it; an event without a label that is older
    than `expire` is given up before the next event.

    Parameters
    ----------
    event, label : ndarray of int64, shape (n,)
        When events happen (never falling) and their labels are known.
    has_label : ndarray of bool, shape (n,)
    expire : int
    """
    if (np.diff(event) < 0).any():
        raise SystemExit("events are not in the order of their times")
    in_time = has_label & (label - event <= expire)
    clock = np.where(in_time, label, event + expire)
    # the first event later than that; what is after the last event comes in the order of its own time
    position = np.searchsorted(event, clock, side="right")
    inside = in_time | (position < len(event))
    log = _log(len(event), position, clock, inside, np.where(in_time, LEARN, EXPIRE))
    time = np.where(log.op == OBSERVE, event[log.ticket], clock[log.ticket])
    return Log(log.op, log.ticket, time.astype(np.float64))


def _log(n: int, position: np.ndarray, clock: np.ndarray, keep: np.ndarray, op: Any) -> Log:
    # before event `position` come the labels known by then, in the order of the clock
    t = np.arange(n)
    late = t[keep]
    kinds = np.broadcast_to(np.asarray(op, np.int8), n)[keep]
    places = np.concatenate([position[keep], t])
    last = np.concatenate([np.zeros(len(late), np.int8), np.ones(n, np.int8)])
    order = np.lexsort((np.concatenate([late, t]), np.concatenate([clock[keep], t]), last, places))
    return Log(np.concatenate([kinds, np.full(n, OBSERVE, np.int8)])[order], np.concatenate([late, t])[order])


def learner(stream: Stream, seed: int, declare: bool) -> Classifier | Regressor:
    """The default pool for a stream; `declare` tells it the classes beforehand."""
    if not stream.classify:
        return Regressor(seed=seed)
    return Classifier(range(int(stream.y.max()) + 1) if declare else (), seed=seed, preset=preset)


def warm() -> None:
    """Load every kernel, so that no stream's CPU time holds that."""
    for y in (np.arange(64) % 2, np.arange(64.0)):
        stream = Stream("warm", {"a": np.arange(64.0) % 5, "b": np.arange(64.0)}, y, y.dtype.kind == "i", {})
        run(learner(stream, 1, True), stream.columns, y, after(y, 3))


def run(
    model: Classifier | Regressor, columns: dict[str, np.ndarray], y: np.ndarray, log: Log
) -> tuple[np.ndarray, float]:
    """Run a log. Returns predictions of all events (probabilities by class number, or mean and median) and CPU seconds."""
    parts, row = [], 0
    start = time.process_time()
    for a in range(0, len(log.op), CHUNK):
        op, ticket = log.op[a : a + CHUNK], log.ticket[a : a + CHUNK]
        seen = int((op == OBSERVE).sum())
        rows = {k: v[row : row + seen] for k, v in columns.items()}
        when = None if log.time is None else log.time[a : a + CHUNK]
        out = model.run(Chunk(rows, op, ticket, y[ticket], time=when))
        if isinstance(model, Classifier):
            assert out.proba is not None
            parts.append(out.proba)
        else:
            assert out.mean is not None and out.median is not None
            parts.append(np.column_stack([out.mean, out.median]))
        row += seen
    cpu = time.process_time() - start
    if isinstance(model, Regressor):
        return np.concatenate(parts), cpu
    p = np.zeros((len(y), int(y.max()) + 1))
    row = 0
    for part in parts:
        p[row : row + len(part), [int(c) for c in model.classes[: part.shape[1]]]] = part
        row += len(part)
    return p, cpu


def score_classes(p: np.ndarray, y: np.ndarray, learnt: np.ndarray) -> dict[str, float]:
    """Accuracy, log loss, Brier score and AUROC over the events whose label arrived, and the share of those whose
    class was not known yet when they came (its probability is 0 then)."""
    q, l = p[learnt], y[learnt]
    own = q[np.arange(len(l)), l]
    onehot = l[:, None] == np.arange(q.shape[1])
    return {
        "accuracy": float(((q.argmax(1) == l) & (own > 0.0)).mean()),
        "log_loss": float(-np.log(np.maximum(own, FLOOR)).mean()),
        "brier": float(0.5 * ((q - onehot) ** 2).sum(1).mean()),
        "auroc": auroc(q[:, 1], l == 1) if q.shape[1] == 2 else float("nan"),
        "unknown": float((own == 0.0).mean()),
    }


def score_values(p: np.ndarray, y: np.ndarray, learnt: np.ndarray) -> dict[str, float]:
    """Absolute error of the median and root of the squared error of the mean, over the events whose label arrived."""
    error = p[learnt] - y[learnt, None]
    return {"mae": float(np.abs(error[:, 1]).mean()), "rmse": float(np.sqrt((error[:, 0] ** 2).mean()))}


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve; ties count half."""
    _, where, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - 0.5 * (counts - 1))[where]
    n1 = int(positive.sum())
    n0 = len(score) - n1
    if not n1 or not n0:
        return float("nan")
    return float((rank[positive].sum() - 0.5 * n1 * (n1 + 1)) / (n0 * n1))


def majority_scores(y: np.ndarray, log: Log) -> dict[str, float]:
    """Class frequencies among the labels known when an event came (counts from 1), scored like the model."""
    classes = int(y.max()) + 1
    learn = log.op == LEARN
    counts = np.zeros((len(log.op), classes))
    counts[learn, y[log.ticket[learn]]] = 1.0
    p = (np.cumsum(counts, 0) + 1.0)[log.op == OBSERVE]
    return score_classes(p / p.sum(1, keepdims=True), y, log.learnt())


def check(model: Classifier | Regressor, recount: dict[str, float], labels: int) -> None:
    """The learner's own accuracy and Brier score, or MAE and RMSE, must be those counted again. They differ only where a class
    was not known yet: the learner has a probability for it then that it doesn't show."""
    own = model.scores()
    if own["labelled"] != labels:
        raise SystemExit(f"the learner counts {own['labelled']} labels, {labels} arrived")
    slack = {k: 1e-6 + recount.get("unknown", 0.0) for k in ("accuracy", "brier")}
    slack |= {k: 1e-9 * abs(recount.get(k, 0.0)) for k in ("mae", "rmse")}
    for k, most in slack.items():
        if k in recount and abs(own[k] - recount[k]) > most:
            raise SystemExit(f"the learner's {k} is {own[k]}, counted again it is {recount[k]}")
