"""Compile before the clock runs, and say so when that takes long."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from streamnn_connectors.base import Batch

from ..spec.job import JobSpec
from ..spec.learner import LearnerSpec
from .learner import MakeLearner, make_learner
from .worker import Worker

WARM_UP_ROWS = 32
"""Records that the throw-away learner learns."""


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
    tried(spec, task, make, probe).learner.scores()


def tried(spec: JobSpec, task: str, make: MakeLearner, probe: Batch) -> Worker:
    """A worker of a spec that has learnt the first few records of a probe, each label two events later."""
    rows = probe.rows.slice(0, WARM_UP_ROWS)
    apart = [*(spec.features.ignore or ()), *filter(None, [spec.label.time])]
    at_once = spec.model_copy(
        update={
            "features": spec.features.model_copy(update={"ignore": apart}),
            "label": spec.label.model_copy(
                update={"time": None, "delay_events": 2, "expire_after": None, "expire_after_events": None}
            ),
            # published once, so that this does not wait for its kernels when there is work
            "edge": spec.edge and spec.edge.model_copy(update={"first": [WARM_UP_ROWS // 2]}),
        }
    )
    worker = Worker(at_once, task, make(at_once, task))
    worker.step(Batch(rows, np.arange(rows.num_rows, dtype=np.int64), {"position": rows.num_rows}))
    return worker


def warm_up_without_records(spec: JobSpec, make: MakeLearner, say: Callable[[str], None]) -> None:
    """The same with made-up records: a live topic may have none yet."""
    label = [i % 2 for i in range(WARM_UP_ROWS)]
    rows = pa.RecordBatch.from_pydict(
        {
            "number": [float(i) for i in range(WARM_UP_ROWS)],
            "text": ["ab"[i % 2] for i in range(WARM_UP_ROWS)],
            "label": label,
        }
    )
    alone = spec.model_copy(
        update={
            "source": spec.source.model_copy(update={"event_time": None}),
            "label": spec.label.model_copy(
                update={"column": "label", "topic": None, "key": None, "missing": None, "time": None}
            ),
            "features": spec.features.model_copy(update={"include": None, "ignore": None, "categories": []}),
            "learner": _without_classes(spec.learner),
            "edge": spec.edge and spec.edge.model_copy(update={"sensors": {}}),
        }
    )
    probe = Batch(rows, np.arange(WARM_UP_ROWS, dtype=np.int64), {"position": WARM_UP_ROWS})
    try:
        warm_up(alone, spec.learner.task, make, probe, say)
    except Exception as e:  # whatever code of the user's raises
        if not spec.learner.imports:
            raise
        say(f"not warmed up, so the first batch takes longer: your network takes no rows of two columns: {e}")


def _without_classes(learner: LearnerSpec) -> LearnerSpec:
    """What is to be compiled for, but for what the made-up records have not: usual options make no other kernels."""
    if not learner.imports:
        return LearnerSpec(task=learner.task)
    fields = learner.model_dump()
    return LearnerSpec(**{name: value for name, value in fields.items() if name != "classes"})
