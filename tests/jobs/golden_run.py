"""The job that the golden checkpoint is of, over its recorded stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from script import SINKS, late_spec

from streamnn_connectors import MemorySink, ScriptedSource
from streamnn_jobs.run.runner import Job

FOLDER = Path(__file__).parent / "golden" / "v1"
STOP = 100
NAME = f"checkpoint-{STOP:012d}.safetensors"
Lists = dict[str, MemorySink]


def recorded_stream() -> list[Any]:
    """Dicts, and bytes that are no record."""
    out: list[Any] = []
    for line in (FOLDER / "stream.jsonl").read_bytes().splitlines():
        try:
            out.append(json.loads(line))
        except ValueError:
            out.append(line)
    return out


def sink_lists() -> Lists:
    return {name: MemorySink() for name in SINKS}


def golden_job(folder: str | Path, sinks: Lists, said: list[str] | None = None, **run: Any) -> Job:
    spec = late_spec(str(folder), every_events=1000, **run)
    say = [].append if said is None else said.append
    return Job(spec, source=ScriptedSource(recorded_stream()), sinks=sinks, say=say)
