"""Outputs and offsets are visible together or not at all, whoever dies and whenever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka_helpers import batches, child, committed, committed_run, eventually, produce, read, values

from streamnn.errors import SinkError, SourceError, SpecError
from streamnn_connectors.kafka import (
    Fenced,
    KafkaOffsets,
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Message,
    Offset,
    Place,
    TransactionalSink,
    TransactionFailed,
    take_over,
)

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]
Name = Callable[[str], str]


def test_commit_shows_and_abort_hides(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    where = topic()
    output = closing(KafkaTransaction(settings, name("id")))
    assert isinstance(output, TransactionalSink)
    output.begin()
    output.send(where, [b"1", b"2"], partition=0)
    assert values(settings, where) == []
    output.commit()
    assert values(settings, where) == [b"1", b"2"]
    output.begin()
    output.send(where, [b"3"] * 50_000, partition=0)
    output.abort()
    output.abort()
    committed_run(output, where, [b"4"])
    assert values(settings, where) == [b"1", b"2", b"4"] and not output.is_open
    assert len(values(settings, where, isolation="read_uncommitted")) > 3


def test_keys_headers_and_tombstones_arrive(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    where = topic()
    output = closing(KafkaTransaction(settings, name("id")))
    output.begin()
    output.send(where, [b"v", None], keys=[b"a", b"b"], partition=0, headers=[("h", b"\x00")])
    output.send(where, [None, b""], partition=0)
    output.send_message(Message(where, 0, -1, b"k", b"w", (("x", b"1"), ("x", b"2")), 1234))
    output.commit()
    found = read(settings, where)
    assert [(m.key, m.value) for m in found] == [
        (b"a", b"v"),
        (b"b", None),
        (b"", None),
        (None, b""),
        (b"k", b"w"),
    ]
    assert found[1].headers == (("h", b"\x00"),) and found[4].header("x") == b"2"
    assert found[4].timestamp_ms == 1234 and found[0].timestamp_ms > 1_600_000_000_000


def test_offsets_are_committed_with_the_outputs(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, outputs, group = topic("in"), topic("out"), name("group")
    produce(settings, events, [b'{"x":%d}' % i for i in range(10)])
    partition = closing(KafkaSource(settings, events, group)).open("0")
    output = closing(KafkaTransaction(settings, name("id")))
    assert committed(settings, group, events) is None
    (batch,) = batches(partition, 4, limit=4)
    output.begin()
    output.send(outputs, [b"x"] * 4, partition=0)
    output.start_commit({Place(events, 0): partition.offset(batch.resume)}, partition.membership())
    (batch,) = batches(partition, 6)  # learning goes on meanwhile
    with pytest.raises(SinkError, match="a commit is under way"):
        output.send(outputs, [b"y"], partition=0)
    output.finish_commit()
    assert committed(settings, group, events) == Offset(4)
    output.begin()
    output.send(outputs, [b"y"], partition=0)
    output.abort()
    assert committed(settings, group, events) == Offset(4)
    # a place within a message of many rows comes back as it was
    output.begin()
    output.commit({Place(events, 0): Offset(7, 12)}, partition.membership())
    assert committed(settings, group, events) == Offset(7, 12)
    assert values(settings, outputs) == [b"x"] * 4


def test_the_newest_offset_is_read_right_after_a_commit(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, group = topic(), name("group")
    partition = closing(KafkaSource(settings, events, group)).open("0")
    output = closing(KafkaTransaction(settings, name("id")))
    with KafkaOffsets(settings, group) as offsets:
        for i in range(40):
            output.begin()
            output.send(events, [b"x"], partition=0)
            output.commit({Place(events, 0): Offset(i)}, partition.membership())
            assert offsets.committed([Place(events, 0)]) == {Place(events, 0): Offset(i)}


def test_a_second_producer_fences_the_first(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    where, identity = topic(), name("id")
    first = closing(KafkaTransaction(settings, identity))
    first.begin()
    first.send(where, [b"old"], partition=0)
    time.sleep(0.3)  # the message is with the broker
    second = closing(KafkaTransaction(settings, identity))
    committed_run(second, where, [b"new"])
    with pytest.raises(Fenced, match="somebody else has taken over"):
        first.commit()
    with pytest.raises(Fenced):
        first.begin()
    idle = closing(KafkaTransaction(settings, identity))
    with pytest.raises(Fenced):
        for _ in range(3):
            committed_run(second, where, [b"zombie"])
    committed_run(idle, where, [b"newest"])
    assert values(settings, where) == [b"new", b"newest"]


@pytest.mark.parametrize("last", ["send", "commit"])
def test_a_process_killed_inside_or_after_a_transaction(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close, last: str
) -> None:
    events, outputs, group, identity = topic("in"), topic("out"), name("group"), name("id")
    produce(settings, events, [b'{"x":%d}' % i for i in range(20)])
    with child(settings, events, outputs, group, identity, "alone") as (process, ask):
        assert [ask("send"), ask("commit"), ask("send")] == ["sent 10", "committed", "sent 10"]
        done = 10
        if last == "commit":
            assert ask("commit") == "committed"
            done = 20
        else:
            eventually(lambda: len(values(settings, outputs, isolation="read_uncommitted")) == 20)
        process.kill()
        process.wait()
    # taking over first: it ends what the dead one had open, so that the offset is known at once
    began = time.monotonic()
    output = closing(KafkaTransaction(settings, identity))
    at = committed(settings, group, events)
    assert at == Offset(done) and time.monotonic() - began < 5
    assert values(settings, outputs) == [b"%d" % i for i in range(done)]
    partition = closing(KafkaSource(settings, events, group)).open("0", {"position": at.offset})
    if done < 20:
        (batch,) = batches(partition, 10)
        output.begin()
        output.send(outputs, [b"%d" % p for p in batch.position], partition=0)
        output.commit({Place(events, 0): partition.offset(batch.resume)}, partition.membership())
    assert values(settings, outputs) == [b"%d" % i for i in range(20)]
    assert committed(settings, group, events) == Offset(20)


def test_a_message_over_the_limit_is_refused_and_the_transaction_goes_on(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    where = topic()
    output = closing(KafkaTransaction(settings, name("id"), message_bytes=1000))
    output.begin()
    with pytest.raises(SinkError, match="a message of 1001 bytes, the limit is 1000"):
        output.send(where, [b"a", b"x" * 1001], partition=0)
    output.send(where, [b"x" * 1000], partition=0)
    output.commit()
    assert values(settings, where) == [b"x" * 1000]


def test_a_message_over_the_limit_of_the_topic_fails_the_transaction(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    small, other, identity = topic("small", max_message_bytes=2000), topic("other"), name("id")
    output = closing(KafkaTransaction(settings, identity))
    output.begin()
    output.send(other, [b"fine"], partition=0)
    output.send(small, [b"x" * 5000], partition=0)
    with pytest.raises(TransactionFailed, match=r"MessageSizeTooLarge|RecordTooLarge") as caught:
        output.commit()
    assert not isinstance(caught.value, Fenced)
    output.close()
    again = closing(KafkaTransaction(settings, identity))
    committed_run(again, other, [b"later"])
    assert values(settings, other) == [b"later"] and values(settings, small) == []


def test_a_transaction_open_too_long_is_said_to_be_that(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    where = topic()
    output = closing(KafkaTransaction(settings, name("id"), open_s=1))
    output.begin()
    output.send(where, [b"1"], partition=0)
    eventually(lambda: len(values(settings, where, isolation="read_uncommitted")) == 1)
    time.sleep(3.5)
    with pytest.raises(TransactionFailed, match=r"open for \d s, the limit is 1 s"):
        output.commit()
    assert values(settings, where) == []


def test_closing_never_commits(settings: KafkaSettings, topic: Make, name: Name) -> None:
    where = topic()
    output = KafkaTransaction(settings, name("id"))
    output.begin()
    output.send(where, [b"1"] * 10, partition=0)
    output.close()
    output.close()
    assert values(settings, where) == []


def test_a_deleted_output_topic_ends_in_time(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    output = closing(KafkaTransaction(settings, name("id"), timeout_s=2))
    output.begin()
    began = time.monotonic()
    with pytest.raises(TransactionFailed):
        output.send(name("nothing"), [b"1"])
        output.commit()
    assert time.monotonic() - began < 6


def test_taking_over_reads_where_to_go_on(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, outputs, group, identity = topic("in"), topic("out"), name("group"), name("id")
    inputs, places = [Place(events, 0)], [Place(outputs, 0)]
    first, at = take_over(settings, identity, group, inputs, places)
    closing(first)
    assert at == {Place(events, 0): None}
    proof = closing(KafkaSource(settings, events, group)).open("0").membership()
    first.begin()
    first.send(outputs, [b"1"], partition=0)
    first.commit({Place(events, 0): Offset(3)}, proof)
    first.begin()
    first.send(outputs, [b"2"], partition=0)
    eventually(lambda: len(values(settings, outputs, isolation="read_uncommitted")) == 2)
    second, at = take_over(settings, identity, group, inputs, places)
    closing(second)
    assert at == {Place(events, 0): Offset(3)} and values(settings, outputs) == [b"1"]
    with pytest.raises(Fenced):
        first.commit()


def test_mistakes_are_named(settings: KafkaSettings, topic: Make, name: Name, closing: Close) -> None:
    where = topic()
    output = closing(KafkaTransaction(settings, name("id")))
    with pytest.raises(SinkError, match="no transaction is open"):
        output.send(where, [b"1"])
    with pytest.raises(SinkError, match="no commit was begun"):
        output.finish_commit()
    output.begin()
    with pytest.raises(SinkError, match="a transaction is open"):
        output.begin()
    ungrouped = closing(KafkaSource(settings, where)).open("0")
    with pytest.raises(SpecError, match="with the name of one"):
        output.commit({Place(where, 0): Offset(1)}, ungrouped.membership())
    lost = KafkaSettings(bootstrap_servers="localhost:1", connect_timeout_s=0.3)
    with pytest.raises(SinkError, match="no Kafka broker answered"):
        KafkaTransaction(lost, name("id"))
    with pytest.raises(SourceError, match="no Kafka broker answered"):
        KafkaOffsets(lost, "g")
