"""The short form of benchmarks/soak.py: memory, file descriptors and disk of a job that runs on stay where they are."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.parametrize("phase", [("--minutes", "2"), ("--days", "6"), ("--joined", "2")])
def test_nothing_grows(phase: tuple[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "soak.json"
    none = ["--minutes", "0", "--days", "0", "--joined", "0"]
    done = subprocess.run(
        [sys.executable, str(SOAK), *none, *phase, "--json", str(kept)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(kept.read_text()).values()
    assert found["flat"] and found["checkpoints"] > 5 and found["dead letters"] > 0
    assert len(found["samples"]) > 60


@pytest.fixture(scope="module")
def parts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_soak", SOAK.with_name("_soak.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_soak"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("leak_mb", "leaked_files", "steps", "flat"),
    [
        (0.0, 0, 0, True),
        (8.0, 0, 0, False),
        (8.0, 0, 1, False),
        (0.0, 5, 0, False),
        (0.0, 0, 1, True),
        (0.0, 0, 3, False),
        (2.5, 0, -1, True),
        (8.0, 0, -1, False),
    ],
)
def test_a_leak_is_told_from_a_heap_that_swells_and_shrinks(
    leak_mb: float, leaked_files: int, steps: int, flat: bool, parts: ModuleType, tmp_path: Path
) -> None:
    """Half an hour, with eight megabytes lost or none, a byte a record; and steps of four megabytes up or down."""
    rng = np.random.default_rng(3)
    sampler = parts.Sampler(lambda: 0.0, 15.0, tmp_path)
    sampler.records, sampler.saves = 13_000_000, 600
    for i in range(120):
        rss = 340 + leak_mb * i / 120 + rng.normal(0, 0.2)
        rss += math.copysign(4.0, steps) * sum(i > at for at in (60, 80, 100)[: abs(steps)])
        files = 6 + leaked_files * i // 120
        sampler.samples.append(parts.Sample(i / 240, i * 100_000, rss, files, 6, 18.0))
    assert parts.figures(sampler, 2, 0.0)["flat"] is flat


def test_limits_are_low_only_within(parts: ModuleType) -> None:
    from streamnn_jobs.outputs import alarms as alarmlog

    usual = alarmlog.KEPT_ALARMS
    with parts.low_limits():
        assert usual > alarmlog.KEPT_ALARMS
    assert usual == alarmlog.KEPT_ALARMS
