"""A few rows lately seen, at which the slope of a network is looked at."""

from __future__ import annotations

import numpy as np

from ..stage import Stage

ROWS_KEPT, EVERY = 32, 16
"""Rows kept, and events from one to the next."""


class Recent(Stage):
    """Every sixteenth row, the last 32 of them."""

    def __init__(self) -> None:
        super().__init__("recent")
        self.s = {"row": np.zeros((ROWS_KEPT, 0), np.float32), "count": np.zeros(1, np.int64)}

    def grow(self, places: np.ndarray, width: int) -> None:
        """Make room; `places` are the new places of the old columns."""
        old = self.s["row"]
        self.s["row"] = np.zeros((ROWS_KEPT, width), np.float32)
        self.s["row"][:, places] = old

    def take(self, first: int, rows: np.ndarray, slot: np.ndarray) -> None:
        """Keep some of the rows in `slot`, of events numbered from `first`."""
        i = np.arange(-first % EVERY, len(slot), EVERY)
        self.s["count"][0] += len(i)
        i = i[-ROWS_KEPT:]
        self.s["row"][(first + i) // EVERY % ROWS_KEPT] = rows[slot[i]]

    @property
    def rows(self) -> np.ndarray:
        """The rows kept; float32, shape (at most 32, width)."""
        return self.s["row"][: int(self.s["count"][0])]
