"""What is known of a partition at one moment, for those who read while the job goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..run.counters import Counters

Sample = tuple[float, int, int, int, int | None, float, float, int]
"""Seconds since the start; records, dead letters, pending events, lag; sums of surprise and entropy, and their events."""


@dataclass(slots=True, frozen=True)
class View:
    """Made between two batches; nothing in it changes afterwards.

    Parameters
    ----------
    version : int
        Goes up by one with every view of the partition.
    partition, source, task : str
    at : float
        Unix time.
    position : int
        Of the next record.
    lag : int or None
        Records that are there and not read yet.
    counters, start : Counters
        Now, and when this process took the partition on.
    pending, waiting : int
        Events without label, labels that are known to come.
    scores, history, missing : mapping
        As the learner gives them; `start_scores` and `start_missing` are of the time of `start`.
    networks : sequence of mapping
        The same, older by up to ten seconds; empty when nobody asked lately.
    alarms : sequence of mapping
        The last ones.
    samples : sequence of Sample
        Once a second, those of the last minutes.
    """

    version: int
    partition: str
    source: str
    task: str
    at: float
    position: int
    lag: int | None
    counters: Counters
    start: Counters
    pending: int
    waiting: int
    scores: Mapping[str, Any] = field(default_factory=dict)
    start_scores: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, Any] = field(default_factory=dict)
    networks: Sequence[Mapping[str, Any]] = ()
    alarms: Sequence[Mapping[str, Any]] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    start_missing: Mapping[str, int] = field(default_factory=dict)
    columns: int = 0
    classes: int | None = None
    samples: Sequence[Sample] = ()

    def rate(self, seconds: float = 10.0) -> float | None:
        """Records a second over the last `seconds`; None before the second sample."""
        now = self._since(seconds)
        return None if now is None else (now[1][1] - now[0][1]) / (now[1][0] - now[0][0])

    def lately(self, seconds: float = 60.0) -> tuple[float, float] | None:
        """Mean surprise and mean entropy, in nats, of the events of the last `seconds`; None without events."""
        found = self._since(seconds)
        if found is None or found[1][7] == found[0][7]:
            return None
        (*_, s0, e0, n0), (*_, s1, e1, n1) = found
        return (s1 - s0) / (n1 - n0), (e1 - e0) / (n1 - n0)

    def _since(self, seconds: float) -> tuple[Sample, Sample] | None:
        last = self.samples[-1] if self.samples else None
        if last is None or len(self.samples) < 2:
            return None
        # the youngest of those that are old enough, else the oldest
        first = next((s for s in reversed(self.samples) if last[0] - s[0] >= seconds), self.samples[0])
        return (first, last) if last[0] > first[0] else None
