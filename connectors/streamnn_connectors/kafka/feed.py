"""A recorded stream into topics: events as they happened, labels as they became known."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from streamnn.errors import SinkError, SpecError

from ..base import Source
from ._steps import FeedColumns, FeedSteps, Step
from .admin import KafkaAdmin
from .contract import Message, Offset, Place
from .offsets import KafkaOffsets
from .reading import read_messages
from .settings import KafkaSettings
from .takeover import take_over
from .transaction import KafkaTransaction

_LONGEST_SLEEP_S = 1.0
"""Seconds slept at once while the next message is waited for."""
_AROUND_BYTES = 200


@dataclass(slots=True)
class Fed:
    """What was sent: events, labels, bad records (as they are, among the events).

    Parameters
    ----------
    events, labels, bad : int
    before : int
        Messages that an earlier call had sent.
    """

    events: int = 0
    labels: int = 0
    bad: int = 0
    before: int = 0

    @property
    def messages(self) -> int:
        """All that were sent by this call."""
        return self.events + self.labels + self.bad


@dataclass(frozen=True, slots=True)
class FeedPace:
    """How fast a feed goes, and what the time of its messages is.

    Parameters
    ----------
    rate : float, optional
        Units of event time a second; as fast as possible without.
    events_per_s : float, optional
        This many events a second, whatever their times.
    unit_ms : float, optional
        Milliseconds a unit of event time (since 1970): messages then bear the time of the stream. Without it
        that of sending, and retention counts from there.
    latency_s : float, default 0.05
        A transaction is committed after this time (a second where there is no pace), or after 2,000 messages.
    """

    rate: float | None = None
    events_per_s: float | None = None
    unit_ms: float | None = None
    latency_s: float = 0.05


class KafkaFeed:
    """Replays a source into a topic of events and one of labels, each message once.

    An event is the row without its label, as JSON with the column ``key``; a label is ``key``, `label` and
    ``time``. Both are keyed alike and their topics must have equally many partitions, so that the partition
    of a label is that of its event. A label is sent before the first event that is later than its time, as
    a job that replays the recording learns it.

    Messages go out in transactions that also hold how far the feed has come, as the offset of a consumer
    group named after the topic and the stream: stopped or killed at any moment, the same feed goes on behind
    the last message that readers see. A second one of the same topic fences the first.

    Parameters
    ----------
    settings : KafkaSettings
    events, labels : str
        The topics; they may be one.
    columns : FeedColumns
    pace : FeedPace
    name : str, optional
        What keys begin with, the name of the source by default.
    append : bool, default False
        Write behind what others have written; otherwise the topics must be empty at the first call.
    on_commit : callable
        Told, after each transaction, what readers see.
    clock, sleep : callable
        Seconds that only go up, and waiting some of them.

    Raises
    ------
    SpecError
        When the topics differ in their partitions or hold something else, or options do not fit.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        events: str,
        labels: str,
        columns: FeedColumns,
        pace: FeedPace | None = None,
        *,
        name: str | None = None,
        append: bool = False,
        compression: str | None = None,
        on_commit: Callable[[Fed], None] = lambda fed: None,
        timeout_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        pace = pace or FeedPace()
        if columns.event_time is None and (
            pace.rate is not None or columns.label_time is not None or pace.unit_ms is not None
        ):
            raise SpecError(
                "feed: rate, unit_ms and label_time need event_time, the column with the time of events."
            )
        if pace.rate is not None and pace.events_per_s is not None:
            raise SpecError("feed: rate and events_per_s are two paces. Give one.")
        self._settings = settings
        self._topics = {"event": events, "bad": events, "label": labels}
        self._name = name
        self._columns, self._pace = columns, pace
        self._append = append
        paced = pace.rate is not None or pace.events_per_s is not None
        self._latency_s = pace.latency_s if paced else max(pace.latency_s, 1.0)
        self._on_commit = on_commit
        self._clock, self._sleep = clock, sleep
        self._began: tuple[float, float] | None = None
        self._opened_s = 0.0
        self._stop = False
        self.fed = Fed()
        self.muted = Fed()
        self.committed: Fed | None = None
        with KafkaAdmin(settings) as admin:
            count = admin.require_alike(events, labels)
            largest = [admin.limits(topic).message_bytes for topic in (events, labels)]
        self._places = [Place(t, p) for t in dict.fromkeys((events, labels)) for p in range(count)]
        self._progress = Place(events, 0)
        self._options: dict[str, Any] = {
            "timeout_s": timeout_s,
            "compression": compression,
            "message_bytes": min([1_000_000, *filter(None, largest)]) - _AROUND_BYTES,
        }

    def stop(self) -> None:
        """End after the message at hand; safe to call from a signal handler."""
        self._stop = True

    def run(self, source: Source, partition: str = "0", limit: int | None = None) -> Fed:
        """Replay a partition of `source` to its end, or `limit` records of it; on return readers see all of it.

        At the limit, labels that are not known yet are not sent: a later call with a higher one, or none, goes on.

        Raises
        ------
        SinkError
            When a message is not taken. What was committed is there; the same call goes on behind it.
        """
        name = self._name or source.info().name
        about = [name, partition, *self._columns.identity()]
        group = f"streamnn-feed-{self._progress.topic}-{zlib.crc32(json.dumps(about).encode()):08x}"
        output, found = take_over(
            self._settings,
            f"streamnn-feed-{self._progress.topic}",
            group,
            [self._progress],
            self._places,
            **self._options,
        )
        try:
            at = found[self._progress]
            if at is None and not self._append:
                self._require_empty(name)
            self.fed.before = 0 if at is None else at.offset
            with KafkaOffsets(self._settings, group) as offsets:
                member = offsets.membership()
                steps = FeedSteps(name, self._columns)
                self._send(_all(source, partition, limit, steps), output, member)
            return self.fed
        finally:
            output.close()

    def _send(self, steps: Iterator[Step], output: KafkaTransaction, member: Any) -> None:
        done = 0
        for step in steps:
            done += 1
            if done <= self.fed.before:
                _count(self.muted, step)
                continue
            if self._stop:
                done -= 1
                break
            if (wait_s := self._wait_s(step)) > 0:
                if output.is_open and wait_s > self._latency_s:
                    self._commit(output, done - 1, member)
                while not self._stop and wait_s > 0:
                    # in short steps, so that stop() is heard
                    self._sleep(min(wait_s, _LONGEST_SLEEP_S))
                    wait_s = self._wait_s(step)
            self._add(step, output)
            full = self.fed.messages % 2000 == 0
            if full or self._clock() - self._opened_s >= self._latency_s:
                self._commit(output, done, member)
        if output.is_open:
            self._commit(output, done, member)

    def _add(self, step: Step, output: KafkaTransaction) -> None:
        topic = self._topics[step.kind]
        if len(step.value) + len(step.key or "") > output.largest:
            raise SinkError(
                f"feed: {step.kind} {step.key or self.fed.messages} has {len(step.value)} bytes, topic "
                f"{topic} takes {output.largest}. Raise its max.message.bytes, or leave columns out; then "
                "start again."
            )
        if not output.is_open:
            output.begin()
            self._opened_s = self._clock()
        key = None if step.key is None else step.key.encode("utf-8", "surrogatepass")
        stamp = -1 if self._pace.unit_ms is None or step.at is None else int(step.at * self._pace.unit_ms)
        output.send_message(Message(topic, -1, -1, key, step.value, (), stamp))
        _count(self.fed, step)

    def _commit(self, output: KafkaTransaction, done: int, member: Any) -> None:
        output.commit({self._progress: Offset(done)}, member)
        self.committed = replace(self.fed)
        self._on_commit(self.committed)

    def _wait_s(self, step: Step) -> float:
        """How long until a message is due."""
        if self._pace.rate is not None and step.at is not None:
            at = step.at / self._pace.rate
        elif self._pace.events_per_s is not None:
            at = self.fed.events / self._pace.events_per_s
        else:
            return 0.0
        if self._began is None:
            self._began = (at, self._clock())
        return self._began[1] + at - self._began[0] - self._clock()

    def _require_empty(self, name: str) -> None:
        for place in self._places:
            if next(read_messages(self._settings, [place]), None) is not None:
                raise SpecError(
                    f"feed: topic {place.topic} is not empty, and not known to be fed with {name} like this. "
                    "Name other topics, delete this one, or append to it."
                )


def _count(fed: Fed, step: Step) -> None:
    if step.kind == "event":
        fed.events += 1
    elif step.kind == "label":
        fed.labels += 1
    else:
        fed.bad += 1


def _all(source: Source, partition: str, limit: int | None, steps: FeedSteps) -> Iterator[Step]:
    opened = source.open(partition)
    left = limit
    try:
        while left != 0:
            batch = opened.next_batch(1000 if left is None else min(1000, left))
            if batch is None:
                yield from steps.rest()
                return
            yield from steps.batch(batch)
            if left is not None:
                left -= len(batch.position) + len(batch.bad)
    finally:
        opened.close()
