"""Rows whose predictions are wanted, answered together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..features.targets import FARTHEST_PREDICTION

if TYPE_CHECKING:
    from .eager import Eager

f4 = np.float32


class Questions:
    """Waits until an engine's fill of rows is there, or an answer is needed.

    Predictions are always of the same shape, as bits may depend on it; places that nobody asked for are 0.

    Parameters
    ----------
    most : int
        Rows that are kept at once.
    shape : tuple of int
        Of a row, or a window of rows.
    classify : bool
        Whether answers are probabilities; a number is kept within what a prediction may be.
    """

    def __init__(self, most: int, shape: tuple[int, ...], classify: bool) -> None:
        self._rows, self._classify = np.zeros((most, *shape), f4), classify
        self._waiting: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def place(self, i: int, slot: int) -> np.ndarray:
        """Where to write the row of an operation; its slot is -1 where latents alone are wanted."""
        self._waiting.append((i, slot))
        return self._rows[len(self._waiting) - 1]

    def answer(self, engine: Eager, said: np.ndarray, latents: np.ndarray | None) -> None:
        """Write predictions, by slot, and latents, by operation."""
        asked = self._rows[: engine.together]
        asked[len(self._waiting) :] = 0.0
        p, z = engine.predict(asked)
        if not self._classify:
            np.clip(p, -FARTHEST_PREDICTION, FARTHEST_PREDICTION, out=p)
        for k, (i, slot) in enumerate(self._waiting):
            if slot >= 0:
                said[slot, :] = p[k, : said.shape[1]]
            if latents is not None:
                latents[i, : z.shape[1]] = z[k]
        self._waiting.clear()
