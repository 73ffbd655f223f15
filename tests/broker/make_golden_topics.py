"""Makes the golden topics, only for a new format: ``pytest tests/broker/make_golden_topics.py``. Those of a release stay."""

from __future__ import annotations

from pathlib import Path

from golden_topics import FILE, golden_spec, inputs, record
from kafka_job_helpers import Make, Name, Stage, by_chance

from streamnn_connectors.kafka import KafkaSettings
from streamnn_jobs.run.checkpoint import CheckpointStore


def test_make(settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path) -> None:
    stage = Stage(settings, topic, name, labels=True)
    for what, values in inputs().items():
        stage.produce(what, values)
    spec = golden_spec(stage, tmp_path, checkpoint__every_events=120, checkpoint__keep=9)
    result = stage.run(spec, policy=by_chance(7), clock=lambda: 0.0).partitions[0]
    files = CheckpointStore(tmp_path / f"{stage.topics['events']}-0").files()
    end = {"next": result.next, "counters": result.counters, "state_hash": result.state_hash}
    record(stage, end, Path(files[len(files) // 2].path))
    assert FILE.stat().st_size < 100_000
