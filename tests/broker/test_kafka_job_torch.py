"""A torch network over topics: labels on one of their own, dead letters, crashes, and the same state from the log alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kafka_job_helpers import Make, Name, Stage, by_chance, event, label

from streamnn_connectors.kafka import KafkaSettings

pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")
pytestmark = pytest.mark.slow

EVENTS = 600
LEARNER = {
    "learner__kind": "torch",
    "learner__make": "streamnn_jobs.examples:mlp",
    "learner__optimizer": "sgd",
    "learner__batch": 4,
}


class Crash(BaseException):
    """Ends a job as nothing in it expects."""


def test_late_labels_dead_letters_and_crashes(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path
) -> None:
    stage = Stage(settings, topic, name, labels=True)
    stage.produce("events", [b"{broken" if i % 50 == 9 else event(i) for i in range(EVENTS)])
    stage.produce("labels", [b"no label" if i % 70 == 11 else label(i) for i in range(EVENTS)])
    spec = stage.spec(tmp_path / "a", checkpoint__every_events=100, **LEARNER)
    left = [3]

    def progress(plan: Any, worker: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Crash

    with pytest.raises(Crash):
        stage.run(spec, make=None, policy=by_chance(1), progress=progress)
    result = stage.run(spec, make=None, policy=by_chance(2)).partitions[0]
    good = [i for i in range(EVENTS) if i % 50 != 9]
    assert [p["position"] for p in stage.predictions()] == good
    dead = stage.read("dead")
    assert len(dead) == result.counters["dead"] + result.counters["label_dead"] > 12
    assert result.counters["learnt"] > 0.9 * EVENTS and 0 <= result.scores["accuracy"] <= 1
    # the log alone says what the state is
    again = stage.run(stage.spec(tmp_path / "b", **LEARNER), make=None).partitions[0]
    assert again.state_hash == result.state_hash
    assert [p["position"] for p in stage.predictions()] == good
