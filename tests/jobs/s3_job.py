"""A job on the scripted stream with its checkpoints at a URL, as a process of its own: URL [EVERY [LEASE_S]]."""

from __future__ import annotations

import sys
import time
from typing import Any

from fake_learner import make_fake
from script import stream

from streamnn.errors import StreamnnError
from streamnn_connectors import ScriptedSource
from streamnn_jobs.process.exits import exit_code
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.job import JobSpec
from streamnn_jobs.spec.load import make_spec


def s3_spec(url: str, until: int | None = None, lease_s: float = 2.0, timeout_s: float = 2.0) -> JobSpec:
    """Many checkpoints, short leases."""
    checkpoint: dict[str, Any] = {
        "directory": url,
        "every_events": 20,
        "lease_s": lease_s,
        "timeout_s": timeout_s,
    }
    return make_spec(
        {
            "source": {"path": "script.jsonl", "event_time": "t"},
            "label": {"column": "y", "time": "known", "expire_after": 40.0},
            "learner": {"task": "classification"},
            "checkpoint": checkpoint,
            "run": {"batch_records": 7, "until_records": until},
        }
    )


def main(url: str, pause_s: float) -> int:
    """Run slowly, saying where it is; its exit code is that of the command line."""

    def progress(plan: Any, worker: Any) -> None:
        print(worker.counters.records, flush=True)
        time.sleep(pause_s)

    try:
        result = Job(
            s3_spec(url), source=ScriptedSource(stream()), sinks={}, make=make_fake, progress=progress
        ).run()
    except StreamnnError as e:
        print(e, file=sys.stderr)
        return exit_code(e)
    print(result.worker.learner.state_hash(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
