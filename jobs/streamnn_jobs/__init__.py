"""streamnn_jobs runs: job specs, the runner, label join, checkpoints, dead letters, report, command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ask.predict import Predictor
    from .job import open_job
    from .kafka.job import KafkaJob
    from .labels.recorded import LabelJoin
    from .run.checkpoint import CheckpointStore
    from .run.counters import Counters
    from .run.result import Result
    from .run.runner import Job
    from .run.summary import summarise
    from .run.worker import Worker
    from .spec.job import JobSpec
    from .spec.load import load_spec, make_spec

_PUBLIC = {
    "CheckpointStore": "run.checkpoint",
    "Counters": "run.counters",
    "Job": "run.runner",
    "JobSpec": "spec.job",
    "KafkaJob": "kafka.job",
    "LabelJoin": "labels.recorded",
    "Predictor": "ask.predict",
    "Result": "run.result",
    "Worker": "run.worker",
    "load_spec": "spec.load",
    "make_spec": "spec.load",
    "open_job": "job",
    "summarise": "run.summary",
}

__all__ = [
    "CheckpointStore",
    "Counters",
    "Job",
    "JobSpec",
    "KafkaJob",
    "LabelJoin",
    "Predictor",
    "Result",
    "Worker",
    "load_spec",
    "make_spec",
    "open_job",
    "summarise",
]


def __getattr__(name: str) -> Any:
    # on first use, so that the command line's help does not wait for arrow
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
