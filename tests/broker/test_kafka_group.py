"""A group shares partitions out: what is revoked is handed over, what is lost is fenced."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka_helpers import batches, child, committed, eventually, produce, values

from streamnn.errors import SourceError
from streamnn_connectors.kafka import (
    Change,
    Fenced,
    KafkaPartition,
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Offset,
    Place,
)

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]
Name = Callable[[str], str]


class Member:
    """Keeps open what it is assigned; hands over at once, unless told not to."""

    def __init__(self, source: KafkaSource, hands_over: bool = True):
        self.source = source
        self.open: dict[str, KafkaPartition] = {}
        self.seen: list[Change] = []
        self.hands_over = hands_over

    def step(self) -> Member:
        for change in self.source.changes():
            self.seen.append(change)
            for partition in change.partitions:
                if change.kind == "assigned":
                    self.open[partition] = self.source.open(partition)
                elif (change.kind == "lost" or self.hands_over) and partition in self.open:
                    self.open.pop(partition).close()
            if change.kind == "revoked" and self.hands_over:
                self.source.release(change.partitions)
        return self


def test_partitions_are_shared_out_and_handed_over(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, group = topic(partitions=4), name("group")
    for p in range(4):
        produce(settings, events, [b'{"x":1}'] * 5, partition=p)
    first = Member(closing(KafkaSource(settings, events, group, managed=True)))
    eventually(lambda: len(first.step().open) == 4)
    # one join: a join that is begun anew again and again would have many generations
    assert first.open["0"].membership().generation_id <= 3
    for partition in first.open.values():
        batches(partition, 5)
    kept_before = dict(first.open)
    second = Member(closing(KafkaSource(settings, events, group, managed=True)))
    eventually(lambda: (len(first.step().open), len(second.step().open)) == (2, 2))
    assert sorted([*first.open, *second.open]) == ["0", "1", "2", "3"]
    assert [c.kind for c in first.seen] == ["assigned", "revoked"]
    assert sorted(first.source.partitions()) == sorted(first.open)
    # what stays goes on where it was, what moved begins where its new owner opened it
    for p, partition in first.open.items():
        assert partition is kept_before[p]
    produce(settings, events, [b'{"x":2}'], partition=int(next(iter(first.open))))
    assert len(batches(next(iter(first.open.values())), 1)) == 1
    batches(next(iter(second.open.values())), 5)
    moved = next(p for p in kept_before if p not in first.open)
    with pytest.raises(Fenced):
        kept_before[moved].membership()
    second.source.close()
    eventually(lambda: len(first.step().open) == 4)


def test_a_partition_not_handed_over_in_time_is_lost(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, group = topic(partitions=2), name("group")
    options: dict[str, Any] = {"managed": True, "revoke_timeout_s": 1.5}
    first = Member(closing(KafkaSource(settings, events, group, **options)), hands_over=False)
    eventually(lambda: len(first.step().open) == 2)
    second = Member(closing(KafkaSource(settings, events, group, **options)))

    def revoked() -> list[Change]:
        second.step()
        return [c for c in first.step().seen if c.kind == "revoked"]

    (change,) = eventually(revoked)
    (moving,) = change.partitions
    # until the deadline it is ours, and the next owner does not have it
    partition = first.open[moving]
    assert 0 < change.deadline_s - time.monotonic() <= 1.5
    assert partition.membership().generation_id > 0 and second.step().open == {}
    batch = partition.next_batch(10)
    assert batch is not None and not len(batch.position)
    eventually(lambda: [c for c in first.step().seen if c.kind == "lost"])
    with pytest.raises(Fenced, match="did not give it up in time"):
        partition.membership()
    assert time.monotonic() >= change.deadline_s
    eventually(lambda: moving in second.step().open)


def test_a_long_step_keeps_its_partitions(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events = topic()
    member = Member(
        closing(KafkaSource(settings, events, name("group"), managed=True, session_timeout_s=1.5))
    )
    eventually(lambda: member.step().open)
    before = member.open["0"].membership()
    time.sleep(4)
    assert member.open["0"].membership() == before and member.source.changes() == []


def test_a_stale_generation_is_fenced(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, group = topic(partitions=2), name("group")
    produce(settings, events, [b'{"x":1}'] * 3)
    first = Member(closing(KafkaSource(settings, events, group, managed=True)))
    eventually(lambda: len(first.step().open) == 2)
    stale = first.open["0"].membership()
    output = closing(KafkaTransaction(settings, name("id")))
    output.begin()
    second = Member(closing(KafkaSource(settings, events, group, managed=True)))
    eventually(lambda: first.step() and second.step().open)
    with pytest.raises(Fenced):
        output.commit({Place(events, 0): Offset(3)}, stale)
    assert committed(settings, group, events) is None


def test_a_zombie_is_fenced(settings: KafkaSettings, topic: Make, name: Name, closing: Close) -> None:
    events, outputs, group = topic("in"), topic("out"), name("group")
    produce(settings, events, [b'{"x":%d}' % i for i in range(10)])
    with child(settings, events, outputs, group, name("child"), "member") as (process, ask):
        assert ask("send") == "sent 10"
        os.kill(process.pid, signal.SIGSTOP)
        member = Member(closing(KafkaSource(settings, events, group, managed=True)))
        eventually(lambda: member.step().open)
        (batch,) = batches(member.open["0"], 10)
        # an id of its own, so that nothing but the group stands between the zombie and its commit
        output = closing(KafkaTransaction(settings, name("id")))
        output.begin()
        output.send(outputs, [b"new %d" % p for p in batch.position], partition=0)
        output.commit({Place(events, 0): Offset(10)}, member.open["0"].membership())
        os.kill(process.pid, signal.SIGCONT)
        assert ask("commit") == "Fenced"
    assert committed(settings, group, events) == Offset(10)
    found = eventually(lambda: values(settings, outputs))
    assert found == [b"new %d" % i for i in range(10)]


def test_only_what_is_assigned_can_be_opened(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    events, group = topic(), name("group")
    first = Member(closing(KafkaSource(settings, events, group, managed=True)))
    eventually(lambda: first.step().open)
    idle = closing(KafkaSource(settings, events, group, managed=True))
    assert idle.partitions() == []
    with pytest.raises(SourceError, match="not assigned to this member"):
        idle.open("0")
