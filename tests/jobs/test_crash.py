"""Crashes at every position: the same state and the same outputs as without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_learner import make_fake
from script import SINKS, Disk, disks, late_spec, outcome, run, stream

from streamnn_connectors import CRASH, Crash, JsonLinesSink, ScriptedSource
from streamnn_jobs.run.checkpoint import CheckpointStore
from streamnn_jobs.run.runner import Job
from streamnn_jobs.stores import Saved


def predictions(found: dict[str, Disk]) -> list[str]:
    return [repr({k: v for k, v in r.items() if k != "position"}) for r in found["predictions"].records]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    found = disks()
    result, _ = run(stream(), tmp_path_factory.mktemp("whole"), found)
    c = result.worker.counters
    # the stream has what it is meant to have
    assert c.records == 300 and c.dead > 20 and c.expired > 5 and c.learnt > 150 and c.late > 0
    assert result.worker.join.pending > 3
    assert len(found["predictions"].records) == c.predicted
    assert len(found["dead_letters"].records) == c.dead
    assert any("also" in a for a in found["alarms"].records)
    assert set(result.worker.learner.classes) == {"low", "high", "other"}
    return outcome(result, found)


@pytest.mark.parametrize("start", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 10))])
def test_a_crash_at_any_position_changes_nothing(start: int, whole: tuple[Any, ...], tmp_path: Path) -> None:
    for position in range(start, 301, 10):
        items = stream()
        items.insert(position, CRASH)
        found = disks()
        result, crashes = run(items, tmp_path / str(position), found)
        assert crashes == 1
        assert outcome(result, found) == whole, f"crash at {position}"


def test_many_crashes_change_nothing(whole: tuple[Any, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = stream()
    for at in sorted(rng.integers(0, 301, 40).tolist(), reverse=True):
        items.insert(at, CRASH)
    found = disks()
    result, crashes = run(items, tmp_path, found)
    assert crashes == 40
    assert outcome(result, found) == whole


@pytest.mark.parametrize("batch", [1, 3, 64, 300])
def test_batches_change_nothing(batch: int, whole: tuple[Any, ...], tmp_path: Path) -> None:
    found = disks()
    result, _ = run(stream(), tmp_path, found, batch_records=batch)
    assert outcome(result, found) == whole


def test_a_crash_in_a_checkpoint_changes_nothing(
    whole: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = CheckpointStore.save
    calls = 0

    def torn(self: CheckpointStore, position: int, *args: Any) -> Saved:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:  # sinks are flushed, the file is not there yet
            (tmp_path / f"checkpoint-{position:012d}.1.tmp").write_bytes(b"half")
            raise Crash
        return save(self, position, *args)

    monkeypatch.setattr(CheckpointStore, "save", torn)
    found = disks()
    result, crashes = run(stream(), tmp_path, found)
    assert crashes > 3
    assert outcome(result, found) == whole
    monkeypatch.undo()
    assert not list(tmp_path.glob("*.tmp")) or calls % 3  # swept by the next save


def test_bad_records_between_good_ones_change_nothing_for_the_good(tmp_path: Path) -> None:
    good = [
        r for r in stream() if isinstance(r, dict) and r.get("t") is not None and isinstance(r["x"], float)
    ]
    found = disks()
    clean, _ = run(good, tmp_path / "a", found)
    rng = np.random.default_rng(3)
    items: list[Any] = list(good)
    hostile: list[Any] = [
        b"\xff\xfe",
        b"[1]",
        {"t": None, "x": 1.0, "y": "low", "fresh": 1.0},
        {"t": 3.0, "x": [{"y": object()}], "y": "new class", "known": 5.0},
        {"t": float("inf"), "x": 1.0, "y": "low"},
        {"t": "never", "x": 1.0, "y": "low"},
    ]
    for i, at in enumerate(sorted(rng.integers(1, len(good), 60).tolist(), reverse=True)):
        items.insert(at, hostile[i % len(hostile)])
    found2 = disks()
    mixed, _ = run(items, tmp_path / "b", found2)
    assert mixed.worker.counters.dead == 60
    assert mixed.worker.learner.state_hash() == clean.worker.learner.state_hash()
    assert predictions(found) == predictions(found2)


def test_files_are_byte_identical(tmp_path: Path) -> None:
    def files(name: str, items: list[Any]) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir()
        source = ScriptedSource(items)
        while True:
            sinks = {k: JsonLinesSink(folder / f"{k}.jsonl") for k in SINKS}
            try:
                Job(late_spec(str(folder / "c")), source=source, sinks=sinks, make=make_fake).run()
                return {k: (folder / f"{k}.jsonl").read_bytes() for k in SINKS}
            except Crash:
                for sink in sinks.values():
                    sink._drain()  # everything reached the disk, and then half a line
                    sink._release()
                with (folder / "predictions.jsonl").open("ab") as f:
                    f.write(b'{"position":')

    items = stream()
    for at in (260, 133, 20, 20):
        items.insert(at, CRASH)
    assert files("crashed", items) == files("whole", stream())
