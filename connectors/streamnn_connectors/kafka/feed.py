"""A recorded stream into topics: events as they happened, labels as they became known."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamnn.errors import SinkError, SpecError

from .._columns import column_rows
from ..base import Batch, Source
from ._client import close_producer, in_our_words, make_producer, words
from .admin import KafkaAdmin
from .encoding import json_lines
from .settings import KafkaSettings

_PATIENCE_S = 1.0
KEY = "key"


@dataclass(slots=True)
class Fed:
    """What was sent: events, labels, bad records (as they are, among the events)."""

    events: int = 0
    labels: int = 0
    bad: int = 0


class KafkaFeed:
    """Replays a source into a topic of events and one of labels.

    An event is the row without its label, as JSON with the column ``key``; a label is ``key``, `label` and
    ``time``. Both are keyed alike and their topics must have equally many partitions, so that the partition
    of a label is that of its event. A label is sent before the first event that is later than its time, as
    a job that replays the recording learns it.

    Parameters
    ----------
    settings : KafkaSettings
    events, labels : str
        The topics.
    label : str
        Column with the label; rows without one have no label message.
    event_time : str, optional
        Column with the time of events: needed to feed in time, or labels by time.
    label_time : str, optional
        Column with the time at which the label is known.
    delay_events : int, default 0
        Where there are no label times: how many events later it is known; 0 is right after its event.
    key : str, optional
        Column with the key; otherwise it is the name of the source and the position.
    rate : float, optional
        Units of event time a second; as fast as possible without.
    clock, sleep : callable
        Seconds that only go up, and waiting some of them.

    Raises
    ------
    SpecError
        When the topics differ in their partitions, or a column that is needed is not named.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        events: str,
        labels: str,
        label: str,
        *,
        event_time: str | None = None,
        label_time: str | None = None,
        delay_events: int = 0,
        key: str | None = None,
        rate: float | None = None,
        compression: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        if event_time is None and (rate is not None or label_time is not None):
            raise SpecError("feed: rate and label_time need event_time, the column with the time of events.")
        with KafkaAdmin(settings) as admin:
            admin.require_alike(events, labels)
        self._settings = settings
        self._events, self._labels, self._label = events, labels, label
        self._event_time, self._label_time, self._key = event_time, label_time, key
        self._delay = delay_events
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._due: list[tuple[float, int, str, Any]] = []
        self._began: tuple[float, float] | None = None
        self._now = -np.inf
        self._failure: BaseException | None = None
        self._stop = False
        self.fed = Fed()
        self._producer = make_producer(
            settings, compression_type=compression, linger_ms=5, batch_size=1 << 17
        )

    def stop(self) -> None:
        """End after the row at hand; safe to call from a signal handler."""
        self._stop = True

    def run(self, source: Source, partition: str = "0", limit: int | None = None) -> Fed:
        """Replay a partition of `source` to its end, or `limit` records of it; on return all is sent.

        Raises
        ------
        SinkError
            When a message is not taken.
        """
        opened = source.open(partition)
        name = source.info().name
        left = limit
        try:
            while not self._stop and left != 0:
                batch = opened.next_batch(1000 if left is None else min(1000, left))
                if batch is None:
                    break
                self._batch(batch, name)
                if left is not None:
                    left -= len(batch.position) + len(batch.bad)
            if not self._stop:
                self._labels_until(np.inf)
            with in_our_words(self._settings, SinkError):
                self._producer.flush(60)
            self._check()
            return self.fed
        finally:
            opened.close()

    def close(self) -> None:
        """Give up the producer. Safe to call twice."""
        close_producer(self._producer)

    def _batch(self, batch: Batch, name: str) -> None:
        rows = batch.rows
        columns = dict(zip(rows.schema.names, (c.to_pylist() for c in rows.columns), strict=True))
        labels = columns.pop(self._label, [None] * len(batch.position))
        known = columns.pop(self._label_time, None) if self._label_time else None
        times = columns.get(self._event_time) if self._event_time else None
        if self._event_time and times is None and len(batch.position):
            raise SpecError(f"feed: the source has no column {self._event_time!r}. Name one that it has.")
        if self._key is not None:
            keys = [str(k) for k in columns.get(self._key, batch.position.tolist())]
        else:
            keys = [f"{name}-{p}" for p in batch.position.tolist()]
        values = json_lines(column_rows({KEY: keys} | {n: c for n, c in columns.items() if n != KEY}))
        bad = list(batch.bad)
        for i, position in enumerate(batch.position.tolist()):
            while bad and bad[0].position < position:
                self._send(self._events, None, bad.pop(0).raw)
                self.fed.bad += 1
            if self._stop:
                return
            if times is not None and times[i] is not None:
                self._now = max(self._now, float(times[i]))
            self._labels_until(self._now if known is not None else float(self.fed.events))
            self._wait(self._now)
            self._send(self._events, keys[i], values[i])
            self.fed.events += 1
            if labels[i] is not None and labels[i] == labels[i]:
                at = float(self.fed.events - 1 + self._delay) if known is None else known[i]
                if at is not None and at == at:
                    heapq.heappush(self._due, (float(at), self.fed.events, keys[i], labels[i]))
        for record in bad:
            self._send(self._events, None, record.raw)
            self.fed.bad += 1
        self._check()

    def _labels_until(self, now: float) -> None:
        """Send the labels known before `now`."""
        while self._due and not self._stop and self._due[0][0] < now:
            at, _, key, value = heapq.heappop(self._due)
            if self._label_time is not None:
                self._wait(at)
            self._send(self._labels, key, json_lines([{KEY: key, self._label: value, "time": at}])[0])
            self.fed.labels += 1

    def _wait(self, at: float) -> None:
        """Until the clock has come to a time of the stream."""
        if self._rate is None or not np.isfinite(at):
            return
        if self._began is None:
            self._began = (at, self._clock())
        due_s = self._began[1] + (at - self._began[0]) / self._rate
        while not self._stop and (left_s := due_s - self._clock()) > 0:
            # in short steps, so that stop() is heard
            self._sleep(min(left_s, _PATIENCE_S))

    def _send(self, topic: str, key: str | None, value: bytes) -> None:
        with in_our_words(self._settings, SinkError):
            future = self._producer.send(
                topic, value, None if key is None else key.encode("utf-8", "surrogatepass")
            )
        future.add_errback(self._failed)

    def _failed(self, error: BaseException) -> None:
        self._failure = error

    def _check(self) -> None:
        if self._failure is not None:
            raise SinkError(f"feed: a message was not taken: {words(self._failure)}. Nothing more was sent.")
