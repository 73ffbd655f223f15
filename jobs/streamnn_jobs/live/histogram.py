"""Durations in buckets, with no lock and no package behind them."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets in seconds."""


class Histogram:
    """Counts of durations; written by one thread, read by any.

    Examples
    --------
    >>> h = Histogram()
    >>> h.add(0.002); h.add(70.0)
    >>> h.cumulative()[:3], h.cumulative()[-2:], h.sum_s
    ([(0.001, 0), (0.0025, 1), (0.005, 1)], [(10.0, 1), (inf, 2)], 70.002)
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Take a duration in."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum_s += seconds

    def cumulative(self) -> list[tuple[float, int]]:
        """Upper ends, the last infinite, and how many durations were at most so long."""
        out, total = [], 0
        for bound, count in zip((*BOUNDS, float("inf")), list(self._counts), strict=True):
            total += count
            out.append((bound, total))
        return out
