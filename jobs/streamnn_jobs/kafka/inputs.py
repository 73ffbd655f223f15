"""Events and labels of one partition as one sequence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streamnn_connectors.base import Batch

from ..run.joined_worker import EVENT, LABEL
from .stream import Stream

Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Times of events and of labels, in the order of each, to a sequence of EVENT and LABEL."""
OLDER_WAIT_S = 0.05
"""How long one input is waited for, when there may be older records in it than the other has."""
BACKLOG_S = 5.0
"""The same for what was there at the start: without it a backlog of events would be learnt long before its labels."""


@dataclass(slots=True)
class Piece:
    """Some records, and the order in which those of the two inputs met (none where there is one input)."""

    events: Batch | None
    labels: Batch | None
    order: np.ndarray | None
    records: int


def by_time(events: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Records in the order of the times of their messages, never turning around those of one input; an event comes
    before a label of the same time.

    Examples
    --------
    >>> by_time(np.array([10, 30, 20]), np.array([10, 25])).tolist()
    [0, 1, 1, 0, 0]
    """
    both = np.concatenate([np.maximum.accumulate(events), np.maximum.accumulate(labels)])
    return (np.argsort(both, kind="stable") >= len(events)).astype(np.int8)


class Inputs:
    """What a partition's learner reads.

    Parameters
    ----------
    events : Stream
    labels : Stream or None
    policy : callable
        How a live job merges; whatever it says is written down and replayed.
    clock : callable
        Seconds that only go up.
    """

    def __init__(
        self,
        events: Stream,
        labels: Stream | None = None,
        policy: Policy = by_time,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.events, self.labels = events, labels
        self._policy = policy
        self._clock = clock
        self._waits: dict[int, tuple[tuple[int, int], float]] = {}

    @property
    def streams(self) -> list[Stream]:
        """Events, and labels where there are any."""
        return [self.events] if self.labels is None else [self.events, self.labels]

    @property
    def next(self) -> list[int]:
        """Position of the next record of each."""
        return [stream.next for stream in self.streams]

    @property
    def ended(self) -> bool:
        """Whether all were read to their end."""
        return all(stream.ended and not len(stream) for stream in self.streams)

    def take(self, limit: int) -> Piece | None:
        """At most `limit` records that are there now; None when there are none."""
        n = self.events.fill()
        if self.labels is None:
            return self._one(min(n, limit)) if n else None
        m = self.labels.fill()
        if n and m:
            order = self._policy(self.events.times(), self.labels.times())
            # beyond the last record of either, one not read yet may come first
            last = min(np.flatnonzero(order == kind)[-1] for kind in (EVENT, LABEL)) + 1
            return self._both(order[: min(last, limit)])
        if n and not self._may_come(self.labels):
            return self._both(np.full(min(n, limit), EVENT, np.int8))
        if m and not self._may_come(self.events):
            return self._both(np.full(min(m, limit), LABEL, np.int8))
        return None

    def take_before(self, position: int, limit: int) -> Piece | None:
        """Of one input: at most `limit` records before a position, that are there now."""
        self.events.fill()
        count = min(self.events.before(position), limit)
        return self._one(count) if count > 0 else None

    def take_in(self, order: np.ndarray) -> Piece | None:
        """As much of a given order as is there now."""
        assert self.labels is not None
        n, m = self.events.fill(), self.labels.fill()
        labels = np.cumsum(order)
        fits = (labels <= m) & (np.arange(1, len(order) + 1) - labels <= n)
        count = len(order) if fits.all() else int(np.argmin(fits))
        return self._both(order[:count]) if count else None

    def _one(self, count: int) -> Piece:
        return Piece(self.events.take(count), None, None, count)

    def _both(self, order: np.ndarray) -> Piece:
        assert self.labels is not None
        m = int(np.count_nonzero(order))
        n = len(order) - m
        return Piece(
            self.events.take(n) if n else None, self.labels.take(m) if m else None, order, len(order)
        )

    def _may_come(self, stream: Stream) -> bool:
        """Whether to wait a little for an input that is behind: not for ever, markers count as messages."""
        behind = stream.partition.behind
        if stream.ended or (stream.partition.lag() == 0 and not behind):
            return False
        # in a backlog, a log that grows is no news
        now, state = self._clock(), (stream.next, -1 if behind else stream.partition.lag())
        seen, since_s = self._waits.get(id(stream), (None, now))
        if seen != state:
            since_s = now
        self._waits[id(stream)] = (state, since_s)
        return now - since_s < (BACKLOG_S if behind else OLDER_WAIT_S)
