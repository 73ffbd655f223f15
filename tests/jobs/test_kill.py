"""SIGKILL of a real `streamnn replay`: nothing lost, nothing twice, the same final hash."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from streamnn_jobs.data.flights import SHIPPED

pytestmark = pytest.mark.slow

RECORDS, KILLS, EVERY = 24_000, 20, 500
OUTPUTS = ("predictions.jsonl", "dead_letters.jsonl", "alarms.jsonl")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flights as JSON lines, with a broken line here and there."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("source") / "flights.jsonl"
    with path.open("w") as f:
        for row in pq.read_table(SHIPPED).slice(0, RECORDS).to_pylist():
            f.write(json.dumps(row) + "\n")
            if rng.random() < 0.01:
                f.write('{"month": 1, "day"\n')
    return path


def command(source: Path, folder: Path) -> list[str]:
    settings = [
        "label.time=t_label_min", "source.event_time=t_event_min", "source.time_unit=min", "label.expire_after=2 days", "label.missing=[-1]",
        'features.ignore=["arr_delay", "dep_delay"]', "run.batch_records=250",
    ]  # fmt: skip
    start = "import sys; from streamnn_jobs.cli.app import main; sys.exit(main())"
    return [
        sys.executable, "-c", start, "replay", str(source), "--label", "y", "--json", "--report", "none",
        "--checkpoint", str(folder / "state"), "--checkpoint-every", str(EVERY), "--output", str(folder / "out"),
        *[part for s in settings for part in ("--set", s)],
    ]  # fmt: skip


def finish(source: Path, folder: Path) -> dict[str, Any]:
    done = subprocess.run(command(source, folder), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def place(folder: Path) -> int:
    """Position of the newest checkpoint."""
    names = [p.name for p in (folder / "state").glob("checkpoint-*.safetensors")]
    return max((int(n[11:23]) for n in names), default=-1)


def test_twenty_kills_change_nothing(source: Path, tmp_path: Path) -> None:
    want = finish(source, tmp_path / "whole")
    rng = np.random.default_rng(1)
    folder = tmp_path / "killed"
    kills = 0
    # most fall on a random place of the stream, some on a random moment of the start
    last = RECORDS - 4 * EVERY
    targets = np.sort(rng.integers(0, last, KILLS))
    for i, target in enumerate(targets):
        process = subprocess.Popen(
            command(source, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + float(rng.uniform(0.05, 1.5)) if i % 5 == 4 else np.inf
        goal = last if i % 5 == 4 else target
        while place(folder) < goal and time.monotonic() < until and process.poll() is None:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0.0, 0.02)))
        kills += process.poll() is None
        process.kill()
        process.wait()
    got = finish(source, folder)
    assert kills == KILLS
    assert got["resumed_at"] > 0 and got["state_hash"] == want["state_hash"]
    for key in ("events", "labelled", "pending", "expired", "dead_letters", "alarms", "accuracy", "log_loss"):
        assert got[key] == want[key], key
    for name in OUTPUTS:
        assert (folder / "out" / name).read_bytes() == (tmp_path / "whole" / "out" / name).read_bytes(), name
    positions = [
        json.loads(line)["position"] for line in (folder / "out" / OUTPUTS[0]).read_text().splitlines()
    ]
    positions += [
        json.loads(line)["position"] for line in (folder / "out" / OUTPUTS[1]).read_text().splitlines()
    ]
    assert sorted(positions) == list(range(len(positions))) and len(positions) > RECORDS
