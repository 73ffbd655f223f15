"""streamnn_jobs runs: job specs, the runner, label join, checkpoints, dead letters, report, command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoint import CheckpointStore
    from .counters import Counters
    from .join import LabelJoin
    from .load import load_spec, make_spec
    from .predict import Predictor
    from .result import Result
    from .runner import Job
    from .spec import JobSpec
    from .summary import summarise
    from .worker import Worker

_PUBLIC = {
    "CheckpointStore": "checkpoint",
    "Counters": "counters",
    "Job": "runner",
    "JobSpec": "spec",
    "LabelJoin": "join",
    "Predictor": "predict",
    "Result": "result",
    "Worker": "worker",
    "load_spec": "load",
    "make_spec": "load",
    "summarise": "summary",
}

__all__ = [
    "CheckpointStore",
    "Counters",
    "Job",
    "JobSpec",
    "LabelJoin",
    "Predictor",
    "Result",
    "Worker",
    "load_spec",
    "make_spec",
    "summarise",
]


def __getattr__(name: str) -> Any:
    # on first use, so that the command line's help does not wait for arrow
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
