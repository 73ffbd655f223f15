"""Prequential scores of the pool and of the simplest controls, under the same label delay."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel
from ..stage import Stage

FLOOR = 1e-6
WORST = 13.815510557964274
"""No label costs more than -log of the floor."""
BINS = 4096

CLASSIFICATION = [
    "accuracy",
    "log_loss",
    "brier",
    "accuracy_no_change",
    "accuracy_majority",
    "accuracy_logistic",
    "log_loss_logistic",
]
REGRESSION = ["mae", "squared_error", "mae_no_change", "mae_mean", "mae_linear"]


@kernel
def _classes(op, slot, y, mixed, reserve, was, p, logistic, pool, bins, book):
    C = mixed.shape[1]
    for e in range(len(op)):
        if op[e] != 1:
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
        book[e, 0] = 1.0 if best == l else 0.0
        book[e, 1] = min(book[e, pool], WORST)
        book[e, 2] = 0.5 * brier
        book[e, 3] = 1.0 if was[s, 0] == l else 0.0
        book[e, 4] = 1.0 if was[s, 1] == l else 0.0
        book[e, 5] = 1.0 if best2 == l else 0.0
        # the share kept back for unseen classes is the same for everyone
        book[e, 6] = book[e, 1]
        if l < reserve[s, 1]:
            book[e, 6] = -log64(max(np.float64(p[s, logistic, l]) * (1.0 - reserve[s, 0]), FLOOR))
        if l < 2:
            b = int(mixed[s, 1] * bins.shape[1])
            bins[l, min(max(b, 0), bins.shape[1] - 1)] += 1


@kernel
def _values(op, slot, target, forecast, scale, controls, book):
    for e in range(len(op)):
        if op[e] != 1:
            continue
        s = slot[e]
        book[e, 0] = abs(forecast[s, 0] - target[e])
        d = scale[s, 0] + scale[s, 1] * forecast[s, 1] - target[e]
        book[e, 1] = d * d
        for i in range(3):
            book[e, 2 + i] = abs(controls[s, i] - target[e])


class Scores(Stage):
    """Scores of each label against the prediction made when its event came.

    Classification: accuracy, log loss, Brier score (half the summed squares, for two classes the usual one),
    accuracy of no-change and majority, accuracy and log loss of online logistic regression; for two classes
    the distribution of scores that the area under the ROC curve needs, in 4,096 bins.
    Regression: absolute error of the forecast for it, squared error of the mean; absolute error of no-change, running mean and online linear
    regression.
    """

    def __init__(self, classify: bool):
        super().__init__("scores")
        self.names = CLASSIFICATION if classify else REGRESSION
        self.s = {"bins": np.zeros((2, BINS if classify else 0), np.int64)}

    def scan_classes(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        store: dict[str, np.ndarray],
        logistic: int,
        pool: int,
        book: np.ndarray,
    ) -> None:
        """Fill the score columns of the book for LEARN operations; its column `pool` holds the pool's log loss."""
        _classes(
            op,
            slot,
            y,
            store["mixed"],
            store["reserve"],
            store["was"],
            store["p"],
            logistic,
            pool,
            self.s["bins"],
            book,
        )

    def scan_values(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        store: dict[str, np.ndarray],
        book: np.ndarray,
    ) -> None:
        """Fill the score columns of the book for LEARN operations."""
        _values(op, slot, target, store["forecast"], store["scale"], store["controls"], book)

    def auroc(self) -> float:
        """Area under the ROC curve of class 1, ties within a bin counted half; NaN without both classes."""
        n0, n1 = self.s["bins"]
        if not n0.sum() or not n1.sum():
            return float("nan")
        below = np.cumsum(n0) - n0
        return float((n1 * (below + 0.5 * n0)).sum() / (n0.sum() * n1.sum()))
