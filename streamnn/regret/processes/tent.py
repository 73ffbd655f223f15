"""A chaotic map with a known slope."""

from __future__ import annotations

import numpy as np

from .base import ROOT_3, Process

TENT_NOISE = 0.15
"""Deviation of the noise."""


class TentMap(Process):
    """``x' = .9 - 1.3 |x|`` with uniform noise of deviation .15: slope 1.3 everywhere, mixes fast.

    Examples
    --------
    >>> process = TentMap(seed=1)
    >>> round(process.best_loss(10_000), 3), round(process.limit, 4)
    (0.023, 0.0225)
    """

    name = "tent"
    limit = TENT_NOISE * TENT_NOISE

    def _draw(self, noise: np.ndarray) -> np.ndarray:
        out = np.empty(len(noise))
        x = 0.0
        for t, u in enumerate((TENT_NOISE * ROOT_3 * (2.0 * noise[:, 0] - 1.0)).tolist()):
            x = 0.9 - 1.3 * abs(x) + u
            out[t] = x
        return out

    def expected(self, values: np.ndarray) -> np.ndarray:
        """The map of the last value; before the first one, the map of 0."""
        out = np.full(len(values), 0.9)
        out[1:] = 0.9 - 1.3 * np.abs(values[:-1])
        return out
