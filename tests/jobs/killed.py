"""A real `streamnn replay` of flights that is killed again and again, and what it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from streamnn_jobs.data.flights import SHIPPED

OUTPUTS = ("predictions.jsonl", "dead_letters.jsonl", "alarms.jsonl")
_SETTINGS = [
    "label.time=t_label_min", "source.event_time=t_event_min", "source.time_unit=min", "label.expire_after=2 days",
    "label.missing=[-1]", 'features.ignore=["arr_delay", "dep_delay"]', "run.batch_records=250",
]  # fmt: skip


def flights(path: Path, records: int) -> Path:
    """Flights as JSON lines, with a broken line here and there."""
    rng = np.random.default_rng(0)
    with path.open("w") as f:
        for row in pq.read_table(SHIPPED).slice(0, records).to_pylist():
            f.write(json.dumps(row) + "\n")
            if rng.random() < 0.01:
                f.write('{"month": 1, "day"\n')
    return path


def replay(source: Path, folder: Path, every: int, *more: str) -> list[str]:
    """Arguments of a replay that leaves its checkpoints and its outputs in a folder."""
    return [
        "replay", str(source), "--label", "y", "--json", "--report", "none", *more,
        "--checkpoint", str(folder / "state"), "--checkpoint-every", str(every), "--output", str(folder / "out"),
        *[part for s in _SETTINGS for part in ("--set", s)],
    ]  # fmt: skip


def _command(arguments: list[str]) -> list[str]:
    return [
        sys.executable,
        "-c",
        "import sys; from streamnn_jobs.cli.app import main; sys.exit(main())",
        *arguments,
    ]


def finish(arguments: list[str]) -> dict[str, Any]:
    """The figures of a run to its end."""
    done = subprocess.run(_command(arguments), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def kill(
    arguments: list[str], folder: Path, moments: Iterable[tuple[int, float]], sleeps_s: Iterable[float]
) -> int:
    """Start it once a moment and kill it a little later; how many were still running.

    A moment is a checkpoint at a position, or so many seconds, whichever comes first.
    """
    kills = 0
    for (goal, within_s), sleep_s in zip(moments, sleeps_s, strict=True):
        process = subprocess.Popen(_command(arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + within_s
        while _place(folder) < goal and time.monotonic() < until and process.poll() is None:
            time.sleep(0.001)
        time.sleep(sleep_s)
        kills += process.poll() is None
        process.kill()
        process.wait()
    return kills


def _place(folder: Path) -> int:
    """Position of the newest checkpoint."""
    names = [p.name for p in (folder / "state").glob("checkpoint-*.safetensors")]
    return max((int(n[11:23]) for n in names), default=-1)


def same_outputs(folder: Path, other: Path) -> None:
    """Every file of outputs has the same bytes in both."""
    for name in OUTPUTS:
        assert (folder / "out" / name).read_bytes() == (other / "out" / name).read_bytes(), name
