"""P-values of surprise, and sets or intervals that hold the label as often as asked: what a pool says on request."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..members.member import Leaves, Segment
from ..stage import Stage
from ..uncertainty import PredictionIntervals, PredictionSets, SurpriseRank


class Calibration:
    """The stages of uncertainty that cost something, those of them that are wanted.

    Parameters
    ----------
    classify : bool
    coverage : float
        Share of the labels that sets or intervals shall hold; 0 for none.
    p_values : bool
    known : int
        Classes known from the start.
    """

    def __init__(self, classify: bool, coverage: float, p_values: bool, known: int = 0) -> None:
        self.coverage, self._classify = float(coverage), classify
        self.rank = SurpriseRank() if p_values else None
        self.sets = PredictionSets(coverage, known) if coverage and classify else None
        self.intervals = PredictionIntervals(coverage) if coverage and not classify else None

    @property
    def stages(self) -> list[Stage]:
        """Those that are wanted."""
        return [s for s in (self.rank, self.sets, self.intervals) if s is not None]

    @property
    def leaves(self) -> Leaves:
        """What they keep of a pending event."""
        if self.sets is not None:
            return {"limit": (np.float64, (2,))}
        return {"interval": (np.float64, (4,))} if self.intervals is not None else {}

    def scan(
        self, segment: Segment, surprise: np.ndarray, deviation: np.ndarray, store: dict[str, np.ndarray]
    ) -> np.ndarray:
        """Go through the operations, once the pool has predicted. Returns p-values, or no column."""
        op, slot, y = segment.op, segment.slot, segment.y
        if self.sets is not None:
            self.sets.scan(op, slot, y, store["mixed"], store["limit"])
        if self.intervals is not None:
            self.intervals.scan(op, slot, y, store["forecast"][:, 0], deviation, store["interval"])
        return np.zeros((len(op), 0)) if self.rank is None else self.rank.scan(op, surprise)[:, None]

    def add(
        self,
        out: dict[str, np.ndarray],
        slot: np.ndarray,
        p_value: np.ndarray,
        deviation: np.ndarray,
        store: dict[str, np.ndarray],
    ) -> None:
        """Add to the fields of the output of events in those slots; `p_value` as :meth:`scan` gave it."""
        if not self._classify:
            out["deviation"] = deviation
        if self.rank is not None:
            out["p_value"] = p_value.reshape(-1)
        if self.sets is not None:
            limit, proba = store["limit"][slot], out["proba"]
            out["included"] = (proba >= limit[:, :1]) & (np.arange(proba.shape[1]) < limit[:, 1:])
        if self.intervals is not None:
            out["low"], out["high"] = store["interval"][slot, 0], store["interval"][slot, 1]

    def summary(self) -> dict[str, Any]:
        """How often labels were covered; nothing where that is not wanted."""
        stage = self.sets or self.intervals
        return {} if stage is None else {"coverage": stage.summary()}

    def curves(self) -> dict[str, np.ndarray]:
        """The same along the stream."""
        stage = self.sets or self.intervals
        return {} if stage is None else stage.curves()
