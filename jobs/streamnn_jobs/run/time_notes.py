"""Says once when labels come by time in a way that hardly anyone means."""

from __future__ import annotations

from collections.abc import Callable

from ..spec.job import JobSpec
from .worker import Worker

LOOKED_AT_EVENTS = 1000
"""Events after which it is looked at how labels come."""
_NEARLY_ALL = 0.9


class TimeNotes:
    """Call it after every batch.

    Parameters
    ----------
    spec : JobSpec
    worker : Worker
        As it stands at the start.
    say : callable
        Told, in words, what is odd.
    """

    def __init__(self, spec: JobSpec, worker: Worker, say: Callable[[str], None]):
        self._spec, self._worker, self._say = spec, worker, say
        self._done = spec.label.time is None or worker.counters.predicted >= LOOKED_AT_EVENTS

    def __call__(self) -> None:
        c, source, label = self._worker.counters, self._spec.source, self._spec.label
        if self._done or c.predicted < LOOKED_AT_EVENTS:
            return
        self._done = True
        if c.older >= (1 - _NEARLY_ALL) * c.predicted:
            self._say(
                f"source.event_time: {c.older:,} of the first {c.predicted:,} events came after a later one; their labels "
                f"count as known too early: --set source.sort=true reads a recorded stream in order of {source.event_time!r}"
            )
        if c.labels and not c.learnt:
            self._say(
                f"label.time: {c.predicted:,} events, and no label was known by {label.time!r} before the last of them; "
                f"compare it with {source.event_time!r}, and source.time_unit"
            )
        elif c.labels and self._worker.join.pending <= 1 and c.learnt >= _NEARLY_ALL * c.predicted:
            self._say(
                f"label.time: after {c.predicted:,} events every label was known by {label.time!r} before the next event; "
                f"compare it with {source.event_time!r}, and source.time_unit"
            )
