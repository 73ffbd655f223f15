"""What became of a transaction that somebody else left: told by the log of the coordinators, and finished as decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kafka_helpers import committed, committed_run, eventually, values

from streamnn.errors import SourceError
from streamnn_connectors.kafka import (
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Offset,
    Place,
    TransactionFailed,
    read_messages,
)
from streamnn_connectors.kafka._client import client

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]
Name = Callable[[str], str]


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("told", [True, False])
def test_a_transaction_the_brokers_forgot_is_finished_as_decided(
    settings: KafkaSettings,
    topic: Make,
    name: Name,
    closing: Close,
    commit: bool,
    told: bool,
    monkeypatch: Any,
) -> None:
    from streamnn_connectors.kafka import _decisions, takeover
    from streamnn_connectors.kafka._client import make_admin

    events, outputs, group, identity = topic("in"), topic("out"), name("group"), name("id")
    proof = closing(KafkaSource(settings, events, group)).open("0").membership()
    output = closing(KafkaTransaction(settings, identity))
    output.begin()
    output.send(outputs, [b"1"], partition=0)
    at = {client().TopicPartition(events, 0): client().OffsetAndMetadata(7, "", -1)}
    output._producer.send_offsets_to_transaction(at, proof)
    eventually(lambda: len(values(settings, outputs, isolation="read_uncommitted")) == 1)
    # open it is, but say that it was decided: that is what a forgotten one looks like
    admin = closing(make_admin(settings))
    state = admin.describe_transactions([identity])[identity]
    word = {True: "CompleteCommit", False: "CompleteAbort"}[commit] if told else "Empty"
    before = state._replace(state=client().admin.TransactionState(word))
    if not told:
        monkeypatch.setattr(_decisions, "decision", lambda *_: None)
        with pytest.raises(TransactionFailed, match="no longer know whether it was committed"):
            takeover._finish(settings, admin, identity, before, [Place(outputs, 0)])

        def refused(*_: Any) -> bool:
            raise SourceError("not for you")

        monkeypatch.setattr(_decisions, "decision", refused)
        with pytest.raises(TransactionFailed, match=r"can't be read \(not for you\)"):
            takeover._finish(settings, admin, identity, before, [Place(outputs, 0)])
        monkeypatch.setattr(_decisions, "decision", lambda *_: commit)
    takeover._finish(settings, admin, identity, before, [Place(outputs, 0)])
    assert values(settings, outputs) == ([b"1"] if commit else [])
    assert committed(settings, group, events) == (Offset(7) if commit else None)


def test_the_log_of_the_coordinators_tells_what_was_decided(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    from streamnn_connectors.kafka._client import make_admin
    from streamnn_connectors.kafka._decisions import TOPIC, decision

    where, identity = topic(), name("id")
    output = closing(KafkaTransaction(settings, identity))
    admin = closing(make_admin(settings))
    (log,) = admin.describe_topics([TOPIC])
    state = admin.describe_transactions([identity])[identity]

    def told() -> bool | None:
        return decision(settings, len(log["partitions"]), identity, state.producer_id, state.producer_epoch)

    assert told() is None
    committed_run(output, where, [b"1"])
    eventually(lambda: told() is True)
    output.begin()
    output.send(where, [b"2"], partition=0)
    eventually(lambda: len(values(settings, where, isolation="read_uncommitted")) == 2)
    output.abort()
    eventually(lambda: told() is False)


def test_the_log_of_the_coordinators_is_read_where_an_id_is_kept(
    settings: KafkaSettings, name: Name, closing: Close
) -> None:
    from streamnn_connectors.kafka._client import make_admin
    from streamnn_connectors.kafka._decisions import TOPIC, log_partition

    identities = [name("id") for _ in range(16)]
    for identity in identities:
        closing(KafkaTransaction(settings, identity))
    (log,) = closing(make_admin(settings)).describe_topics([TOPIC])
    places = [Place(TOPIC, p["partition_index"]) for p in log["partitions"]]
    kept = {
        (message.key[4:].decode(), message.partition)
        for message in read_messages(settings, places, isolation="read_uncommitted")
        if message.key
    }
    assert {(i, log_partition(i, len(places))) for i in identities} <= kept


def test_what_was_open_when_somebody_took_over_is_not_taken_for_the_one_before(
    settings: KafkaSettings, topic: Make, name: Name, closing: Close
) -> None:
    from streamnn_connectors.kafka._client import make_admin
    from streamnn_connectors.kafka._decisions import TOPIC, decision

    where, identity = topic(), name("id")
    first = closing(KafkaTransaction(settings, identity))
    admin = closing(make_admin(settings))
    (log,) = admin.describe_topics([TOPIC])
    state = admin.describe_transactions([identity])[identity]

    def told() -> bool | None:
        return decision(settings, len(log["partitions"]), identity, state.producer_id, state.producer_epoch)

    committed_run(first, where, [b"committed"])
    first.begin()
    first.send(where, [b"open"], partition=0)
    eventually(lambda: len(values(settings, where, isolation="read_uncommitted")) == 2)
    assert told() is None
    closing(KafkaTransaction(settings, identity))
    eventually(lambda: told() is False)
    assert values(settings, where) == [b"committed"]
