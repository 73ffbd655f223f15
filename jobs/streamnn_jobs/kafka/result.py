"""How a Kafka job ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from streamnn.state import state_hash

from ..run.summary import plain
from .partition import PartitionJob


@dataclass(slots=True)
class PartitionResult:
    """A partition as it was handed over.

    Parameters
    ----------
    next : list of int
        Positions of the next event and, on a topic of their own, the next label.
    counters, scores : dict
    pending, waiting : int
        Events waiting for their label, labels waiting for their event.
    state_hash : str
        Of everything that decides what comes next: learner, pending events and labels, counters.
    """

    next: list[int]
    counters: dict[str, int]
    scores: dict[str, Any]
    pending: int
    waiting: int
    state_hash: str

    @classmethod
    def of(cls, job: PartitionJob) -> PartitionResult:
        """Of a job's end."""
        worker = job.worker
        assert worker is not None
        return cls(
            job.last,
            worker.counters.to_dict(),
            plain(worker.learner.scores()),
            worker.join.pending,
            worker.join.waiting,
            state_hash(*worker.state_dict()),
        )


@dataclass(slots=True)
class KafkaResult:
    """What is left of a run.

    Parameters
    ----------
    outcome : str
        ``"ended"``, ``"until"`` or ``"interrupted"``.
    source, task : str
    partitions : dict of int to PartitionResult
        Those this process had, as they were handed over last.
    cpu_s, wall_s : float
    """

    outcome: str
    source: str
    task: str
    partitions: dict[int, PartitionResult]
    cpu_s: float
    wall_s: float

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
