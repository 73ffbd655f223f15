"""A job over real topics: every event once, whatever the modes, merge orders and crashes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka_helpers import committed, committed_run, eventually
from kafka_job_helpers import Make, Name, Stage, by_chance, event, label, make_fake

from streamnn.errors import SpecError, StateError
from streamnn_connectors.kafka import KafkaAdmin, KafkaSettings, KafkaTransaction, Message, Offset, Place
from streamnn_jobs.kafka.inputs import by_time
from streamnn_jobs.kafka.job import KafkaJob
from streamnn_jobs.kafka.merge_log import from_value

pytestmark = pytest.mark.slow


class Crash(BaseException):
    """Ends a job as nothing in it expects."""


def crash_after(steps: int) -> Callable[[Any, Any], None]:
    left = [steps]

    def progress(plan: Any, worker: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Crash

    return progress


def same_everywhere(stage: Stage, directory: Path, events: int, state: str, **changes: Any) -> None:
    """Every event is predicted once, in order, and the log says what the state is without any checkpoint."""
    assert [p["position"] for p in stage.predictions()] == list(range(events))
    before = len(stage.read("predictions"))
    replayed = stage.run(stage.spec(directory / "elsewhere", **changes))
    assert replayed.partitions[0].state_hash == state
    assert len(stage.read("predictions")) == before


def test_every_event_counts_once(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=i % 2) for i in range(1000)])
    spec = stage.spec(tmp_path / "a", checkpoint__every_events=250)
    assert stage.run(spec, clock=lambda: 0.0).outcome == "ended"
    assert committed(settings, stage.group, stage.topics["events"]) == Offset(1000)
    stage.produce("events", [event(i, y=i % 2) for i in range(1000, 1500)])
    result = stage.run(spec).partitions[0]
    assert result.next == [1500] and result.counters["learnt"] == 1500
    same_everywhere(stage, tmp_path, 1500, result.state_hash)
    # in one go, by another group, to other topics: the same predictions
    again = stage.predictions()
    other = Stage(settings, topic, name)
    other.topics["events"] = stage.topics["events"]
    whole = other.run(other.spec(kafka__batch_events=10_000, run__batch_records=7))
    assert whole.partitions[0].state_hash == result.state_hash
    assert other.predictions() == again


def test_crashes_leave_no_trace(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name, labels=True)
    rng = np.random.default_rng(5)
    events = [event(i) for i in range(600)]
    labels = [label(i) for i in rng.permutation(640).tolist() if i % 9] + [label(i) for i in range(50)]
    limits = {"limits__pending": 40, "limits__early_labels": 30}
    spec = stage.spec(tmp_path / "a", checkpoint__every_events=150, run__batch_records=40, **limits)
    for part in range(4):
        stage.produce("events", events[part::4])
        stage.produce("labels", labels[part::4])
        for steps in (0, 3, 9, 14):
            with pytest.raises(Crash):
                stage.run(spec, policy=by_chance(), progress=crash_after(steps))
                raise Crash  # it got to the end
    result = stage.run(spec, policy=by_chance()).partitions[0]
    assert result.next == [600, len(labels)]
    c = result.counters
    assert c["label_records"] == len(labels) == c["labels"]
    assert c["duplicates"] + c["late"] > 0 and c["evicted"] > 0 and c["unmatched"] > 0 and c["learnt"] > 50, c
    same_everywhere(stage, tmp_path, 600, result.state_hash, **limits)


def test_crashes_between_markers_of_transactions(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path, closing: Callable[[Any], Any]
) -> None:
    """A feeder's transactions leave offsets that are of no record, also just where a commit of the job ended."""
    stage = Stage(settings, topic, name, labels=True)
    feeder = closing(KafkaTransaction(settings, name("feeder"), timeout_s=20))
    spec = stage.spec(
        tmp_path / "a", checkpoint__every_events=170, run__batch_records=10, kafka__batch_events=10
    )
    for i in range(0, 240, 5):
        committed_run(feeder, stage.topics["events"], [event(j) for j in range(i, i + 5)])
        committed_run(feeder, stage.topics["labels"], [label(j) for j in range(i, i + 5)])
    for steps in (3, 9, 14, 20, 27):
        with pytest.raises(Crash):
            stage.run(spec, policy=by_chance(steps), progress=crash_after(steps))
    result = stage.run(spec, policy=by_chance()).partitions[0]
    assert result.counters["learnt"] == 240
    offsets = [message.offset for message in stage.read("events")]
    assert offsets != list(range(240))
    assert [p["position"] for p in stage.predictions()] == offsets
    replayed = stage.run(stage.spec(tmp_path / "elsewhere")).partitions[0]
    assert replayed.state_hash == result.state_hash


def test_the_order_in_which_labels_met_events_decides(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path
) -> None:
    states = set()
    for seed in (1, 2):
        stage = Stage(settings, topic, name, labels=True)
        stage.produce("events", [event(i) for i in range(300)])
        stage.produce("labels", [label(i) for i in range(300)])
        result = stage.run(stage.spec(tmp_path / str(seed)), policy=by_chance(seed)).partitions[0]
        assert result.counters["learnt"] == 300 and result.pending == result.waiting == 0
        states.add(result.state_hash)
        same_everywhere(stage, tmp_path / f"again-{seed}", 300, result.state_hash)
    assert len(states) == 2  # else the merge log would be of no use


def test_predictions_say_what_they_are_of(settings: KafkaSettings, topic: Make, name: Name) -> None:
    stage = Stage(settings, topic, name, labels=True)
    stage.produce("events", [event(i) for i in range(20)])
    stage.produce("labels", [label(i) for i in range(10)])
    stage.run(stage.spec())
    assert [p["key"] for p in stage.predictions()] == [f"k{i}" for i in range(20)]
    assert [m.key for m in stage.read("predictions")] == [b"k%d" % i for i in range(20)]


def test_bad_records_are_dead_letters_of_the_same_transaction(
    settings: KafkaSettings, topic: Make, name: Name
) -> None:
    stage = Stage(settings, topic, name, labels=True)
    events: list[bytes | None] = [event(i) for i in range(60)]
    events[7], events[30], events[31] = b"{oops", None, b'["no object"]'
    labels: list[bytes | None] = [label(i) for i in range(60)]
    labels[3], labels[4] = b"\xff", b'{"y": 1}'
    stage.produce("events", events, keys=[b"key"] * 60)
    stage.produce("labels", labels)
    result = stage.run(stage.spec(learner__classes=[0, 1], limits__classes=2)).partitions[0]
    letters = stage.read("dead")
    found = {
        (m.header("streamnn-topic"), m.header("streamnn-offset")): (m.value, m.header("streamnn-stage"))
        for m in letters
    }
    e, y = (stage.topics[what].encode() for what in ("events", "labels"))
    assert found == {
        (e, b"7"): (b"{oops", b"decode"),
        (e, b"30"): (b"", b"decode"),
        (e, b"31"): (b'["no object"]', b"decode"),
        (y, b"3"): (b"\xff", b"decode"),
        (y, b"4"): (b'{"y": 1}', b"label"),
    }
    assert all(m.header("streamnn-reason") for m in letters) and len(letters) == 5
    c = result.counters
    assert (c["records"], c["dead"], c["predicted"]) == (60, 3, 57)
    assert (c["label_records"], c["label_dead"], c["labels"]) == (60, 2, 58)
    assert result.waiting == 3  # of the events that are no more
    assert result.pending == 2


@pytest.mark.parametrize("mode", ["at-least-once", "plain"])
def test_without_transactions(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path, mode: str
) -> None:
    stage = Stage(settings, topic, name, labels=True)
    stage.produce("events", [event(i) for i in range(300)])
    stage.produce("labels", [label(i) for i in range(300)])
    spec = stage.spec(tmp_path / "a", kafka__mode=mode, run__batch_records=30, checkpoint__every_events=100)
    with pytest.raises(Crash):
        stage.run(spec, policy=by_chance(), progress=crash_after(11))
    result = stage.run(spec, policy=by_chance()).partitions[0]
    assert result.counters["learnt"] == 300
    positions = [p["position"] for p in stage.predictions()]
    assert sorted(set(positions)) == list(range(300)) and len(positions) < 600
    assert stage.read("predictions")[0].header("streamnn-source") == f"{stage.topics['events']}/0".encode()
    replayed = stage.run(stage.spec(tmp_path / "b", kafka__mode=mode))
    assert replayed.partitions[0].state_hash == result.state_hash


def test_packed_and_arrow_outputs(settings: KafkaSettings, topic: Make, name: Name) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=i % 2) for i in range(250)])
    stage.run(stage.spec(kafka__output_rows=64))
    rows = [json.loads(m.value or b"") for m in stage.read("predictions")]
    assert [r["position"] for part in rows for r in part] == list(range(250)) and len(rows) < 10


def test_topics_that_do_not_fit(settings: KafkaSettings, topic: Make, name: Name, admin: KafkaAdmin) -> None:
    stage = Stage(settings, topic, name, labels=True)
    wide = topic("wide", partitions=2)
    with pytest.raises(SpecError, match=r"1 partitions, .* 2: the label of a key"):
        KafkaJob(stage.spec(label__topic=wide))
    with pytest.raises(SpecError, match="is read by this job"):
        KafkaJob(stage.spec(kafka__predictions=stage.topics["events"]))
    with pytest.raises(SpecError, match="for other outputs already"):
        KafkaJob(stage.spec(kafka__merge_log=stage.topics["dead"]))
    with pytest.raises(SpecError, match="is none of them"):
        KafkaJob(stage.spec(kafka__partitions=[1]))
    broad = Stage(settings, topic, name, partitions=2)
    with pytest.raises(SpecError, match="Give it as many"):
        KafkaJob(broad.spec(kafka__predictions=stage.topics["predictions"]))
    made = name("made")
    KafkaJob(broad.spec(kafka__predictions=made, kafka__create_topics=True))
    assert admin.describe(made).partitions == 2


def test_what_can_not_be_learnt_again_is_said(
    settings: KafkaSettings, topic: Make, name: Name, admin: KafkaAdmin, tmp_path: Path
) -> None:
    stage = Stage(settings, topic, name, labels=True)
    stage.produce("events", [event(i) for i in range(100)])
    stage.produce("labels", [label(i) for i in range(100)])
    spec = stage.spec(tmp_path / "a")
    stage.run(spec)
    # another job with the same checkpoints
    with pytest.raises(SpecError, match=r"learner\.seed"):
        stage.run(stage.spec(tmp_path / "a", learner__seed=7))
    # a group that knows nothing beside a checkpoint that does
    with pytest.raises(StateError, match="offsets expire"):
        stage.run(stage.spec(tmp_path / "a", kafka__group=name("fresh")))
    # the beginning is gone, and so are the checkpoints
    admin.delete_before(stage.topics["events"], 0, 50)
    with pytest.raises(StateError, match="no checkpoint to go on"):
        stage.run(stage.spec(tmp_path / "b"))
    # from its checkpoint it goes on
    stage.produce("events", [event(100)])
    assert stage.run(spec).partitions[0].next == [101, 100]
    # with an older checkpoint the merge log is needed
    newest = max((tmp_path / "a").glob("*/*.safetensors"))
    newest.unlink()
    merge = stage.topics["merge"]
    admin.delete_before(merge, 0, len(stage.read("merge")) + 3)
    with pytest.raises(StateError, match="how events from"):
        stage.run(spec)
    assert Place(merge, 0).partition == 0


def test_stopping_and_counting(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=i % 2) for i in range(500)])
    spec = stage.spec(tmp_path / "a", kafka__until_end=False, kafka__batch_events=50, run__until_records=200)
    result = stage.run(spec)
    assert result.outcome == "until"
    at = result.partitions[0].next[0]
    assert 200 <= at < 300 and len(stage.read("predictions")) == at
    job: list[KafkaJob] = []
    spec = stage.spec(tmp_path / "a", kafka__until_end=False)
    from fake_learner import make_fake

    job.append(KafkaJob(spec, make=make_fake, progress=lambda plan, worker: job[0].stop()))
    result = job[0].run()
    assert result.outcome == "interrupted" and result.partitions[0].next[0] > at
    assert len(stage.read("predictions")) == result.partitions[0].next[0]


@pytest.mark.parametrize("live", [True, False])
def test_a_backlog_is_learnt_in_the_order_of_its_times(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path, live: bool
) -> None:
    stage, count = Stage(settings, topic, name, labels=True), 20_000
    begin = int(time.time() * 1000) - 1_000_000
    for what, make, late in (("events", event, 0), ("labels", label, 25)):
        output = KafkaTransaction(settings, name("feed"))
        output.begin()
        for i in range(count):
            stamp = begin + 10 * i + late
            output.send_message(Message(stage.topics[what], 0, -1, None, make(i), (), stamp))
        output.commit()
        output.close()
    job = KafkaJob(
        stage.spec(tmp_path, kafka__until_end=not live, label__expire_after=50.0, source__event_time="t"),
        make=make_fake,
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(job.run)
        eventually(lambda: running.done() or len(stage.read("predictions")) == count, 60)
        job.stop()
        counters = running.result(60).partitions[0].counters
    order = np.concatenate([from_value(m.value or b"").order for m in stage.read("merge")])
    expected = by_time(10 * np.arange(count), 10 * np.arange(count) + 25)
    assert order[: 2 * count - 10].tolist() == expected[: 2 * count - 10].tolist()
    assert (counters["predicted"], counters["expired"]) == (count, 0)
