"""The product of the last two values: nothing for a linear model of order 2."""

from __future__ import annotations

import numpy as np

from .base import Process

PARITY_FLIP = 0.1
"""Probability that a value is flipped."""


class ParityChain(Process):
    """The value is the product of the two before it, flipped with probability .1.

    No predictor of order 1 and no linear one of order 2 helps; lag 3 helps a linear one a little.

    Examples
    --------
    >>> process = ParityChain(seed=1)
    >>> x, y = process.take(5)
    >>> (y * x[:, 0] * x[:, 1]).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    >>> round(process.limit, 2)
    0.36
    """

    name = "parity"
    binary = True
    limit = 1.0 - (1.0 - 2.0 * PARITY_FLIP) ** 2

    def _draw(self, noise: np.ndarray) -> np.ndarray:
        a = b = 1.0
        out = np.empty(len(noise))
        for t, u in enumerate(noise[:, 0].tolist()):
            a, b = (-a * b if u < PARITY_FLIP else a * b), a
            out[t] = a
        return out

    def expected(self, values: np.ndarray) -> np.ndarray:
        """The product of the last two values, shrunk by the flips; 0 where there are not two."""
        out = np.zeros(len(values))
        out[2:] = (1.0 - 2.0 * PARITY_FLIP) * values[1:-1] * values[:-2]
        return out
