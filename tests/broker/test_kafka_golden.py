"""Upgrades: topics and a checkpoint of a release go on under the code of today, on a real broker."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from golden_topics import EVENTS, MORE, golden_spec, more_inputs, recorded, write
from kafka_job_helpers import Make, Name, Stage, by_chance

from streamnn_connectors.kafka import KafkaSettings
from streamnn_jobs.run.checkpoint import CheckpointStore
from streamnn_jobs.spec.fingerprint import learning_fields, spec_hash

pytestmark = pytest.mark.slow


@pytest.fixture
def golden(settings: KafkaSettings, topic: Make, name: Name) -> tuple[Stage, dict[str, Any]]:
    """The topics of the release, under names of this test."""
    stage, found = Stage(settings, topic, name, labels=True), recorded()
    write(stage, found, name("id"))
    for what in stage.topics:
        offsets = [m["offset"] for m in found["topics"][what]]
        assert [m.offset for m in stage.read(what)] == offsets, what
    return stage, found


def goes_on(stage: Stage, found: dict[str, Any], directory: Path) -> None:
    """What is committed is learnt as it was, nothing of it is written again, and what comes is."""
    end = found["end"]
    result = stage.run(golden_spec(stage, directory)).partitions[0]
    assert result.next == end["next"] and result.counters == end["counters"]
    assert result.state_hash == end["state_hash"]
    for what in ("predictions", "dead", "alarms"):
        assert len(stage.read(what)) == len(found["topics"][what]), what
    for what, values in more_inputs().items():
        stage.produce(what, values)
    result = stage.run(golden_spec(stage, directory), policy=by_chance(1)).partitions[0]
    assert result.next == [EVENTS + MORE, end["next"][1] + MORE]
    positions = [p["position"] for p in stage.predictions()]
    assert positions == [i for i in range(EVENTS + MORE) if i >= EVENTS or i % 20]


def test_from_the_log_alone(golden: tuple[Stage, dict[str, Any]], tmp_path: Path) -> None:
    goes_on(*golden, tmp_path)


def test_from_a_checkpoint_of_the_release(golden: tuple[Stage, dict[str, Any]], tmp_path: Path) -> None:
    stage, found = golden
    folder = tmp_path / f"{found['names']['events']}-0"
    folder.mkdir()
    (folder / found["checkpoint"]["name"]).write_bytes(base64.b64decode(found["checkpoint"]["bytes"]))
    # a checkpoint belongs to topics of its names; those of a test have others
    loaded = CheckpointStore(folder).load()
    assert loaded is not None
    arrays, manifest, _ = loaded
    spec = golden_spec(stage, tmp_path)
    renamed = {"source.topic": stage.topics["events"], "label.topic": stage.topics["labels"]}
    assert learning_fields(spec) == manifest["spec"] | renamed
    mine = manifest | {
        "source": stage.topics["events"],
        "spec": manifest["spec"] | renamed,
        "spec_hash": spec_hash(spec),
    }
    at = sum(int(manifest[part]["position"]) for part in ("resume", "resume_labels"))
    assert 0 < at < sum(found["end"]["next"])  # there is a gap that the merge log leads over
    CheckpointStore(tmp_path / f"{stage.topics['events']}-0").save(at, arrays, mine)
    goes_on(stage, found, tmp_path)
