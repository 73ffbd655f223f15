"""The table of faults in docs/kafka.md, a test a row: a clear message, a defined state, within the stated time."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import PrivateBroker
from kafka_helpers import committed, eventually
from kafka_job_helpers import Make, Name, Stage, by_chance, event, label, make_fake

from streamnn.errors import SinkError, SourceError, SpecError
from streamnn_connectors.kafka import DeadLetters, KafkaAdmin, KafkaSettings, Message, Offset
from streamnn_jobs.kafka.job import KafkaJob

pytestmark = pytest.mark.slow


class Live:
    """A job that runs beside the test until it is stopped or fails."""

    def __init__(self, stage: Stage, directory: Path, **changes: Any):
        self.said: list[str] = []
        spec = stage.spec(directory, kafka__until_end=False, **changes)
        self._job = KafkaJob(spec, make=make_fake, say=self.said.append)
        self._pool = ThreadPoolExecutor(1)
        self.running = self._pool.submit(self._job.run)

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *error: object) -> None:
        self._job.stop()
        self._pool.shutdown()

    def stop(self) -> Any:
        self._job.stop()
        return self.running.result(60)


def fails(live: Live, error: type[Exception], match: str, within_s: float) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=match):
        live.running.result(within_s)
    assert time.monotonic() - began < within_s


def predicted(stage: Stage, count: int) -> None:
    eventually(lambda: len(stage.read("predictions")) >= count, 60)


def test_the_input_topic_is_deleted(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, name: Name, tmp_path: Path
) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=0) for i in range(50)])
    with Live(stage, tmp_path) as live:
        predicted(stage, 50)
        admin.delete(stage.topics["events"])
        fails(live, SourceError, "the topic was deleted. Nothing more can be read", 30)
    assert len(stage.predictions()) == 50


def test_an_output_topic_is_deleted(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, name: Name, tmp_path: Path
) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=0) for i in range(50)])
    with Live(stage, tmp_path, kafka__unreachable_s=5.0, kafka__transaction_timeout_s=2.0) as live:
        predicted(stage, 50)
        admin.delete(stage.topics["predictions"])
        stage.produce("events", [event(i, y=0) for i in range(50, 60)])
        # no further event comes, and still it is heard of
        fails(live, SinkError, "UnknownTopicOrPartitionError: .*predictions", 60)
    # nothing of what could not be written counts as done
    assert committed(settings, stage.group, stage.topics["events"]) == Offset(50)


def test_retention_has_passed_the_place(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, name: Name, tmp_path: Path
) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=0) for i in range(100)])
    spec = stage.spec(tmp_path)
    stage.run(spec)
    stage.produce("events", [event(i, y=0) for i in range(100, 200)])
    admin.delete_before(stage.topics["events"], 0, 150)
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"offset 100 of partition 0 is not there .any more.: retention"):
        stage.run(spec)
    assert time.monotonic() - began < 30
    assert committed(settings, stage.group, stage.topics["events"]) == Offset(100)
    assert len(stage.read("predictions")) == 100


def test_the_broker_is_away(mortal_broker: PrivateBroker, name: Name, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=mortal_broker.bootstrap, connect_timeout_s=30)
    with KafkaAdmin(settings) as admin:

        def topic(what: str, partitions: int) -> str:
            made = name(what)
            admin.create(made, partitions, 1)
            return made

        stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=i % 2) for i in range(300)])
    with Live(stage, tmp_path, kafka__transaction_timeout_s=3.0) as live:
        predicted(stage, 300)
        mortal_broker.kill()
        time.sleep(60)
        assert not live.running.done()
        mortal_broker.start()
        stage.produce("events", [event(i, y=i % 2) for i in range(300, 400)])
        predicted(stage, 400)
        result = live.stop().partitions[0]
    assert [p["position"] for p in stage.predictions()] == list(range(400))
    whole = stage.run(stage.spec(tmp_path / "elsewhere")).partitions[0]
    assert whole.state_hash == result.state_hash


def test_a_broker_that_stays_away(mortal_broker: PrivateBroker, name: Name, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=mortal_broker.bootstrap, connect_timeout_s=30)
    with KafkaAdmin(settings) as admin:

        def topic(what: str, partitions: int) -> str:
            made = name(what)
            admin.create(made, partitions, 1)
            return made

        stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=0) for i in range(10)])
    connection = {
        "bootstrap_servers": settings.bootstrap_servers,
        "connect_timeout_s": 2.0,
        "request_timeout_s": 3.0,
    }
    with Live(stage, tmp_path, kafka__unreachable_s=4.0, kafka__connection=connection) as live:
        predicted(stage, 10)
        mortal_broker.kill()
        fails(live, SourceError, "out of reach for", 60)


def test_the_schema_changes(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [
        *[event(i, y=i % 2) for i in range(50)],
        *[event(i, y=i % 2, new=1.5, colour="red") for i in range(50, 100)],  # more columns
        *[json.dumps({"key": f"k{i}", "y": i % 2}).encode() for i in range(100, 150)],  # fewer
        *[event(i, x="text", y=i % 2) for i in range(150, 160)],  # another kind
        *[event(i, x={"deep": 1}, y=i % 2) for i in range(160, 170)],  # another shape
        *[event(i, y=i % 2) for i in range(170, 200)],
    ])  # fmt: skip
    result = stage.run(stage.spec(tmp_path)).partitions[0]
    assert result.counters["predicted"] == result.counters["learnt"] == 200 and result.counters["dead"] == 0
    assert not list(DeadLetters(settings, stage.topics["dead"]))


def backwards(stage: Stage, what: str, values: list[bytes], stamps: list[int]) -> None:
    from streamnn_connectors.kafka import KafkaTransaction

    output = KafkaTransaction(stage.settings, stage.group + what)
    output.begin()
    for value, stamp in zip(values, stamps, strict=True):
        output.send_message(Message(stage.topics[what], 0, -1, None, value, (), stamp))
    output.commit()
    output.close()


def test_clocks_go_backwards(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name, labels=True)
    now = int(time.time() * 1000)
    # the producers' clock jumps back by an hour, and so does the time in the events
    stamps = [now + 10 * i - (3_600_000 if i >= 100 else 0) for i in range(200)]
    events = [
        json.dumps({"key": f"k{i}", "x": i % 7, "t": i - (1000 if i >= 100 else 0)}).encode()
        for i in range(200)
    ]
    backwards(stage, "events", events, stamps)
    backwards(stage, "labels", [label(i) for i in range(200)], [s + 5 for s in stamps])
    ticks = iter(range(10**9, 0, -1))  # and the job's own
    spec = stage.spec(tmp_path, source__event_time="t", label__expire_after=5000.0)
    result = stage.run(spec, clock=lambda: float(next(ticks))).partitions[0]
    c = result.counters
    assert (c["predicted"], c["learnt"], c["expired"], c["dead"]) == (200, 200, 0, 0)
    assert [p["position"] for p in stage.predictions()] == list(range(200))
    replayed = stage.run(
        stage.spec(tmp_path / "elsewhere", source__event_time="t", label__expire_after=5000.0)
    )
    assert replayed.partitions[0].state_hash == result.state_hash


def test_messages_over_the_limits(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name)
    huge = event(1, y=0, pad="x" * 2_000_000)
    admin = KafkaAdmin(settings)
    large = topic("large", max_message_bytes=4_000_000)
    stage.topics["events"] = large
    stage.produce("events", [event(0, y=0), huge, event(2, y=0)], max_request_size=4_000_000)
    result = stage.run(stage.spec(tmp_path)).partitions[0]
    assert (result.counters["predicted"], result.counters["dead"]) == (2, 1)
    (letter,) = DeadLetters(settings, stage.topics["dead"])
    assert letter.original.value == huge and "the limit is" in letter.reason
    assert len(stage.read("dead")) > 1  # in parts that fit
    # an output topic that takes less than the job may write is said at the start
    stage.topics["predictions"] = topic("small", max_message_bytes=5000)
    with pytest.raises(SpecError, match=r"kafka.message_bytes: is 1000000, topic .* takes 5000"):
        stage.run(stage.spec(tmp_path))
    admin.close()


def test_a_merge_order_larger_than_a_message(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path
) -> None:
    stage, count = Stage(settings, topic, name, labels=True), 8000
    stage.produce("events", [event(i) for i in range(count)])
    stage.produce("labels", [label(i) for i in range(count)])
    large: dict[str, Any] = {
        "kafka__batch_events": 100_000,
        "run__batch_records": 100_000,
        "kafka__message_bytes": 10_000,
        "kafka__alarms": None,  # this learner has an alarm every few labels, all of one event where none comes between
    }
    result = stage.run(stage.spec(tmp_path / "a", **large), policy=by_chance()).partitions[0]
    assert result.counters["learnt"] == count and result.next == [count, count]
    sizes = [len(m.value or b"") for m in stage.read("merge")]
    assert len(sizes) >= 4 and max(sizes) <= 10_000
    again = stage.run(stage.spec(tmp_path / "b", **large)).partitions[0]
    assert again.state_hash == result.state_hash
