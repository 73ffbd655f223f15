"""What a message has beside its value, as columns of a job."""

from __future__ import annotations

import pytest
from kafka_job_helpers import Make, Name, Stage, make_fake

from streamnn_connectors.kafka import KafkaSettings
from streamnn_jobs.kafka.job import KafkaJob
from streamnn_jobs.run.worker import Worker

pytestmark = pytest.mark.slow


def test_keys_join_and_headers_are_learnt_from(settings: KafkaSettings, topic: Make, name: Name) -> None:
    stage = Stage(settings, topic, name, labels=True)
    keys: list[bytes | None] = [b"a", b"b", None, b"c"]
    stage.produce("events", [b'{"x": 1}'] * 4, keys=keys, headers=[("kind", b"new")])
    stage.produce("labels", [b'{"y": 0}', b'{"y": 1}', b'{"y": 1}'], keys=[b"a", b"c", None])
    seen: list[Worker] = []
    job = KafkaJob(
        stage.spec(kafka__key="id", kafka__headers={"kind": "what"}, label__key="id"),
        make=make_fake,
        progress=lambda plan, worker: seen.append(worker),
    )
    result = job.run().partitions[0]
    c = result.counters
    # neither the event without key nor the label without one can be joined
    assert (c["learnt"], result.pending, c["unlabelled"], c["label_dead"]) == (2, 1, 1, 1)
    assert [p["id"] for p in stage.predictions()] == ["a", "b", None, "c"]
    assert seen[-1].encoder.kinds == {"x": "number", "what": "text"}
