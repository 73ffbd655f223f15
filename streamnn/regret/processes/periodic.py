"""A pattern of period 7 whose phase is unknown."""

from __future__ import annotations

import numpy as np

from .base import ROOT_3, Process

PATTERN = np.array([-0.9, 0.2, 0.8, -0.3, 0.5, -0.6, 0.4])
"""The values of one period."""
PERIODIC_NOISE = 0.2
"""Deviation of the noise."""


class PeriodicPattern(Process):
    """Seven values over and over, from a random phase, with uniform noise of deviation .2.

    With its random phase the sequence is stationary and ergodic; with a fixed one it would not be. The noise
    has bounded support, so the oracle knows the phase for certain after a few values.

    Examples
    --------
    >>> process = PeriodicPattern(seed=1)
    >>> x, y = process.take(10_000)
    >>> round(process.best_loss(10_000), 3), round(float(y.var()), 2)
    (0.04, 0.38)
    """

    name = "period7"
    limit = PERIODIC_NOISE * PERIODIC_NOISE

    def _draw(self, noise: np.ndarray) -> np.ndarray:
        phase = int(7.0 * noise[0, 1]) if len(noise) else 0
        pattern = PATTERN[(phase + np.arange(len(noise))) % 7]
        return pattern + PERIODIC_NOISE * ROOT_3 * (2.0 * noise[:, 0] - 1.0)

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Mean over the phases that the values so far allow, equally likely as the noise is uniform."""
        reach = PERIODIC_NOISE * ROOT_3 * (1.0 + 1e-12)
        out = np.empty(len(values))
        left = list(range(7))
        for t, v in enumerate(values.tolist()):
            if len(left) == 1:
                out[t:] = PATTERN[(left[0] + np.arange(t, len(values))) % 7]
                break
            out[t] = PATTERN[[(k + t) % 7 for k in left]].mean()
            # values that no phase allows tell nothing: then all stay
            left = [k for k in left if abs(v - PATTERN[(k + t) % 7]) <= reach] or left
        return out
