"""Two linear regimes and a jump between them."""

from __future__ import annotations

import itertools

import numpy as np

from .base import ROOT_3, Process

SETAR_NOISE = 0.25
"""Deviation of the noise."""


class ThresholdAR(Process):
    """A threshold autoregression (SETAR) of order 2 with uniform noise of deviation .25.

    ``x' = .8 - .9 a + .2 b`` where the last value a is positive, else ``-.5 + .5 a - .3 b``, with b the value
    before. The map jumps, so no slope budget is exact; it nearly has two resting places and mixes slowly:
    judge over 40,000 events, against the oracle on the same window.

    Examples
    --------
    >>> process = ThresholdAR(seed=1)
    >>> round(process.best_loss(40_000), 3), process.limit
    (0.063, 0.0625)
    """

    name = "setar"
    limit = SETAR_NOISE * SETAR_NOISE

    def _draw(self, noise: np.ndarray) -> np.ndarray:
        out = np.empty(len(noise))
        a = b = 0.0
        for t, u in enumerate((SETAR_NOISE * ROOT_3 * (2.0 * noise[:, 0] - 1.0)).tolist()):
            a, b = _mean(a, b) + u, a
            out[t] = a
        return out

    def expected(self, values: np.ndarray) -> np.ndarray:
        """The regime's mean from the last two values; before the first ones, 0 stands for them."""
        before = np.concatenate([[0.0, 0.0], values])[: len(values) + 1].tolist()
        return np.array([_mean(a, b) for b, a in itertools.pairwise(before)])


def _mean(a: float, b: float) -> float:
    return 0.8 - 0.9 * a + 0.2 * b if a > 0.0 else -0.5 + 0.5 * a - 0.3 * b
