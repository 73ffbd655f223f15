"""Compile before the first record: a live topic may have none yet."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from streamnn_connectors.base import Batch

from ..run.warmup import ROWS, warm_up
from .setup import Setup


def warm_up_without_records(setup: Setup) -> None:
    """Let a throw-away learner learn a few made-up records."""
    spec = setup.spec
    label = [i % 2 for i in range(ROWS)]
    rows = pa.RecordBatch.from_pydict(
        {
            "number": [float(i) for i in range(ROWS)],
            "text": ["ab"[i % 2] for i in range(ROWS)],
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
            "learner": type(spec.learner)(task=spec.learner.task),
        }
    )
    probe = Batch(rows, np.arange(ROWS, dtype=np.int64), {"position": ROWS})
    warm_up(alone, setup.task, setup.job.make, probe, setup.job.say)
