"""The scalars that a pool's alarms watch."""

from __future__ import annotations

import numpy as np

from ..alarms import FeatureWatch, gather
from ..alarms.feature_watch import FEATURE_SIGNALS

SIGNALS = ("surprise", "entropy", "loss", "label", *FEATURE_SIGNALS)
"""However many features there are; in the order in which alarms of one operation are told."""


def fill_signals(
    op: np.ndarray,
    x: np.ndarray,
    features: FeatureWatch,
    uncertainty: tuple[np.ndarray, np.ndarray],
    losses: np.ndarray,
    column: int,
    y: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Values float64[8, m] of operations, and tags int32[m] of the column that stands out.

    Parameters
    ----------
    op : ndarray of int8, shape (m,)
    x : ndarray of float64, shape (n, columns)
        Rows of the OBSERVE operations.
    features : FeatureWatch
    uncertainty : surprise and entropy, ndarrays of float64, shape (m,)
    losses : ndarray of float64, shape (m, width)
        Of the ledger; the loss is in `column`.
    y : ndarray, shape (m,)
        Labels of LEARN operations.
    """
    values, tags = np.zeros((len(SIGNALS), len(op))), np.zeros(len(op), np.int32)
    gather(op, *uncertainty, losses, column, y, features.s["seen"], values)
    features.scan(op, x, values[len(SIGNALS) - len(FEATURE_SIGNALS) :], tags)
    return values, tags
