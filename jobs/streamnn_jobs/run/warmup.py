"""Compile before the clock runs, and say so when that takes long."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streamnn_connectors.base import Batch

from ..spec.job import JobSpec
from .learner import MakeLearner, make_learner
from .worker import Worker

ROWS = 32


def warm_up(
    spec: JobSpec, task: str, make: MakeLearner, probe: Batch | None, say: Callable[[str], None]
) -> None:
    """Let a throw-away learner learn a few records, so that every kernel is compiled or loaded."""
    if probe is None or not probe.rows.num_rows:
        return
    if make is make_learner:
        from streamnn.learners import compiled

        if not compiled(task):
            say("compiling: the first run on a machine takes some 20 seconds longer")
    rows = probe.rows.slice(0, ROWS)
    at_once = spec.model_copy(
        update={
            "label": spec.label.model_copy(
                update={"time": None, "delay_events": 2, "expire_after": None, "expire_after_events": None}
            )
        }
    )
    worker = Worker(at_once, task, make(at_once, task))
    worker.step(Batch(rows, np.arange(rows.num_rows, dtype=np.int64), {"position": rows.num_rows}))
    worker.learner.scores()
