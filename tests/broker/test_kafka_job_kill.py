"""SIGKILL at random moments: every event counts once, and the state is that of a run that never stopped."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import TimeoutExpired

import numpy as np
import pytest
from kafka_job_helpers import Make, Name, Stage
from kafka_job_process import Feeder, JobProcess, dead_of, positions_of

from streamnn_connectors.kafka import KafkaSettings

pytestmark = pytest.mark.slow
KILLS = 10
EVENTS = 6000


def is_bad(i: int) -> bool:
    return i % 97 == 13


def make_event(i: int) -> bytes:
    return b'{"key": "oops' if is_bad(i) else json.dumps({"key": f"k{i}", "x": i % 7, "t": i}).encode()


def make_label(i: int) -> bytes | None:
    if i % 50 == 7:
        return None
    return b"no label" if i % 89 == 5 else json.dumps({"key": f"k{i}", "y": i % 3}).encode()


def test_killed_at_random_moments(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    rng = np.random.default_rng()
    stage = Stage(settings, topic, name, labels=True)
    options = {"source__event_time": "t", "label__expire_after": 2000.0, "features__ignore": []}
    spec = stage.spec(
        tmp_path / "checkpoints", checkpoint__every_events=500, kafka__batch_delay_s=0.02, kafka__until_end=False,
        kafka__partitions=[0], run__batch_records=64, **options,
    )  # fmt: skip
    feeder = Feeder(
        settings, stage.topics["events"], stage.topics["labels"], make_event, make_label, EVENTS, rate=2000
    )
    try:
        job = JobProcess(spec, tmp_path / "jobs")
        try:
            job.wait_for("/0: beginning")
            job.process.wait(1.0)  # the first label of all is merged: no event is there yet
        except TimeoutExpired:
            pass
        finally:
            job.kill()
        for kill in range(KILLS):
            feeder.let((kill + 1) * EVENTS // (KILLS + 1))
            job = JobProcess(spec, tmp_path / "jobs")
            try:
                # half of them before they are anywhere near their work
                if kill % 2:
                    job.wait_for("/0: ")
                    job.process.wait(float(rng.uniform(0, 0.7)))
                else:
                    job.process.wait(float(rng.uniform(0, 4)))
            except TimeoutExpired:
                pass
            finally:
                job.kill()
        feeder.finish()
    finally:
        feeder.close()
    final = stage.run(stage.spec(tmp_path / "checkpoints", kafka__partitions=[0], **options)).partitions[0]
    assert final.next == [EVENTS, feeder.labels_sent[0]]
    good = [i for i in range(EVENTS) if not is_bad(i)]
    assert positions_of(settings, stage.topics["predictions"], 0) == good
    dead = dead_of(settings, stage.topics["dead"], [0])
    assert [o for t, _, o in dead if t == stage.topics["events"]] == [i for i in range(EVENTS) if is_bad(i)]
    assert len(dead) == len(set(dead)) == final.counters["dead"] + final.counters["label_dead"]
    assert final.counters["learnt"] > 0.9 * EVENTS
    # labels that came before their event, one before all of them, met it: only those of bad events met nothing
    alone = [i for i in range(EVENTS) if is_bad(i) and (make_label(i) or b"no")[:2] != b"no"]
    assert final.counters["unmatched"] + final.waiting == len(alone)
    whole = stage.run(stage.spec(tmp_path / "nothing", kafka__partitions=[0], **options)).partitions[0]
    assert whole.state_hash == final.state_hash
    assert len(positions_of(settings, stage.topics["predictions"], 0)) == len(good)
