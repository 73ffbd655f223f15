"""What messages hold, taken in by a job on a real broker: nested values, envelopes, frames, Arrow labels, passwords."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from kafka_broker import PASSWORD, USER, PrivateBroker
from kafka_job_helpers import Make, Name, Stage

sys.path.append(str(Path(__file__).parents[1] / "connectors"))

from registry_server import registry_server

from streamnn.errors import SourceError, SpecError
from streamnn_connectors.kafka import KafkaAdmin, KafkaSettings
from streamnn_jobs.kafka.sample import SAMPLED_MESSAGES, notes_on, sample

pytestmark = pytest.mark.slow
WIDE = 3_141_592_653_589_793_238
"""Beyond what a float64 tells apart."""


def lines(rows: list[Any]) -> list[bytes | None]:
    return [json.dumps(row).encode() for row in rows]


def arrow(columns: dict[str, Any]) -> bytes:
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def events(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{"key": f"k{i}", "x": i % 7, **more} for i in range(n)]


def labels(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{"key": f"k{i}", "y": i % 2, **more} for i in range(n)]


@pytest.fixture
def stage(settings: KafkaSettings, topic: Make, name: Name) -> Stage:
    return Stage(settings, topic, name, labels=True)


def counts(stage: Stage, **changes: Any) -> dict[str, int]:
    return stage.run(stage.spec(**changes)).partitions[0].counters


@pytest.mark.parametrize("form", ["json", "arrow", "both"])
def test_keys_of_64_bits_join(form: str, stage: Stage) -> None:
    ids = [WIDE + i for i in range(100)]
    keyed = [{"key": k, "x": i % 7} for i, k in enumerate(ids)]
    known = [
        {"key": str(k), "y": i % 2} for i, k in enumerate(ids)
    ]  # a text of the same digits is the same key
    as_json = form == "json"
    stage.produce("events", lines(keyed) if as_json else [arrow({"key": ids, "x": [r["x"] for r in keyed]})])
    both = form == "both"
    stage.produce("labels", [arrow({"key": ids, "y": [i % 2 for i in range(100)]})] if both else lines(known))
    c = counts(stage, **({} if as_json else {"kafka__format": "arrow"}))
    assert (c["learnt"], c["dead"], c["label_dead"]) == (100, 0, 0)
    assert [row["key"] for row in stage.predictions()] == [str(k) for k in ids]


def test_labels_of_another_format(stage: Stage) -> None:
    stage.produce("events", lines(events(50)))
    stage.produce("labels", [arrow({"key": [f"k{i}" for i in range(50)], "y": [i % 2 for i in range(50)]})])
    assert counts(stage, kafka__label_format="arrow")["learnt"] == 50


@pytest.mark.parametrize("features", [{"features__ignore": ["meta"]}, {"features__include": ["x"]}])
def test_what_is_not_wanted_is_not_looked_at(features: dict[str, Any], stage: Stage) -> None:
    odd = [{"trace": "t"}, [1, {"a": 2}], 3, "text"]
    stage.produce("events", lines([{**row, "meta": odd[i % 4]} for i, row in enumerate(events(60))]))
    stage.produce("labels", lines(labels(60, why={"rule": 7, "parts": [[1], {"b": None}]})))
    result = stage.run(stage.spec(**features)).partitions[0]
    assert result.counters["learnt"] == 60
    assert (result.counters["dead"], result.counters["label_dead"]) == (0, 0)


def test_nested_values_are_columns(stage: Stage) -> None:
    stage.produce("events", lines(events(40, cart={"price": 2.5, "tags": ["a"]})))
    stage.produce("labels", lines(labels(40)))
    seen: list[Any] = []
    stage.run(stage.spec(), progress=lambda plan, worker: seen.append(worker))
    assert {"x", "cart.price", "cart.tags[0]"} == set(seen[-1].encoder.kinds)


def test_a_column_that_was_never_learnt_may_be_ignored(stage: Stage, tmp_path: Path) -> None:
    stage.produce("events", lines(events(60)[:40]))
    stage.produce("labels", lines(labels(60)))
    assert stage.run(stage.spec(tmp_path)).partitions[0].counters["learnt"] == 40
    stage.produce("events", lines(events(60, meta={"trace": "t"})[40:]))
    spec = stage.spec(tmp_path, features__ignore=["t", "meta"])
    assert stage.run(spec).partitions[0].counters["learnt"] == 60
    with pytest.raises(SpecError, match="another spec"):
        stage.run(stage.spec(tmp_path, features__ignore=["t", "meta", "x"]))
    # and taken back: it was not learnt while it was ignored
    assert stage.run(stage.spec(tmp_path)).partitions[0].counters["learnt"] == 60


def test_change_events_are_unwrapped_and_deletions_are_tombstones(stage: Stage) -> None:
    changes = [{"payload": {"before": None, "after": row, "op": "c"}} for row in events(20)]
    deleted = {"payload": {"before": {"key": "k1"}, "after": None, "op": "d"}}
    stage.produce("events", lines([*changes, deleted]))
    stage.produce("labels", lines(labels(20)))
    setting = {"kafka__unwrap": "payload.after", "kafka__label_unwrap": ".", "kafka__tombstones": "skip"}
    c = counts(stage, **setting)
    assert (c["learnt"], c["dead"]) == (20, 0)


def test_an_envelope_is_a_dead_letter_that_names_the_setting(stage: Stage) -> None:
    stage.produce("events", lines([{"payload": {"after": row, "op": "c"}} for row in events(3)]))
    assert counts(stage)["dead"] == 3
    reasons = [(letter.header("streamnn-reason") or b"").decode() for letter in stage.read("dead")]
    assert len(reasons) == 3 and all('kafka.unwrap = "payload.after"' in reason for reason in reasons)


def test_avro_messages_by_the_registry(stage: Stage) -> None:
    import fastavro

    schema: Any = {
        "type": "record",
        "name": "E",
        "fields": [
            {"name": "key", "type": "string"},
            {"name": "x", "type": "long"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }
    framed: list[bytes | None] = []
    for i, row in enumerate(events(30)):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, {**row, "at": 1_738_540_800_000 + 1000 * i})
        framed.append(b"\0\0\0\0\7" + out.getvalue())
    stage.produce("events", [*framed, b"\0\0\0\0\x2a\x08"])
    stage.produce("labels", [b"\0\0\0\0\x08" + line for line in lines(labels(30)) if line])
    with registry_server("job", "right") as registry:
        registry.avro(7, schema)
        registry.numbers[8] = {"schema": "{}", "schemaType": "JSON"}
        registry.numbers[42] = {"schema": "", "schemaType": "PROTOBUF"}
        given = {"url": registry.url, "user": "job", "password": "right"}
        c = counts(stage, kafka__registry=given, source__event_time="at")
        assert (c["learnt"], c["dead"], c["label_dead"]) == (30, 1, 0)
        assert "schema 42 of type PROTOBUF" in str(stage.read("dead")[0].headers)
        with pytest.raises(SpecError, match=r"kafka.registry.password"):
            sample(stage.spec(kafka__registry={**given, "password": "wrong"}))


def test_a_registry_that_is_away_ends_the_job_and_kills_no_record(stage: Stage) -> None:
    with registry_server() as registry:
        url = registry.url
    stage.produce("events", [b"\0\0\0\0\7\0"])
    changes = {"kafka__registry": {"url": url, "timeout_s": 1.0}, "kafka__unreachable_s": 2.0}
    with pytest.raises(SourceError, match=r"kafka\.registry\.url"):
        stage.run(stage.spec(**changes))
    assert not stage.read("dead")


def test_a_look_before_the_start(stage: Stage) -> None:
    spec = stage.spec()
    assert any("no message yet" in note for note in notes_on(spec, sample(spec)))
    stage.produce("events", [b"{oops", *lines(events(SAMPLED_MESSAGES + 50))])
    stage.produce("labels", lines(labels(20)))
    found = sample(spec)
    assert found.labels is not None and not notes_on(spec, found)
    assert (found.events.records, found.labels.records) == (SAMPLED_MESSAGES, 20)
    stage.produce("events", [b"\0\0\0\0\7\0"])
    (note,) = notes_on(spec, sample(spec))
    assert "1 of the 100" in note and "kafka.registry.url" in note
    for changes, words in [
        ({"label__key": "order_id"}, "label.key: none of the .*'order_id'; known are key, x"),
        ({"label__column": "Y"}, "label.column: none of the .*'Y'"),
        ({"source__event_time": "at"}, "source.event_time: none of the .*'at'"),
    ]:
        with pytest.raises(SpecError, match=words):
            notes_on(stage.spec(**changes), sample(stage.spec(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sasl_password": "wrong"}, "refuses user 'job': set kafka.connection.sasl_username and kafka.conn"),
        (
            {"sasl_mechanism": "SCRAM-SHA-512"},
            "does not take kafka.connection.sasl_mechanism.*it takes PLAIN",
        ),
        ({"sasl_password": None}, "kafka.connection.sasl_password: is missing"),
        (
            {"security_protocol": "SASL_SSL", "ssl_cafile": "/nowhere.pem"},
            "kafka.connection.ssl_cafile: there is no",
        ),
    ],
)
def test_who_is_refused_is_told_so_at_once(changes: Any, words: str, mortal_broker: PrivateBroker) -> None:
    right: dict[str, Any] = {
        "bootstrap_servers": mortal_broker.guarded,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": USER,
        "sasl_password": PASSWORD,
        "connect_timeout_s": 2.0,
    }
    KafkaAdmin(KafkaSettings(**right)).close()
    begun_s = time.monotonic()
    with pytest.raises(SpecError, match=words) as told:
        KafkaAdmin(KafkaSettings(**{**right, **changes}))
    assert time.monotonic() - begun_s < 30  # and not after kafka.unreachable_s, which is 300
    assert PASSWORD not in str(told.value) and "wrong" not in str(told.value)


@pytest.mark.parametrize(
    ("guarded", "protocol", "words"),
    [
        (True, "PLAINTEXT", "security_protocol = PLAINTEXT right"),
        (True, "SSL", "security_protocol = SSL right"),
        (False, "SSL", "security_protocol = SSL right"),
        (False, "SASL_PLAINTEXT", "security_protocol = SASL_PLAINTEXT right"),
    ],
)
def test_the_wrong_protocol_for_a_port_is_named(
    guarded: bool, protocol: Any, words: str, mortal_broker: PrivateBroker
) -> None:
    where = mortal_broker.guarded if guarded else mortal_broker.bootstrap
    who = {"sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD}
    settings = KafkaSettings(
        bootstrap_servers=where,
        security_protocol=protocol,
        connect_timeout_s=2.0,
        **(who if "SASL" in protocol else {}),
    )
    with pytest.raises((SourceError, SpecError), match=words):
        KafkaAdmin(settings)
