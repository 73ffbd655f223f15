"""Upgrades: the checkpoint of a release goes on under the code of today."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from golden_run import FOLDER, NAME, STOP, golden_job, sink_lists

from streamnn.errors import StateError
from streamnn.state import FORMAT, from_bytes, state_hash, to_bytes
from streamnn_jobs.ask.checkpoints import open_checkpoint, open_worker
from streamnn_jobs.run.checkpoint import CheckpointStore, read_checkpoint

MEANT = (
    "the golden checkpoint ends elsewhere than it did. Before a release, if what is learnt changed on purpose: "
    "python tests/jobs/golden/make.py, and say so in CHANGELOG.md; after it, an old checkpoint must go on"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the golden checkpoint, as a job finds it."""
    made = tmp_path / "checkpoints"
    made.mkdir()
    (made / NAME).write_bytes(lzma.decompress((FOLDER / f"{NAME}.xz").read_bytes()))
    return made


def close(found: Any, expected: Any) -> bool:
    """Equal, floats to six digits."""
    if isinstance(expected, float) and isinstance(found, int | float):
        return found == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)
    if isinstance(expected, dict):
        same = isinstance(found, dict) and found.keys() == expected.keys()
        return same and all(close(found[k], v) for k, v in expected.items())
    if isinstance(expected, list):
        same = isinstance(found, list) and len(found) == len(expected)
        return same and all(close(a, b) for a, b in zip(found, expected, strict=True))
    return bool(found == expected)


def test_it_goes_on_and_ends_where_it_did(folder: Path) -> None:
    expected = json.loads(lzma.decompress((FOLDER / "end.json.xz").read_bytes()))
    sinks, said = sink_lists(), list[str]()
    result = golden_job(folder, sinks, said).run()
    assert f"going on from {NAME}" in said and result.resumed_at == STOP
    assert result.worker.counters.to_dict() == expected["counters"]
    for name, sink in sinks.items():
        rows = json.loads(json.dumps(sink.records))
        # an alarm on an event before the stop may be said after it
        late = [r for r in rows if r["position"] >= STOP]
        assert len(late) > 2 or name == "alarms"
        assert close(late, expected["outputs"][name]), f"{name}: {MEANT}"
    assert result.worker.learner.state_hash() == expected["state_hash"], MEANT


def test_what_is_loaded_is_what_was_saved(folder: Path) -> None:
    arrays, manifest, path = open_checkpoint(folder, print)
    again = open_worker(arrays, manifest).state_dict()
    plain = json.loads(json.dumps(again[1]))
    assert state_hash(again[0], plain) == state_hash(arrays, manifest["worker"])
    data = Path(path.path).read_bytes()
    assert to_bytes(*from_bytes(data)) == data


def test_a_newer_one_is_refused_and_the_one_before_is_used(folder: Path) -> None:
    arrays, manifest = from_bytes((folder / NAME).read_bytes())
    newer = folder / "checkpoint-000000000120.safetensors"
    newer.write_bytes(to_bytes(arrays, manifest | {"format": FORMAT + 1}))
    with pytest.raises(
        StateError, match=r"000120\.safetensors: format 2 is not 1: written by another release"
    ):
        read_checkpoint(newer)
    said: list[str] = []
    found = CheckpointStore(folder, warn=said.append).load()
    assert found is not None and found[2].name == NAME
    assert len(said) == 1 and "written by another release" in said[0] and f"going on from {NAME}" in said[0]
    (folder / NAME).unlink()
    with pytest.raises(StateError, match="no checkpoint can be used"):
        CheckpointStore(folder).load()


def test_a_damaged_one_is_refused_and_the_one_before_is_used(folder: Path) -> None:
    whole = (folder / NAME).read_bytes()
    newer = folder / "checkpoint-000000000120.safetensors"
    newer.write_bytes(whole[: len(whole) // 2])
    said: list[str] = []
    found = CheckpointStore(folder, warn=said.append).load()
    assert found is not None and found[2].name == NAME and "damaged" in said[0]
