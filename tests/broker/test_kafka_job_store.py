"""A job over Kafka whose object store goes away: it ends with clear words, and the log has everything."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from kafka_helpers import committed
from kafka_job_helpers import Make, Name, Stage, event
from s3_helpers import environment, serving

from streamnn.errors import StateError
from streamnn_connectors.kafka import KafkaSettings, Offset
from streamnn_jobs.process.exits import exit_code
from streamnn_jobs.run.checkpoint import CheckpointStore

pytestmark = pytest.mark.slow
URL = "s3://bucket/job"


def test_an_object_store_that_goes_away(
    settings: KafkaSettings, topic: Make, name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(settings, topic, name)
    stage.produce("events", [event(i, y=i % 2) for i in range(2000)])
    options = {"checkpoint__every_events": 200, "checkpoint__timeout_s": 2.0, "run__batch_records": 50}
    spec = stage.spec(URL, **options)
    with ExitStack() as server:
        environment(monkeypatch, server.enter_context(serving()))
        steps = [0]

        def progress(plan: Any, worker: Any) -> None:
            steps[0] += 1
            if steps[0] == 21:
                place = f"{URL}/{stage.topics['events']}-0"
                assert [saved.position for saved in CheckpointStore(place).files()] == [1000, 800]
                server.close()

        with pytest.raises(StateError, match=r"checkpoint-.+: can't be written: no connection") as e:
            stage.run(spec, progress=progress, clock=lambda: 0.0)
        assert exit_code(e.value) == 4
    at = committed(settings, stage.group, stage.topics["events"])
    assert at is not None and 1100 <= at.offset <= 1300  # what was committed stays so
    with pytest.raises(StateError, match=r"owner\.json: can't be read: no connection"):
        stage.run(spec)
    assert committed(settings, stage.group, stage.topics["events"]) == at
    with serving() as endpoint:  # and has lost everything
        environment(monkeypatch, endpoint)
        said: list[str] = []
        result = stage.run(spec, say=said.append).partitions[0]
        assert any("no checkpoint, learning again from the first message" in text for text in said)
        again = stage.run(spec).partitions[0]
    assert committed(settings, stage.group, stage.topics["events"]) == Offset(2000)
    assert [p["position"] for p in stage.predictions()] == list(range(2000))
    whole = stage.run(stage.spec(None)).partitions[0]
    assert result.state_hash == again.state_hash == whole.state_hash
