"""Messages to records: frames of a schema registry, Avro and JSON by their schemas, envelopes."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_server import RegistryServer, registry_server

from streamnn.errors import SourceError, SpecError
from streamnn_connectors._faults import Fault
from streamnn_connectors.kafka import RegistrySettings, SchemaRegistry
from streamnn_connectors.kafka._door import Door, frame_number
from streamnn_connectors.kafka._fields import MessageFields
from streamnn_connectors.kafka._json_values import JsonValues, Tombstones
from streamnn_connectors.kafka._partition import KafkaPartition
from streamnn_connectors.kafka._slots import Slot
from streamnn_connectors.kafka._unwrap import Unwrap
from streamnn_connectors.kafka.registry import RegistryDown
from streamnn_connectors.table import Table

fastavro = pytest.importorskip("fastavro", reason="needs fastavro: pip install 'streamnn[kafka]'")
ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "long"}, {"name": "a", "type": ["null", "double"]}],
}


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    with registry_server() as running:
        yield running


def frame(number: int, payload: bytes) -> bytes:
    return b"\0" + number.to_bytes(4) + payload


def avro(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def door(server: RegistryServer | None = None, *unwrap: str) -> Door:
    settings = None if server is None else RegistrySettings(url=server.url)
    return Door(unwrap, settings and SchemaRegistry(settings), 100_000)


def decode(
    values: list[bytes], opened: Door, tombstones: Tombstones = "bad"
) -> tuple[list[Any], list[int], Any]:
    decoder = JsonValues(Table(), 100_000, 50, door=opened, tombstones=tombstones)
    rows, position, bad = decoder.decode(values, np.arange(len(values)) * 10)
    return rows.to_pylist(), position.tolist(), bad


# frames


def test_a_frame_without_a_registry_is_named() -> None:
    good = b'{"id": 1}'
    rows, position, bad = decode([good, frame(42, good), good], door())
    assert rows == [{"id": 1}, {"id": 1}] and position == [0, 20]
    assert "frame with schema 42" in bad[0].reason and "kafka.registry.url" in bad[0].reason
    assert (bad[0].position, bad[0].raw) == (10, frame(42, good))


def test_avro_and_json_are_read_by_their_schemas_and_asked_for_once(registry: RegistryServer) -> None:
    registry.avro(7, ORDER)
    registry.numbers[8] = {"schema": "{}", "schemaType": "JSON"}
    wide = 3_141_592_653_589_793_238
    values = [frame(7, avro(ORDER, {"id": wide + i, "a": None if i == 1 else 0.5})) for i in range(3)]
    values += [frame(8, json.dumps({"id": wide + 9, "a": 1.5}).encode()), b'{"id": 5, "a": 2.5}']
    opened = door(registry)
    for _ in range(2):
        rows = [opened.open(value) for value in values]
        assert [row and row["id"] for row in rows] == [wide, wide + 1, wide + 2, wide + 9, 5]
        assert [row and row["a"] for row in rows] == [0.5, None, 0.5, 1.5, 2.5]
    assert len(registry.asked) == 2


def test_schemas_are_kept_up_to_a_limit(registry: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("registry", "_door"):
        monkeypatch.setattr(f"streamnn_connectors.kafka.{module}.MOST_SCHEMAS", 3)
    registry.avro(7, ORDER)
    asked = SchemaRegistry(RegistrySettings(url=registry.url))
    opened = Door((), asked, 1000)
    for number in range(100, 120):
        with pytest.raises(Fault, match="does not have"):
            opened.open(frame(number, b""))
        assert opened.open(frame(7, avro(ORDER, {"id": number, "a": None}))) == {"id": number, "a": None}
    assert len(asked._schemas) <= 3 and len(opened._readers) <= 3


def test_what_can_not_be_read_says_why(registry: RegistryServer) -> None:
    registry.avro(7, ORDER)
    registry.avro(9, "string")
    registry.avro(10, {"type": "nonsense"})
    registry.numbers[42] = {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"}
    whole = avro(ORDER, {"id": 300, "a": 1.0})
    for value, words in [
        (frame(42, b"\x08\x01"), "schema 42 of type PROTOBUF, which is not decoded"),
        (frame(43, b""), f"schema 43, which {registry.url} does not have"),
        (frame(7, whole[:-3]), "does not fit its Avro schema"),
        (frame(7, whole + b"x"), "1 bytes too many"),
        (frame(9, b"\x02a"), "the Avro schema must be a record"),
        (frame(10, b""), "an Avro schema that can't be used"),
    ]:
        with pytest.raises(Fault, match=words):
            door(registry).open(value)


@given(st.binary(max_size=40))
def test_damaged_frames_never_crash(payload: bytes) -> None:
    with registry_server() as registry:
        registry.avro(7, ORDER)
        try:
            row = door(registry).open(frame(7, payload))
        except Fault:
            return
        assert row is not None and set(row) == {"id", "a"}


def test_logical_types_and_references(registry: RegistryServer) -> None:
    place = {"type": "record", "name": "Place", "fields": [{"name": "city", "type": "string"}]}
    kinds = {
        "at": {"type": "long", "logicalType": "timestamp-millis"},
        "micro": {"type": "long", "logicalType": "timestamp-micros"},
        "day": {"type": "int", "logicalType": "date"},
        "noon": {"type": "int", "logicalType": "time-millis"},
        "price": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2},
        "whole": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 0},
        "who": {"type": "string", "logicalType": "uuid"},
        "how": {"type": "enum", "name": "How", "symbols": ["CARD", "CASH"]},
        "raw": "bytes",
        "tags": {"type": "map", "values": "int"},
        "x": {"type": "array", "items": "double"},
        "place": "Place",
    }
    schema = {"type": "record", "name": "All", "fields": [{"name": n, "type": t} for n, t in kinds.items()]}
    registry.avro(3, schema, (("place-value", place),))
    when = dt.datetime(2025, 2, 3, 10, 0, 0, 250_000, tzinfo=dt.UTC)
    who = uuid.uuid4()
    record = {
        "at": when, "micro": when, "day": dt.date(2025, 2, 3), "noon": dt.time(12, 0, 1),
        "price": decimal.Decimal("2.50"), "whole": decimal.Decimal(2**62 + 1), "who": who, "how": "CARD",
        "raw": b"x", "tags": {"n": 3}, "x": [0.5, 1.5], "place": {"city": "Ulm"},
    }  # fmt: skip
    named: dict[str, Any] = {}
    fastavro.parse_schema(place, named)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema, named), record)
    row = door(registry).open(frame(3, out.getvalue()))
    assert row == {
        "at": "2025-02-03T10:00:00.250000+00:00", "micro": "2025-02-03T10:00:00.250000+00:00",
        "day": "2025-02-03", "noon": 43201.0, "price": 2.5, "whole": 2**62 + 1, "who": str(who), "how": "CARD",
        "raw": None, "tags": {"n": 3}, "x": [0.5, 1.5], "place": {"city": "Ulm"},
    }  # fmt: skip
    rows, _, bad = decode([frame(3, out.getvalue())], door(registry))
    assert not bad and rows[0]["place.city"] == "Ulm" and rows[0]["x[1]"] == 1.5
    assert rows[0]["at"] == when  # a text of ISO 8601 is an instant


# the registry


def test_a_registry_that_is_down_is_waited_for_and_then_told() -> None:
    with registry_server() as server:
        url = server.url
    now = [0.0]
    asked = SchemaRegistry(RegistrySettings(url=url, timeout_s=0.5), 10.0, lambda: now[0])
    for now[0] in (0.0, 0.1, 1.0, 5.0):
        with pytest.raises(RegistryDown):
            asked.schema(7)
    now[0] = 11.0
    with pytest.raises(
        SourceError, match=r"has not answered for 10 s \(kafka.unreachable_s\).*kafka.registry.url"
    ):
        asked.schema(7)


def test_a_registry_that_comes_back_is_asked_again(registry: RegistryServer) -> None:
    registry.avro(7, ORDER)
    registry.fail = 503
    now = [0.0]
    asked = SchemaRegistry(RegistrySettings(url=registry.url), 10.0, lambda: now[0])
    with pytest.raises(RegistryDown):
        asked.schema(7)
    registry.fail = 0
    with pytest.raises(RegistryDown):  # not at once
        asked.schema(7)
    now[0] = 1.0
    found = asked.schema(7)
    assert found is not None and found.kind == "AVRO" and len(registry.asked) == 2


def test_user_and_password() -> None:
    with registry_server("job", "right") as server:
        server.avro(7, ORDER)
        settings = RegistrySettings(url=server.url, user="job", password="right")
        assert SchemaRegistry(settings).schema(7) is not None
        for wrong in (
            RegistrySettings(url=server.url),
            RegistrySettings(url=server.url, user="job", password="x"),
        ):
            with pytest.raises(SpecError, match=r"kafka.registry.user and kafka.registry.password") as told:
                SchemaRegistry(wrong).schema(7)
            assert "right" not in str(told.value).replace("password right", "")


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "http://me:pw@registry"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        RegistrySettings(url=url)


class _Loop:
    """A loop that has these records, for a partition."""

    topic = "t"

    def __init__(self, values: list[bytes | None]) -> None:
        self.records = [_Record(i, value) for i, value in enumerate(values)]

    def take(self, partition: int, slot: Any, limit: int) -> list[Any]:
        taken, self.records = self.records[:limit], self.records[limit:]
        return taken


class _Record:
    def __init__(self, offset: int, value: bytes | None) -> None:
        self.topic, self.partition, self.offset, self.value = "t", 0, offset, value
        self.key, self.headers, self.timestamp = None, (), 0


def test_while_the_registry_is_away_nothing_is_lost_and_nothing_is_dead(registry: RegistryServer) -> None:
    registry.avro(7, ORDER)
    registry.fail = 500
    now = [0.0]
    opened = Door((), SchemaRegistry(RegistrySettings(url=registry.url), 100.0, lambda: now[0]), 1000)
    values = JsonValues(Table(), 1000, 50, door=opened, tombstones="skip")
    framed = frame(7, avro(ORDER, {"id": 1, "a": 0.5}))
    loop: Any = _Loop([b'{"id": 0, "a": 1}', None, framed, framed])
    partition = KafkaPartition(loop, 0, Slot(0, None, 0, 0), values, MessageFields(), "skip", 0)
    for now[0] in (0.0, 0.2, 1.0):
        batch = partition.next_batch(3)
        assert batch is not None and not batch.bad and not len(batch.position)
        assert batch.resume["position"] == 0 and partition.skipped == 0
    registry.fail, now[0] = 0, 10.0
    found = [partition.next_batch(limit) for limit in (2, 3, 3)]
    assert [b and b.position.tolist() for b in found] == [[0], [2], [3]]
    assert partition.skipped == 1 and not any(b and b.bad for b in found)


# envelopes

CHANGE = {"before": None, "after": {"id": 1, "a": 0.5}, "source": {"db": "shop"}, "op": "c"}


@pytest.mark.parametrize(
    ("ways", "message", "record"),
    [
        (["payload.after"], {"schema": {}, "payload": CHANGE}, {"id": 1, "a": 0.5}),
        (["after"], CHANGE, {"id": 1, "a": 0.5}),
        (["debezium"], CHANGE, {"id": 1, "a": 0.5}),
        (["debezium"], {"schema": {}, "payload": CHANGE}, {"id": 1, "a": 0.5}),
        (["debezium"], {"before": {"id": 1}, "after": None, "op": "d"}, None),
        (["debezium"], {"op": "t"}, None),
        (["payload.after"], {"payload": None}, None),
        (["after", "data"], {"data": {"id": 2}}, {"id": 2}),
        (["data"], {"data": '{"id": 3}'}, {"id": 3}),
        (["cloudevents"], {"specversion": "1.0", "id": "e1", "data": {"id": 4}}, {"id": 4}),
        (["cloudevents"], {"specversion": "1.0", "data_base64": "eyJpZCI6IDV9"}, {"id": 5}),
        (["cloudevents"], {"specversion": "1.0"}, None),
        (["cloudevents"], {"id": 6}, {"id": 6}),
        (["."], CHANGE, CHANGE),
    ],
)
def test_unwrapping(ways: list[str], message: Any, record: Any) -> None:
    assert Unwrap(ways)(message) == record


@pytest.mark.parametrize(
    ("ways", "message", "words"),
    [
        (["payload.after"], {"id": 1}, "there is no payload.after in it; it has 'id'"),
        (["a", "b.c"], {"b": 3}, "there is no a or b.c"),
        (["after"], {"after": [1]}, "after holds .1., which is no object"),
        (["debezium"], {"id": 1}, "there is no debezium"),
        (["data"], {"data": "no JSON"}, "malformed JSON"),
        (["cloudevents"], {"specversion": "1.0", "data_base64": "?"}, "no base64"),
    ],
)
def test_what_is_no_such_envelope_says_so(ways: list[str], message: Any, words: str) -> None:
    with pytest.raises(Fault, match=words):
        Unwrap(ways)(message)


@pytest.mark.parametrize("message", [CHANGE, {"payload": CHANGE}, {"payload": {**CHANGE, "after": None}}])
def test_an_envelope_without_the_setting_names_it(message: Any) -> None:
    _, _, bad = decode([json.dumps(message).encode()], door())
    assert "kafka.unwrap" in bad[0].reason


def test_what_is_only_like_an_envelope_is_a_record() -> None:
    messages = [
        {"after": 1},
        {"after": {"x": 1}},
        {"payload": {"after": 3}},
        {"note": '"after"', "before": 1},
    ]
    rows, _, bad = decode([json.dumps(m).encode() for m in messages], door())
    assert len(rows) == 4 and not bad


@pytest.mark.parametrize(
    ("tombstones", "position", "dead"), [("bad", [0], [10]), ("row", [0, 10], []), ("skip", [0], [])]
)
def test_a_deletion_is_what_a_tombstone_is(
    tombstones: Tombstones, position: list[int], dead: list[int]
) -> None:
    deleted = {"before": {"id": 1}, "after": None, "op": "d"}
    values = [json.dumps(m).encode() for m in (CHANGE, deleted)]
    rows, at, bad = decode(values, door(None, "debezium"), tombstones)
    assert at == position and [b.position for b in bad] == dead
    assert rows[0] == {"id": 1, "a": 0.5}


def test_an_envelope_in_avro(registry: RegistryServer) -> None:
    row = {**ORDER, "name": "Value"}
    envelope = {
        "type": "record",
        "name": "Envelope",
        "fields": [
            {"name": "before", "type": ["null", row]},
            {"name": "after", "type": ["null", "Value"]},
            {"name": "op", "type": "string"},
        ],
    }
    registry.avro(5, envelope)
    value = frame(5, avro(envelope, {"before": None, "after": {"id": 1, "a": 0.5}, "op": "c"}))
    assert decode([value], door(registry, "debezium"))[0] == [{"id": 1, "a": 0.5}]
    assert "kafka.unwrap" in decode([value], door(registry))[2][0].reason


@given(st.binary(max_size=12))
def test_no_object_is_taken_for_a_frame(value: bytes) -> None:
    number = frame_number(value)
    assert (number is not None) == (value[:1] == b"\0" and len(value) >= 5)
    assert frame_number(b"{" + value) is None
