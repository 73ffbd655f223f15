"""What every process with a known best loss has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ...errors import SpecError

PROCESS_LAGS = 16
"""Past values in a row: columns ``lag1`` (the last one) to ``lag16``."""
DISCARDED_VALUES = 1000
"""Values drawn and thrown away first, so that the process starts where it would be in the long run."""
ROOT_3 = 1.7320508075688772
"""Uniform numbers between minus and plus this have deviation 1."""


class Process(ABC):
    """A stationary ergodic sequence whose best possible prediction from its own past is known.

    An event's row holds the last 16 values, ``lag1`` to ``lag16``; its label is the next one. The oracle
    knows the distribution of the process and every value before, also those older than the row. Its
    *realised* loss on a window is what the loss of a learner on that window is to be divided by: it takes out
    the luck of the window.

    Only uniform random numbers and IEEE arithmetic enter, so a seed gives the same bits on every machine; a
    longer sample begins with the shorter one.

    Parameters
    ----------
    seed : int
        Of the noise, and of the phase where there is one.
    """

    name: ClassVar[str]
    binary: ClassVar[bool] = False
    """Whether values are -1 and 1: then the log loss has an oracle too."""
    limit: ClassVar[float | None] = None
    """Squared loss of the oracle in the long run, where it has a closed form."""
    features: ClassVar[tuple[str, ...]] = tuple(f"lag{k}" for k in range(1, PROCESS_LAGS + 1))

    def __init__(self, seed: int = 1):
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise SpecError(f"process {self.name}: seed is {seed!r}: allowed are whole numbers from 0")
        self.seed = seed

    @abstractmethod
    def _draw(self, noise: np.ndarray) -> np.ndarray:
        """Values from uniform numbers in [0, 1) of shape (n, 2), row by row; shape (n,)."""

    @abstractmethod
    def expected(self, values: np.ndarray) -> np.ndarray:
        """Mean of each value given all the ones before it in `values`.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of float64, shape (n,)
            Entry t depends on ``values[:t]`` only.
        """

    def _values(self, n: int) -> np.ndarray:
        if n < 0:
            raise SpecError(f"process {self.name}: {n} events were asked for: allowed are 0 and more")
        rng = np.random.default_rng([self.seed, *self.name.encode()])
        return self._draw(rng.random((DISCARDED_VALUES + n, 2)))

    def take(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The first `n` events.

        Returns
        -------
        x : ndarray of float64, shape (n, 16)
            Past values, the last one first.
        y : ndarray of float64, shape (n,)
            The next value.
        """
        values = self._values(n)
        x = np.empty((n, PROCESS_LAGS))
        for k in range(PROCESS_LAGS):
            x[:, k] = values[DISCARDED_VALUES - 1 - k : DISCARDED_VALUES - 1 - k + n]
        return x, values[DISCARDED_VALUES:].copy()

    def oracle(self, n: int) -> np.ndarray:
        """The best prediction under squared loss of each of the first `n` events; shape (n,)."""
        return self.expected(self._values(n))[DISCARDED_VALUES:]

    def best_losses(self, n: int, log: bool = False) -> np.ndarray:
        """Loss of the oracle at each of the first `n` events: squared, or the log loss in nats; shape (n,).

        Raises
        ------
        SpecError
            When the log loss of a process is asked for whose values are not -1 and 1.
        """
        values = self._values(n)
        mean, y = self.expected(values)[DISCARDED_VALUES:], values[DISCARDED_VALUES:]
        if not log:
            return (y - mean) ** 2
        if not self.binary:
            raise SpecError(f"process {self.name}: its values are no classes: use the squared loss")
        return -np.log(0.5 * (1.0 + y * mean))

    def best_loss(self, n: int, start: int = 0, log: bool = False) -> float:
        """Mean loss of the oracle over the events from `start` to `n` (not included); NaN for none."""
        losses = self.best_losses(n, log)[start:]
        return float(losses.mean()) if losses.size else float("nan")
