"""The same crashes with the real learner, growing features and classes included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from script import disks, outcome, run, stream

from streamnn_connectors import CRASH


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    found = disks()
    result, _ = run(stream(), tmp_path_factory.mktemp("whole"), found, make=None)
    assert result.worker.counters.records == 300
    return outcome(result, found)


def crash_at(position: int, folder: Path) -> tuple[Any, ...]:
    items = stream()
    items.insert(position, CRASH)
    found = disks()
    result, crashes = run(items, folder, found, make=None, every_events=50)
    assert crashes == 1
    return outcome(result, found)


@pytest.mark.parametrize("batch", [1, 64, 300])
def test_batches_change_nothing(batch: int, whole: tuple[Any, ...], tmp_path: Path) -> None:
    found = disks()
    result, _ = run(stream(), tmp_path, found, make=None, every_events=1000, batch_records=batch)
    assert outcome(result, found) == whole


@pytest.mark.parametrize("position", [0, 1, 41, 83, 151, 222, 300])
def test_a_crash_changes_nothing(position: int, whole: tuple[Any, ...], tmp_path: Path) -> None:
    assert crash_at(position, tmp_path) == whole


@pytest.mark.slow
@pytest.mark.parametrize("start", range(10))
def test_a_crash_at_any_position_changes_nothing(start: int, whole: tuple[Any, ...], tmp_path: Path) -> None:
    for position in range(start, 301, 10):
        assert crash_at(position, tmp_path / str(position)) == whole, f"crash at {position}"
