"""The job that the golden checkpoint is of, over its recorded stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from script import SINKS, late_spec

from streamnn_connectors import MemorySink, ScriptedSource
from streamnn_jobs.run.runner import Job

FOLDER = Path(__file__).parent / "golden" / "v1"
TORCH_FOLDER = FOLDER.parent / "torch-v1"
TORCH = {"kind": "torch", "make": "streamnn_jobs.examples:mlp", "road": "lowered", "batch": 2}
"""A network of one's own over the same stream, stopped at the same place: see :data:`TORCH_FOLDER`."""
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


def golden_job(
    folder: str | Path,
    sinks: Lists,
    said: list[str] | None = None,
    learner: dict[str, Any] | None = None,
    **run: Any,
) -> Job:
    spec = late_spec(str(folder), every_events=1000, learner=learner, **run)
    say = [].append if said is None else said.append
    return Job(spec, source=ScriptedSource(recorded_stream()), sinks=sinks, say=say)
