"""A hidden state that seldom switches, seen through noise."""

from __future__ import annotations

import numpy as np

from .base import Process

SWITCH, FLIP = 0.05, 0.2


class HiddenMarkov(Process):
    """A state of -1 or 1 that switches with probability .05 an event; the value is the state, flipped with .2.

    The oracle is the forward filter. Nearly linear in the past: a reference, no evidence of nonlinearity.

    Examples
    --------
    >>> process = HiddenMarkov(seed=1)
    >>> x, y = process.take(1000)
    >>> x.shape, sorted(set(y.tolist()))
    ((1000, 16), [-1.0, 1.0])
    >>> round(process.best_loss(1000), 2)
    0.84
    """

    name = "hmm"
    binary = True

    def _draw(self, noise: np.ndarray) -> np.ndarray:
        state = np.where(np.cumsum(noise[:, 0] < SWITCH) % 2 == 0, 1.0, -1.0)
        return np.where(noise[:, 1] < FLIP, -state, state)

    def expected(self, values: np.ndarray) -> np.ndarray:
        """The forward filter's mean of the next value; starts from even odds."""
        out = np.empty(len(values))
        p = 0.5  # of state 1
        for t, v in enumerate(values.tolist()):
            out[t] = (1.0 - 2.0 * FLIP) * (2.0 * p - 1.0)
            up, down = (1.0 - FLIP, FLIP) if v > 0.0 else (FLIP, 1.0 - FLIP)
            up, down = up * p, down * (1.0 - p)
            p = up / (up + down)
            p = p * (1.0 - SWITCH) + (1.0 - p) * SWITCH
        return out
