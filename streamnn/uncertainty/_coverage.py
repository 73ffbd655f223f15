"""What adaptive conformal prediction has in common for sets and intervals: its level, and its record."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from ..stage import Stage
from ._window import Window, room

LEVEL_RATE = 0.005
"""How far a level moves with a label that is missed or covered (Gibbs and Candès 2021, who use the same)."""
RECENT_LABELS = 1000
"""Labels that the recent coverage remembers."""
WINDOW_LABELS = 1024
"""Labels whose scores are compared with: quantiles down to a thousandth."""
COVERAGE_BUCKETS, BUCKET_LABELS = 256, 64
"""Most buckets of the record of coverage, and labels in one of them at first; when all are full neighbours join."""


class Record(NamedTuple):
    """What has been covered so far."""

    total: np.ndarray  # float64[3]: share covered, mean size, share covered of the last thousand labels or so
    clock: np.ndarray  # int64[2]: labels so far, and labels of one bucket
    bucket: np.ndarray  # float64[COVERAGE_BUCKETS, 2]: sums of what was covered and of sizes


class Levels(NamedTuple):
    """The state of an adaptive conformal prediction."""

    miss: float  # share of the labels that each level may miss
    level: np.ndarray  # float64[levels], share of the window that is left out now
    window: Window
    record: Record


@leaf
def note(covered: float, size: float, record: Record) -> None:
    """One more label: totals and curves."""
    total, clock, bucket = record
    b = clock[0] // clock[1]
    if b == len(bucket):  # full: neighbours are joined
        for i in range(len(bucket)):
            for k in range(2):
                bucket[i, k] = bucket[2 * i, k] + bucket[2 * i + 1, k] if 2 * i < len(bucket) else 0.0
        clock[1] *= 2
        b //= 2
    bucket[b, 0] += covered
    bucket[b, 1] += size
    clock[0] += 1
    total[0] += (covered - total[0]) / clock[0]
    total[1] += (size - total[1]) / clock[0]
    total[2] += (covered - total[2]) / min(clock[0], RECENT_LABELS)


class Coverage(Stage):
    """A stage that covers a share of the labels to come.

    Parameters
    ----------
    name : str
    coverage : float
        The share, between .5 and 1.
    levels : int
        How many levels it adapts.
    """

    unit: str  # what `size` counts

    def __init__(self, name: str, coverage: float, levels: int) -> None:
        if not 0.5 <= coverage < 1:
            raise SpecError(f"coverage: {coverage!r} must be a share of the labels, at least .5 and below 1")
        super().__init__(name)
        self.coverage = float(coverage)
        self._miss = (1.0 - self.coverage) / levels
        self.s = {
            **room(WINDOW_LABELS),
            "level": np.full(levels, self._miss),
            "total": np.zeros(3),
            "clock": np.array([0, BUCKET_LABELS], np.int64),
            "bucket": np.zeros((COVERAGE_BUCKETS, 2)),
        }

    def _levels(self) -> Levels:
        s = self.s
        window, record = (
            Window(s["ring"], s["order"], s["taken"]),
            Record(s["total"], s["clock"], s["bucket"]),
        )
        return Levels(self._miss, s["level"], window, record)

    def summary(self) -> dict[str, Any]:
        """Coverage asked for, reached over all labels and over the last thousand or so, and the mean size."""
        covered, size, recent = (float(v) for v in self.s["total"])
        n = int(self.s["clock"][0])
        if n == 0:
            covered = size = recent = float("nan")
        return {"asked": self.coverage, "labels": n, "covered": covered, "recent": recent, self.unit: size}

    def curves(self) -> dict[str, np.ndarray]:
        """``covered_at`` (labels at the end of each bucket), ``covered`` and the mean size in each."""
        n, width = (int(v) for v in self.s["clock"])
        b = -(-n // width)
        at = np.minimum(np.arange(1, b + 1) * width, n)
        rows = self.s["bucket"][:b] / np.diff(at, prepend=0)[:, None]
        return {"covered_at": at, "covered": rows[:, 0], self.unit: rows[:, 1]}
