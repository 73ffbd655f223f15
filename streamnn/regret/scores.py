"""Prequential scores of the pool and of the simplest controls, under the same label delay."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel
from ..stage import Stage, gathered
from ..types import LEARN

SCORED_FLOOR = 1e-6
"""No probability of a label scores as less, so that one label can't decide the mean log loss of a stream."""
WORST_LOG_LOSS = 13.815510557964274
"""Minus the logarithm of that floor: no label costs more."""
AUROC_BINS = 4096
"""Bins of the scores of class 1; within a bin they count as ties."""

CLASSIFICATION_SCORES = [
    "accuracy",
    "log_loss",
    "brier",
    "accuracy_no_change",
    "accuracy_majority",
    "accuracy_logistic",
    "log_loss_logistic",
]
"""Names and order of the columns of a class label, as the ledger, reports and metrics have them."""
REGRESSION_SCORES = ["mae", "squared_error", "mae_no_change", "mae_mean", "mae_linear"]
"""Names and order of the columns of a number label, likewise."""


class ScoredPending(NamedTuple):
    """What was said of pending events; the first axis of each is the slot."""

    mixed: np.ndarray  # (slots, classes), float32: by the pool
    reserve: np.ndarray  # (slots, 2): share kept back for classes never seen, and classes known
    was: np.ndarray  # (slots, 2), int64: by no-change and by majority, class numbers
    p: np.ndarray  # (slots, members, classes), float32: by the members


@kernel
def _classes(op, slot, y, pending: ScoredPending, logistic, pool, bins, losses):
    mixed, reserve, was, p = pending.mixed, pending.reserve, pending.was, pending.p
    C = mixed.shape[1]
    for e in range(len(op)):
        if op[e] != LEARN:
            continue
        s, l = slot[e], y[e]
        best, best2, brier = 0, 0, 0.0
        for c in range(C):
            if mixed[s, c] > mixed[s, best]:
                best = c
            if p[s, logistic, c] > p[s, logistic, best2]:
                best2 = c
            d = mixed[s, c] - (1.0 if c == l else 0.0)
            brier += d * d
        losses[e, 0] = 1.0 if best == l else 0.0
        losses[e, 1] = min(losses[e, pool], WORST_LOG_LOSS)
        losses[e, 2] = 0.5 * brier
        losses[e, 3] = 1.0 if was[s, 0] == l else 0.0
        losses[e, 4] = 1.0 if was[s, 1] == l else 0.0
        losses[e, 5] = 1.0 if best2 == l else 0.0
        # the share kept back for unseen classes is the same for everyone
        losses[e, 6] = losses[e, 1]
        if l < reserve[s, 1]:
            losses[e, 6] = -log64(max(np.float64(p[s, logistic, l]) * (1.0 - reserve[s, 0]), SCORED_FLOOR))
        if l < 2:
            b = int(mixed[s, 1] * bins.shape[1])
            bins[l, min(max(b, 0), bins.shape[1] - 1)] += 1


@kernel
def _values(op, slot, target, forecast, scale, controls, losses):
    for e in range(len(op)):
        if op[e] != LEARN:
            continue
        s = slot[e]
        losses[e, 0] = abs(forecast[s, 0] - target[e])
        d = scale[s, 0] + scale[s, 1] * forecast[s, 1] - target[e]
        losses[e, 1] = d * d
        for i in range(3):
            losses[e, 2 + i] = abs(controls[s, i] - target[e])


class Scores(Stage):
    """Scores of each label against the prediction made when its event came.

    Classification: accuracy, log loss, Brier score (half the summed squares, for two classes the usual one),
    accuracy of no-change and majority, accuracy and log loss of online logistic regression; for two classes
    the distribution of scores that the area under the ROC curve needs, in 4,096 bins. Regression: absolute
    error of the forecast for it, squared error of the mean; absolute error of no-change, running mean and
    online linear regression.
    """

    def __init__(self, classify: bool):
        super().__init__("scores")
        self.names = CLASSIFICATION_SCORES if classify else REGRESSION_SCORES
        self.s = {"bins": np.zeros((2, AUROC_BINS if classify else 0), np.int64)}

    def scan_classes(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        store: dict[str, np.ndarray],
        logistic: int,
        pool: int,
        losses: np.ndarray,
    ) -> None:
        """Fill the columns of scores at LEARN operations; `logistic` is a member, column `pool` holds the
        pool's log loss."""
        pending = gathered(ScoredPending, store)
        _classes(op, slot, y, pending, logistic, pool, self.s["bins"], losses)

    def scan_values(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        store: dict[str, np.ndarray],
        losses: np.ndarray,
    ) -> None:
        """Fill the columns of scores at LEARN operations."""
        _values(op, slot, target, store["forecast"], store["scale"], store["controls"], losses)

    def auroc(self) -> float:
        """Area under the ROC curve of class 1, ties within a bin counted half; NaN without both classes."""
        n0, n1 = self.s["bins"]
        if not n0.sum() or not n1.sum():
            return float("nan")
        below = np.cumsum(n0) - n0
        return float((n1 * (below + 0.5 * n0)).sum() / (n0.sum() * n1.sum()))
