"""What is known of a partition at one moment, for those who read while the job goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..run.counters import Counters


class Sample(NamedTuple):
    """How a partition stands at one second; surprise and entropy are sums over `events` since the start."""

    up_s: float
    records: int
    dead_letters: int
    pending: int
    lag: int | None
    surprise: float
    entropy: float
    events: int


@dataclass(slots=True, frozen=True)
class PartitionView:
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
    edge : mapping or None
        What the student has come to, where there is one.
    edge_windows : sequence of mapping
        How each of its publications did.
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
    edge: Mapping[str, Any] | None = None
    edge_windows: Sequence[Mapping[str, Any]] = ()

    def rate(self, seconds: float = 10.0) -> float | None:
        """Records a second over the last `seconds`; None before the second sample."""
        found = self._since(seconds)
        if found is None:
            return None
        first, last = found
        return (last.records - first.records) / (last.up_s - first.up_s)

    def lately(self, seconds: float = 60.0) -> tuple[float, float] | None:
        """Mean surprise and mean entropy, in nats, of the events of the last `seconds`; None without events."""
        found = self._since(seconds)
        if found is None:
            return None
        first, last = found
        events = last.events - first.events
        if not events:
            return None
        return (last.surprise - first.surprise) / events, (last.entropy - first.entropy) / events

    def _since(self, seconds: float) -> tuple[Sample, Sample] | None:
        last = self.samples[-1] if self.samples else None
        if last is None or len(self.samples) < 2:
            return None
        # the latest one that is old enough, or the oldest
        first = next((s for s in reversed(self.samples) if last.up_s - s.up_s >= seconds), self.samples[0])
        return (first, last) if last.up_s > first.up_s else None
