"""Dead letters in a topic: whole again however they were cut and spread, and sent again once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kafka_helpers import batches, produce, read

from streamnn.errors import SourceError
from streamnn_connectors import BadRecord
from streamnn_connectors.kafka import (
    DeadLetters,
    KafkaAdmin,
    KafkaSettings,
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
        lambda b: bool(b.original.value), change=lambda m: m if m.key == b"k3" else type(m)(
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


def write(settings: KafkaSettings, identity: str, messages: list[Message]) -> None:
    output = KafkaTransaction(settings, identity)
    output.begin()
    for message in messages:
        output.send_message(message)
    output.commit()
    output.close()


def letters(dead: str, count: int, first: int = 0, **options: Any) -> list[Message]:
    out = []
    for i in range(first, first + count):
        bad = BadRecord(i, "malformed JSON", "schema" if i % 2 else "decode", b"{%d" % i)
        out += dead_letter_messages(bad, Place("gone", 0), Offset(i), dead, None, **options)
    return out


def test_parts_are_put_together_wherever_they_are(settings: KafkaSettings, topic: Make, name: Name) -> None:
    from dataclasses import replace

    dead = topic("dead", partitions=3)
    raw = bytes(range(256)) * 40
    bad = BadRecord(5, "no JSON", "decode", raw)
    # a record whose headers bear our names
    hostile = Message(
        "in", 0, 5, b"k", raw, (("streamnn-parts", b"99"), ("streamnn-reason", b"none"), ("a", b""))
    )
    parts = dead_letter_messages(bad, Place("in", 0), Offset(5), dead, hostile, largest=3000)
    assert len(parts) == 4
    write(settings, name("id"), [replace(m, partition=(2, 0, 1, 0)[i]) for i, m in enumerate(parts)])
    produce(settings, dead, [b"no letter"])
    (letter,) = DeadLetters(settings, dead)
    assert letter.original.value == raw and letter.original.headers == hostile.headers
    assert (letter.reason, letter.where, letter.original.key) == ("no JSON", "in/0/5", b"k")


def test_a_replay_with_a_name_sends_nothing_twice(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, target, group = topic("dead"), topic("target"), name("group")
    write(settings, name("id"), letters(dead, 10))
    box = DeadLetters(settings, dead)
    commit, calls = KafkaTransaction.commit, 0

    def fails(self: KafkaTransaction, *args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("killed")
        commit(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(KafkaTransaction, "commit", fails)
        with pytest.raises(RuntimeError, match="killed"):
            box.replay(topic=target, group=group, batch=2)
    assert box.replay(topic=target, group=group, batch=2) == 6
    assert box.replay(topic=target, group=group) == 0
    write(settings, name("id"), letters(dead, 4, 10))
    admin.delete_before(dead, 0, admin_end(settings, dead) - 2)
    assert box.replay(topic=target, group=group) == 1  # the others retention has taken
    sent = [m.value for m in read(settings, target)]
    assert sent == [b"{%d" % i for i in [*range(10), 13]]
    assert [m.header("streamnn-replayed") for m in read(settings, target)][:2] == [b"gone/0/0", b"gone/0/1"]
    # one of some letters has a place of its own, and one without a name begins anew
    other = name("other")
    assert box.replay(lambda b: b.stage == "schema", target, group=other) == 1
    assert box.replay(lambda b: b.stage == "schema", target, group=other) == 0
    assert box.replay(topic=target) == 1


def admin_end(settings: KafkaSettings, topic: str) -> int:
    from streamnn_connectors.kafka import KafkaOffsets

    with KafkaOffsets(settings, "look") as offsets:
        return offsets.end([Place(topic, 0)])[Place(topic, 0)]
