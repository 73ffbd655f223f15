"""A hidden state that seldom switches, seen through noise."""

from __future__ import annotations

import numpy as np

from .base import Process

STATE_SWITCH = 0.05
"""Probability that the state switches at an event."""
STATE_FLIP = 0.2
"""Probability that the value is not the state."""


class HiddenMarkov(Process):
    """A state of -1 or 1 that switches with probability .05 an event, seen flipped with probability .2.

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
        state = np.where(np.cumsum(noise[:, 0] < STATE_SWITCH) % 2 == 0, 1.0, -1.0)
        return np.where(noise[:, 1] < STATE_FLIP, -state, state)

    def expected(self, values: np.ndarray) -> np.ndarray:
        """The forward filter's mean of the next value; starts from even odds."""
        out = np.empty(len(values))
        p = 0.5  # of state 1
        for t, v in enumerate(values.tolist()):
            out[t] = (1.0 - 2.0 * STATE_FLIP) * (2.0 * p - 1.0)
            up, down = (1.0 - STATE_FLIP, STATE_FLIP) if v > 0.0 else (STATE_FLIP, 1.0 - STATE_FLIP)
            up, down = up * p, down * (1.0 - p)
            p = up / (up + down)
            p = p * (1.0 - STATE_SWITCH) + (1.0 - p) * STATE_SWITCH
        return out
