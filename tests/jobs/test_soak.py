"""The short form of benchmarks/soak.py: memory, file descriptors and disk of a job that runs on stay where they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--minutes", "2", "--days", "0"), ("--minutes", "0", "--days", "2")])
def test_nothing_grows(options: tuple[str, ...], tmp_path: Path) -> None:
    kept = tmp_path / "soak.json"
    done = subprocess.run(
        [sys.executable, str(SOAK), *options, "--json", str(kept)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(kept.read_text()).values()
    assert found["flat"] and found["checkpoints"] > 5 and found["dead letters"] > 0
    assert len(found["samples"]) > 60
