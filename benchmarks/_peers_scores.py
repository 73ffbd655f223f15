"""Scores counted from predictions, the same for streamnn and for its peers; numpy alone."""

from __future__ import annotations

import numpy as np

KIND = 1e-4
HARSH = 1e-15
"""Log loss with probabilities of at least this."""
CURVE = 20
"""Prefixes of a run that are scored too."""


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve; ties count half."""
    _, where, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - 0.5 * (counts - 1))[where]
    n1 = int(positive.sum())
    n0 = len(score) - n1
    if not n1 or not n0:
        return float("nan")
    return float((rank[positive].sum() - 0.5 * n1 * (n1 + 1)) / (n0 * n1))


def classes(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Accuracy, log loss (two floors), Brier score and AUROC.

    Parameters
    ----------
    p : ndarray, shape (n, C)
        Rows of zeros, or with values that are not finite, count as no prediction: wrong, and the least probability.
    y : ndarray of int64, shape (n,)
    """
    p = np.where(np.isfinite(p).all(1, keepdims=True), p, 0.0).astype(np.float64)
    total = p.sum(1, keepdims=True)
    p = np.divide(p, total, out=np.zeros_like(p), where=total > 0.0)
    own = p[np.arange(len(y)), y]
    onehot = y[:, None] == np.arange(p.shape[1])
    return {
        "accuracy": float(((p.argmax(1) == y) & (own > 0.0)).mean()),
        "log_loss": float(-np.log(np.maximum(own, KIND)).mean()),
        "log_loss_harsh": float(-np.log(np.maximum(own, HARSH)).mean()),
        "brier": float(0.5 * ((p - onehot) ** 2).sum(1).mean()),
        "auroc": auroc(p[:, 1], y == 1) if p.shape[1] == 2 else float("nan"),
    }


def values(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Absolute error of ``p[:, 0]`` and root of the squared error of ``p[:, 1]``; what is not finite counts as 0."""
    error = np.where(np.isfinite(p), p, 0.0) - y[:, None]
    return {"mae": float(np.abs(error[:, 0]).mean()), "rmse": float(np.sqrt((error[:, 1] ** 2).mean()))}


def scores(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Scores of classes (whole numbers) or of values."""
    return classes(p, y) if y.dtype.kind == "i" else values(p, y)


def prefixes(n: int) -> list[int]:
    """Ends of the prefixes that are scored."""
    return sorted({max(1, n * i // CURVE) for i in range(1, CURVE + 1)})
