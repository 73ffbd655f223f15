"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass

from .worker import Worker


@dataclass(slots=True)
class Result:
    """What is left of a run.

    Parameters
    ----------
    outcome : str
        ``"ended"``, ``"until"`` or ``"interrupted"``.
    worker : Worker
        Learner, counters and alarms as they stand.
    source : str
        Name of the source.
    events : int
        Records of this run, without those of the runs it went on from.
    cpu_s, wall_s : float
        Time of the loop, without start-up; `cpu_s` is that of the whole process.
    resumed_at : int or None
        Position this run went on from.
    checkpoint : str or None
        The last one written.
    """

    outcome: str
    worker: Worker
    source: str
    events: int
    cpu_s: float
    wall_s: float
    resumed_at: int | None
    checkpoint: str | None
