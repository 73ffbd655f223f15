"""A student under Kafka: in both kinds of worker, and published when what it learnt is committed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fake_learner import make_fake
from fake_student import FakePublication, artefact, make_fake_student

from streamnn.state import state_hash
from streamnn_connectors.base import Batch
from streamnn_jobs.kafka.partition import PartitionJob
from streamnn_jobs.run.joined_worker import EVENT, LABEL, JoinedWorker, new_worker
from streamnn_jobs.spec.load import make_spec


def partition(written: list[int]) -> PartitionJob:
    """One that learns live, with an output that commits when it is waited for."""
    job = PartitionJob.__new__(PartitionJob)
    output = SimpleNamespace(
        begin=lambda: None, start_commit=lambda *at: None, finish_commit=lambda deadline: None
    )
    job.partition, job._committing, job._logged = 0, False, None
    job._fresh, job._committed, job._order, job._count = [], [], [], 1
    job._publisher = SimpleNamespace(write=lambda found: written.extend(p.event for p in found))  # type: ignore[assignment]
    job._found = SimpleNamespace(output=output, partitions=[SimpleNamespace(membership=lambda: None)])  # type: ignore[assignment]
    job._inputs = SimpleNamespace(next=[5], streams=[])  # type: ignore[assignment]
    job._outbox = SimpleNamespace(send=lambda output: None)  # type: ignore[assignment]
    job._setup = SimpleNamespace(topics=SimpleNamespace(output=lambda name, partition: None))  # type: ignore[assignment]
    return job


def test_an_artefact_is_written_when_its_transaction_has_ended() -> None:
    written: list[int] = []
    job = partition(written)
    job._fresh.append(FakePublication(64, "schedule", artefact()))
    job._commit()
    job._fresh.append(FakePublication(128, "schedule", artefact()))  # learnt while the commit is under way
    assert written == []
    job._finish_commit()
    assert written == [64]
    job._commit()
    job._finish_commit()
    assert written == [64, 128]


def test_what_was_not_committed_is_not_written() -> None:
    written: list[int] = []
    job = partition(written)
    job._fresh.append(FakePublication(64, "schedule", artefact()))
    job._commit()

    def fails(deadline: float) -> None:
        raise TimeoutError

    job._found.output.finish_commit = fails  # type: ignore[union-attr, method-assign, assignment]
    with pytest.raises(TimeoutError):
        job._finish_commit()
    assert written == []


def test_events_and_labels_apart_have_a_student_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamnn_jobs.run.student.make_student", make_fake_student)
    spec = make_spec(
        {
            "source": {"topic": "e"},
            "label": {"column": "y", "topic": "l", "key": "id"},
            "kafka": {"merge_log": "m"},
            "learner": {"task": "classification"},
            "edge": {"first": [4, 8], "every": 64},
        }
    )

    def learn(pieces: list[slice], between: bool = False) -> Any:
        worker = new_worker(spec, "classification", make_fake)
        published = []
        for piece in pieces:
            n = np.arange(12)[piece]
            events = Batch(pa.RecordBatch.from_pydict({"id": n, "x": n * 0.5}), n, {"position": 0})
            labels = Batch(pa.RecordBatch.from_pydict({"id": n, "y": n % 2}), n, {"position": 0})
            assert isinstance(worker, JoinedWorker)
            order = np.tile(np.array([EVENT, LABEL], np.int8), len(n))
            published += [p.event for p in worker.merge(events, labels, order).publications]
            if between:
                arrays, meta = worker.state_dict()
                worker = new_worker(spec, "classification", make_fake)
                worker.load_state_dict(arrays, meta)
        assert published == [4, 8]
        return worker

    once = learn([slice(0, 12)])
    again = learn([slice(0, 5), slice(5, 8), slice(8, 12)], between=True)
    assert state_hash(*once.state_dict()) == state_hash(*again.state_dict())
