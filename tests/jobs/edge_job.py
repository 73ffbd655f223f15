"""A small job with a real student, for tests of what is exported from its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from fake_learner import FakeLearner

from streamnn.types import Chunk, Output
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.job import JobSpec
from streamnn_jobs.spec.load import make_spec

RECORDS = 400


class QuietLearner(FakeLearner):
    """Raises no alarms, which would each be published for."""

    def run(self, chunk: Chunk) -> Output:
        out = super().run(chunk)
        out.alarms = []
        return out


def make_quiet(spec: JobSpec, task: str) -> QuietLearner:
    return QuietLearner(task, spec.learner.seed)


def records(path: Path, task: str = "classification", n: int = RECORDS) -> str:
    """Two numbers and a name; which side of a line a point lies, or how far."""
    rng = np.random.default_rng(3)
    with path.open("w") as file:
        for _ in range(n):
            a, b = rng.normal(size=2).round(3).tolist()
            k = ["x", "y", "z"][int(rng.integers(3))]
            far = a - 2 * b + (k == "y")
            y = round(10 * far, 1) if task == "regression" else "up" if far > 0 else "down"
            file.write(json.dumps({"a": a, "b": b, "k": k, "y": y}) + "\n")
    return str(path)


def edge_checkpoint(folder: Path, task: str = "classification", **edge: Any) -> str:
    """Run the job; its folder of checkpoints."""
    source = records(folder / "stream.jsonl", task)
    spec = make_spec(
        {
            "source": {"path": source},
            "label": {"column": "y"},
            "learner": {"task": task},
            "edge": {"first": [64, 128], "every": 256, **edge},
            "checkpoint": {"directory": str(folder / "checkpoints")},
        }
    )
    Job(spec, make=make_quiet).run()
    return str(folder / "checkpoints")
