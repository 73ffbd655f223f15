"""Sets of classes that hold the label as often as asked, along the stream."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..types import EXPIRE, LEARN
from ._coverage import LEVEL_RATE, Coverage, Levels, note
from ._window import slide


@kernel
def _scan(op, slot, y, proba, limit, met, levels: Levels):
    miss, level, window, record = levels
    ring, order, taken = window
    for e in range(len(op)):
        s = slot[e]
        if op[e] != LEARN:
            if op[e] != EXPIRE:
                n = min(taken[0], len(ring))
                k = int(np.floor(level[0] * (n + 1.0)))  # labels of the window that are left out
                limit[s, 0] = 0.0 if k < 1 else (order[k - 1] if k <= n else 2.0)
                limit[s, 1] = met[0]
            continue
        known, size = limit[s, 1], 0.0
        for c in range(proba.shape[1]):
            if c < known and proba[s, c] >= limit[s, 0]:
                size += 1.0
        p = np.float64(proba[s, y[e]]) if y[e] < known else -1.0  # nobody could know this class
        covered = 1.0 if p >= limit[s, 0] else 0.0
        note(covered, size, record)
        level[0] = min(max(level[0] + LEVEL_RATE * (miss - (1.0 - covered)), -LEVEL_RATE), 1.0 + LEVEL_RATE)
        slide(window, max(p, 0.0))
        met[0] = max(met[0], y[e] + 1)


class PredictionSets(Coverage):
    """The classes that are not improbable, by adaptive conformal prediction.

    A class is in the set when its probability is among the likeliest (1 - a) of the probabilities that the last
    1024 labels had been given. The level a moves with every label: a <- a + .005 (miss wanted - miss seen), so that
    on any sequence whatever the share of labels missed differs from the one wanted by at most 1.005 / (.005 n)
    after n labels, if labels come at once and no class is new. About .3 us an event.

    Parameters
    ----------
    coverage : float, default .9
        Share of the labels that the sets shall hold.
    known : int, default 0
        Classes known from the start.

    Raises
    ------
    SpecError
        When the share is below .5 or not below 1.

    References
    ----------
    Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.types import LEARN, OBSERVE
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 4000)
    >>> right = rng.random(4000) < 0.8
    >>> proba = np.where((y == np.arange(2)[:, None]) == right, 0.8, 0.2).T.astype(np.float32)
    >>> sets = PredictionSets(coverage=0.9, known=2)
    >>> slot, limit = np.arange(4000), np.zeros((4000, 2))
    >>> op = np.tile(np.int8([OBSERVE, LEARN]), 4000)
    >>> sets.scan(op, slot.repeat(2), y.repeat(2), proba, limit)
    >>> round(sets.summary()["covered"], 2)
    0.9
    """

    unit = "set_size"

    def __init__(self, coverage: float = 0.9, known: int = 0) -> None:
        super().__init__("prediction_sets", coverage, 1)
        self.s["met"] = np.array([known], np.int64)

    def scan(
        self, op: np.ndarray, slot: np.ndarray, y: np.ndarray, proba: np.ndarray, limit: np.ndarray
    ) -> None:
        """Set limits where events are observed; learn from labels.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
        slot, y : ndarray of int64, shape (m,)
        proba : ndarray of float32, shape (slots, classes)
            As it was when the event was observed.
        limit : ndarray of float64, shape (slots, 2)
            Receives the least probability of a class in the set, and how many classes were known: those of the first columns.
        """
        _scan(op, slot, y, proba, limit, self.s["met"], self._levels())
