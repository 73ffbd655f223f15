"""Recorded streams fed into topics: in time, once each, and on from where a feed was stopped or killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from kafka_helpers import batches, produce, read

from streamnn.errors import SinkError, SpecError
from streamnn_connectors import MemorySource
from streamnn_connectors.kafka import (
    FeedColumns,
    FeedPace,
    Fenced,
    KafkaFeed,
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Message,
)

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]

ROWS: list[Any] = [
    {"t": 0.0, "x": 1, "y": "a", "known": 5.0},
    {"t": 1.0, "x": 2, "y": "b", "known": 1.5},
    {3: 1},
    {"t": 4.0, "x": 3, "y": None, "known": 4.5},
    {"t": 6.0, "x": 4, "y": "d", "known": 100.0},
]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def test_feeding_in_time_with_labels_when_they_are_known(
    settings: KafkaSettings, topic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, labels = topic("events", partitions=3), topic("labels", partitions=3)
    clock = Clock()
    feed = KafkaFeed(
        settings, events, labels, FeedColumns("y", event_time="t", label_time="known"),
        FeedPace(rate=2.0, unit_ms=1000.0), clock=clock, sleep=clock.sleep,
    )  # fmt: skip
    log: list[tuple[str, str | None, float]] = []
    seen: list[int] = []
    send, commit = KafkaTransaction.send_message, KafkaTransaction.commit

    def record(self: KafkaTransaction, m: Message) -> None:
        log.append((m.topic, None if m.key is None else m.key.decode(), clock.now))
        send(self, m)

    def count(self: KafkaTransaction, *args: Any) -> None:
        seen.append(len(log))
        commit(self, *args)

    monkeypatch.setattr(KafkaTransaction, "send_message", record)
    monkeypatch.setattr(KafkaTransaction, "commit", count)
    fed = feed.run(MemorySource(ROWS, "m"))
    assert (fed.events, fed.labels, fed.bad, fed.before) == (4, 3, 1, 0)
    e, lab = events, labels
    assert log == [
        (e, "m-0", 0.0), (e, "m-1", 0.5), (e, None, 0.5), (lab, "m-1", 0.75), (e, "m-3", 2.0), (lab, "m-0", 2.5),
        (e, "m-4", 3.0), (lab, "m-4", 50.0),
    ]  # fmt: skip
    # what is due is seen before there is a long wait
    assert max(clock.slept) <= 1.0 and seen == [1, 3, 4, 5, 6, 7, 8]
    where: dict[str, dict[bytes | None, int]] = {}
    for t in (events, labels):
        where[t] = {m.key: p for p in range(3) for m in read(settings, t, p)}
    assert all(where[events][key] == p for key, p in where[labels].items())
    found = {m.key: m for p in range(3) for m in read(settings, events, p) if m.key}
    assert json.loads(found[b"m-0"].value or b"") == {"key": "m-0", "t": 0.0, "x": 1.0}
    assert [found[b"m-%d" % i].timestamp_ms for i in (0, 1, 3, 4)] == [0, 1000, 4000, 6000]
    (label,) = [m.value for p in range(3) for m in read(settings, labels, p) if m.key == b"m-0"]
    assert json.loads(label or b"") == {"key": "m-0", "y": "a", "time": 5.0}


TABLE = pa.table({"id": [f"k{i}" for i in range(3000)], "x": np.arange(3000.0), "y": np.arange(3000) % 3 - 1})


def test_as_fast_as_possible_and_on_from_any_place(
    settings: KafkaSettings, topic: Make, closing: Close
) -> None:
    events, labels = topic("events"), topic("labels")

    def feed(delay_events: int = 10, **options: Any) -> KafkaFeed:
        columns = FeedColumns("y", delay_events=delay_events, key="id", missing=(-1,), leave_out=("t",))
        return KafkaFeed(settings, events, labels, columns, compression="gzip", **options)

    fed = feed().run(MemorySource(TABLE, "t"), limit=2000)
    # of every three labels one is never known
    assert (fed.events, fed.labels) == (2000, 1326)
    source = closing(KafkaSource(settings, events, until_end=True))
    assert batches(source.open("0"), 2000)[0].rows.slice(0, 1).to_pylist() == [
        {"key": "k0", "id": "k0", "x": 0.0}
    ]
    first = read(settings, labels)[0]
    assert (first.key, json.loads(first.value or b"")) == (b"k1", {"key": "k1", "y": 0, "time": 11.0})
    # somebody else's feed of the same topic does not begin
    with pytest.raises(SpecError, match="is not empty, and not known to be fed with other like this"):
        feed(name="other").run(MemorySource(TABLE, "t"))
    with pytest.raises(SpecError, match="is not empty"):
        feed(delay_events=11).run(MemorySource(TABLE, "t"))
    # the same goes on, once fenced and once stopped in the middle
    commit, calls = KafkaTransaction.commit, 0

    def fenced(self: KafkaTransaction, *args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            KafkaTransaction(settings, self.transactional_id).close()
        commit(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KafkaTransaction, "commit", fenced)
        with pytest.raises(Fenced):
            feed().run(MemorySource(TABLE, "t"))
    halted = feed()
    add = halted._add
    halted._add = lambda step, output: (add(step, output), step.key == "k2500" and halted.stop())
    assert halted.run(MemorySource(TABLE, "t")).before == 3326
    rest = feed().run(MemorySource(TABLE, "t"))
    assert rest.before == 3326 + halted.fed.messages > 3326
    again = feed().run(MemorySource(TABLE, "t"))
    assert (again.before, again.messages) == (5000, 0)
    assert [m.key for m in read(settings, events)] == [b"k%d" % i for i in range(3000)]
    assert [m.key for m in read(settings, labels)] == [b"k%d" % i for i in range(3000) if i % 3]
    assert feed(name="other", append=True).run(MemorySource(TABLE, "t"), limit=5).events == 5


def test_mistakes_are_named(settings: KafkaSettings, topic: Make) -> None:
    events, labels = topic("events"), topic("labels", max_message_bytes=2000)
    with pytest.raises(SpecError, match=r"1 partitions, .* 2: the label"):
        KafkaFeed(settings, events, topic("few", partitions=2), FeedColumns("y"))
    with pytest.raises(SpecError, match="need event_time"):
        KafkaFeed(settings, events, labels, FeedColumns("y"), FeedPace(rate=1.0))
    with pytest.raises(SpecError, match="two paces"):
        KafkaFeed(
            settings, events, labels, FeedColumns("y", event_time="t"), FeedPace(rate=1.0, events_per_s=1)
        )
    with pytest.raises(SpecError, match="no column 'nope'"):
        KafkaFeed(settings, events, labels, FeedColumns("y", event_time="nope")).run(MemorySource(TABLE))
    long = MemorySource([{"x": "a"}, {"x": "b" * 3000}], "m")
    with pytest.raises(SinkError, match=r"event m-1 has 30\d\d bytes, topic .* takes 1800"):
        KafkaFeed(settings, labels, labels, FeedColumns("y")).run(long)
    produce(settings, events, [b"1"])
    with pytest.raises(SpecError, match="is not empty"):
        KafkaFeed(settings, events, events, FeedColumns()).run(MemorySource(TABLE, "t"))
