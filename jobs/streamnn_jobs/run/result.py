"""How a run ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .worker import Worker


@dataclass(slots=True, kw_only=True)
class RunResult:
    """What is left of any run.

    Parameters
    ----------
    outcome : str
        ``"ended"``, ``"until"`` or ``"interrupted"``.
    source : str
        Name of the source.
    cpu_s, wall_s : float
        Time of the loop, without start-up; `cpu_s` is that of the whole process.
    """

    outcome: str
    source: str
    cpu_s: float
    wall_s: float


@dataclass(slots=True, kw_only=True)
class Result(RunResult):
    """What is left of a run over a recorded stream: a :class:`RunResult` and these.

    Parameters
    ----------
    worker : Worker
        Learner, counters and alarms as they stand.
    events : int
        Records of this run, without those of the runs it went on from.
    resumed_at : int or None
        Position this run went on from.
    checkpoint : str or None
        The last one written.
    """

    worker: Worker
    events: int
    resumed_at: int | None
    checkpoint: str | None


@dataclass(slots=True)
class PartitionResult:
    """A partition of a topic as it was handed over.

    Parameters
    ----------
    next : list of int
        Positions of the next event and, on a topic of their own, the next label.
    counters, scores : dict
    pending, waiting : int
        Events waiting for their label, labels waiting for their event.
    state_hash : str
        Of everything that decides what comes next: learner, pending events and labels, counters.
    edge : dict or None
        What its student has come to; see :func:`streamnn_jobs.run.edge_figures.edge_figures`.
    """

    next: list[int]
    counters: dict[str, int]
    scores: dict[str, Any]
    pending: int
    waiting: int
    state_hash: str
    edge: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class KafkaResult(RunResult):
    """What is left of a run over a topic: a :class:`RunResult` and these.

    Parameters
    ----------
    task : str
    partitions : dict of int to PartitionResult
        Those this process had, as they were handed over last.
    """

    task: str
    partitions: dict[int, PartitionResult]

    def summary(self) -> dict[str, Any]:
        """As plain data, with sums over the partitions."""
        sums: dict[str, int] = {}
        for each in self.partitions.values():
            for name, count in each.counters.items():
                sums[name] = sums.get(name, 0) + count
        return {
            "source": self.source,
            "task": self.task,
            "outcome": self.outcome,
            **sums,
            "cpu_s": self.cpu_s,
            "wall_s": self.wall_s,
            "partitions": {str(p): asdict(each) for p, each in self.partitions.items()},
        }
