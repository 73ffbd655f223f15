"""Topics as sinks without transactions, and dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kafka_helpers import batches, produce, read, values

from streamnn.errors import SinkError, SourceError
from streamnn_connectors import BadRecord, Sink, check_sink
from streamnn_connectors.kafka import (
    DeadLetters,
    Encoding,
    KafkaSettings,
    KafkaSink,
    KafkaSource,
    KafkaTransaction,
    Message,
    Offset,
    Place,
    dead_letter_messages,
)

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]
Name = Callable[[str], str]


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(rows=10), Encoding("arrow", rows=10)])
def test_at_least_once_keeps_the_contract_beside_other_writers(
    settings: KafkaSettings, topic: Make, encoding: Encoding
) -> None:
    where = topic()

    def make() -> Sink:
        produce(
            settings,
            where,
            [b"somebody else"] * 3,
            headers=[("streamnn-source", b"other/0"), ("streamnn-position", b"99")],
        )
        return KafkaSink(settings, where, source="events/0", encoding=encoding)

    check_sink(make)
    ours = [m for m in read(settings, where) if m.header("streamnn-source") == b"events/0"]
    assert [m.header("streamnn-position") for m in ours][-1] == b"9"


def test_rows_of_any_shape_are_written_in_order(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic()
    sink = closing(KafkaSink(settings, where))
    sink.write([{"position": 0, "a": 1}, {"position": 1, "b": [1, {"c": None}]}])
    sink.write_columns({"position": np.array([2]), "p": np.array([np.nan])})
    sink.flush(10)
    assert [json.loads(v or b"") for v in values(settings, where)] == [
        {"position": 0, "a": 1},
        {"position": 1, "b": [1, {"c": None}]},
        {"position": 2, "p": None},
    ]


def test_what_the_topic_does_not_take_is_an_error_or_counted(
    settings: KafkaSettings, topic: Make, closing: Close
) -> None:
    where = topic(max_message_bytes=1000)
    big = [{"position": 0, "s": "x" * 5000}]
    sure, plain = KafkaSink(settings, where), closing(KafkaSink(settings, where, mode="plain"))
    sure.write(big)
    with pytest.raises(SinkError, match="a message was not taken"):
        sure.flush(10)
    with pytest.raises(SinkError):
        sure.close()
    plain.write(big)
    plain.flush(10)
    assert plain.lost == 1 and plain.oversize == 0
    small = closing(KafkaSink(settings, where, encoding=Encoding(largest=500)))
    small.write(big)
    small.flush(10)
    assert small.oversize == 1 and b"the limit is 500" in (values(settings, where)[0] or b"")


def test_dead_letters_are_listed_and_replayed(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, dead = topic("events", partitions=2), topic("dead")
    huge = b'{"x":' + b"9" * 3000 + b"x}"
    produce(
        settings,
        events,
        [b"{oops", b'{"x":1}', huge, None],
        [b"k1", None, b"k3", b"k4"],
        [("trace", b"t")],
        1,
    )
    source = closing(KafkaSource(settings, events, until_end=True))
    partition = source.open("1")
    (batch,) = batches(partition, 4)
    output = closing(KafkaTransaction(settings, name("id"), message_bytes=2000))
    output.begin()
    for bad in batch.bad:
        place, offset = Place(events, 1), partition.offset({"position": bad.position})
        original = partition.original(bad.position)
        for message in dead_letter_messages(bad, place, offset, dead, original, largest=2000):
            output.send_message(message)
    output.commit()
    assert len(read(settings, dead)) == 4  # the large one in two parts
    letters = list(DeadLetters(settings, dead))
    assert [(b.reason, b.stage) for b in letters] == [(b.reason, b.stage) for b in batch.bad]
    assert [b.original.value for b in letters] == [b"{oops", huge, None]
    assert [(b.original.topic, b.original.partition, b.original.offset) for b in letters] == [
        (events, 1, 0), (events, 1, 2), (events, 1, 3)
    ]  # fmt: skip
    assert [(b.original.key, b.original.headers) for b in letters] == [
        (k, (("trace", b"t"),)) for k in (b"k1", b"k3", b"k4")
    ]
    assert all(b.original.timestamp_ms > 1_600_000_000_000 for b in letters)
    # mended and sent again, to where they came from
    sent = DeadLetters(settings, dead).replay(
        (b for b in letters if b.original.value), change=lambda m: m if m.key == b"k3" else type(m)(
            m.topic, m.partition, m.offset, m.key, b'{"x":2}', m.headers, m.timestamp_ms
        ),
    )  # fmt: skip
    assert sent == 2
    again = [m for p in (0, 1) for m in read(settings, events, p) if m.header("streamnn-replayed")]
    assert sorted((m.key, m.value) for m in again) == [(b"k1", b'{"x":2}'), (b"k3", huge)]
    assert {m.header("trace") for m in again} == {b"t"}
    with pytest.raises(SourceError, match="is not there"):
        list(DeadLetters(settings, name("none")))


def test_hostile_keys_and_headers_do_not_push_out_the_bytes(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, dead = topic("events"), topic("dead")
    produce(settings, events, [b"\xff" * 900], [b"k" * 2000], [("h", b"v" * 2000)])
    partition = closing(KafkaSource(settings, events)).open("0")
    batches(partition, 1)
    bad = BadRecord(0, "r" * 5000 + "\ud800", "decode", b"\xff" * 900)
    original = partition.original(0)
    messages = dead_letter_messages(bad, Place(events, 0), Offset(0, 7), dead, original, largest=3000)
    null = Message(events, 0, 0, None, b"x", (("h", None),))
    messages += dead_letter_messages(bad, Place(events, 0), Offset(1), dead, null)
    output = closing(KafkaTransaction(settings, name("id"), message_bytes=3000))
    output.begin()
    for message in messages:
        output.send_message(message)
    output.commit()
    letter, other = DeadLetters(settings, dead)
    assert other.original.headers == (("h", b""),)
    assert letter.original.value == b"\xff" * 900 and letter.row == 7 and letter.original.key is None
