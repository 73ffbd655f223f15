"""The broker dies in the middle: nothing is lost, nothing comes twice, and every wait has an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from kafka_broker import PrivateBroker
from kafka_helpers import batches, eventually, produce, rows, values

from streamnn.errors import SinkError, SourceError
from streamnn_connectors.kafka import (
    KafkaAdmin,
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Offset,
    OutcomeUnknown,
    Place,
    TransactionFailed,
    take_over,
)

pytestmark = pytest.mark.slow
Close = Callable[[Any], Any]


def test_a_broker_killed_within_transactions(mortal_broker: PrivateBroker, closing: Close) -> None:
    settings = KafkaSettings(bootstrap_servers=mortal_broker.bootstrap)
    with KafkaAdmin(settings) as admin:
        admin.create("events")
        admin.create("out")
    produce(settings, "events", [b'{"x":%d}' % i for i in range(300)])
    source = closing(KafkaSource(settings, "events", "group", unreachable_s=60))
    output = KafkaTransaction(settings, "id", timeout_s=3)
    partition, at, deaths, unknown = source.open("0"), 0, 0, 0
    while at < 300:
        (batch,) = batches(partition, 20, limit=20, timeout_s=60)
        try:
            output.begin()
            output.send("out", [b"%d" % p for p in batch.position], partition=0)
            revive = None
            if at in (100, 200) and deaths < at // 100:
                deaths += 1
                mortal_broker.kill()
                # once back within the time-out, once long after it
                revive = Thread(target=lambda late=deaths == 2: (time.sleep(4 * late), mortal_broker.start()))
                revive.start()
            began = time.monotonic()
            try:
                output.commit({Place("events", 0): partition.offset(batch.resume)}, partition.membership())
            finally:
                assert time.monotonic() - began < 4
                if revive is not None:
                    revive.join()
            at = partition.offset(batch.resume).offset
        except TransactionFailed as error:
            unknown += isinstance(error, OutcomeUnknown)
            # drop, take over, read the truth, go on there
            output.close()
            partition.close()
            output, offsets = eventually(lambda: _again(settings), 60)
            found = offsets[Place("events", 0)]
            assert found is not None and found.offset in (at, at + 20)
            at = found.offset
            partition = source.open("0", {"position": at})
    output.close()
    assert deaths == 2 and unknown >= 1
    assert values(settings, "out") == [b"%d" % i for i in range(300)]


def _again(settings: KafkaSettings) -> tuple[KafkaTransaction, dict[Place, Offset | None]] | None:
    try:
        return take_over(settings, "id", "group", [Place("events", 0)], [Place("out", 0)], timeout_s=3)
    except (SinkError, SourceError):
        return None


def test_a_reader_waits_for_its_broker_and_gives_up_in_the_stated_time(
    mortal_broker: PrivateBroker, closing: Close
) -> None:
    settings = KafkaSettings(bootstrap_servers=mortal_broker.bootstrap, request_timeout_s=2)
    with KafkaAdmin(settings) as admin:
        admin.create("in", 2)
    produce(settings, "in", [b'{"x":%d}' % i for i in range(10)])
    patient = closing(KafkaSource(settings, "in", unreachable_s=60)).open("0")
    hasty = closing(KafkaSource(settings, "in", check_s=0.5, unreachable_s=3)).open("0")
    assert len(rows(batches(patient, 10))) == len(rows(batches(hasty, 10))) == 10
    mortal_broker.kill()
    began = time.monotonic()

    def gave_up() -> str:
        try:
            hasty.next_batch(1)
        except SourceError as error:
            return str(error)
        return ""

    assert "out of reach for" in eventually(gave_up, 20)
    assert 2.5 < time.monotonic() - began < 12
    batch = patient.next_batch(10)
    assert batch is not None and not len(batch.position)
    mortal_broker.start()
    produce(settings, "in", [b'{"x":10}'])
    assert rows(batches(patient, 1)) == [{"x": 10.0}]
