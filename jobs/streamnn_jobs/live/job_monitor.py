"""Watches a job and gives views of it: cheap for the job, harmless to read at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..run.observer import Observer
from ..run.plan import Plan
from ..run.worker import Step, Worker
from .partition_monitor import PartitionMonitor
from .partition_view import PartitionView
from .slope_thread import SlopeThread

VIEW_EVERY_S = 1.0
"""How often views and samples are made."""
VIEW_SHARE = 0.003
"""Most of the job's time that they take: of many partitions they are made less often."""


class JobMonitor(Observer):
    """Keeps a view of every partition up to date while a job runs.

    The job's thread makes the views, between batches and at most once a second; other threads only read
    them. The networks are copied every ten seconds, and only while somebody asks; their slopes, which are
    expensive, are computed beside the job.

    Parameters
    ----------
    clock, wall : callable
        Seconds that only go up, and Unix time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time):
        self._clock, self._wall = clock, wall
        self.began = wall()
        self._began_s = self.beat_s = clock()
        self._next_s = self._began_s
        self._known: set[bool] = set()
        self.slopes = SlopeThread()
        self.partitions: dict[str, PartitionMonitor] = {}
        self.begun = False
        self.recovers: tuple[str, ...] = ()
        """Partitions that are this job's and not learnt yet."""
        self.outcome: str | None = None
        self.plan: Plan | None = None

    @property
    def up_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began_s

    @property
    def silent_s(self) -> float:
        """Seconds since the job last finished a batch or looked for one."""
        return self._clock() - self.beat_s

    @property
    def beat_at(self) -> float:
        """The same moment in Unix time."""
        return self._wall() - self.silent_s

    @property
    def ready(self) -> bool:
        """The job learns what comes, in each of its partitions; one that was given none waits, and is ready too."""
        return self.begun and not self.recovers and self.outcome is None

    def open_partitions(self) -> list[PartitionMonitor]:
        """What is counted of the partitions that are learnt now."""
        return [p for _, p in sorted(dict(self.partitions).items()) if not p.closed]

    def views(self) -> list[PartitionView]:
        """The latest view of each open partition, or of all partitions when all are closed; by name."""
        found = {name: p for name, p in dict(self.partitions).items() if not p.closed} or dict(
            self.partitions
        )
        return [found[name].view for name in sorted(found, key=_numbers_first)]

    def ask(self) -> None:
        """Somebody is interested in all there is, for the next minute."""
        for part in list(self.partitions.values()):
            part.asked_s = self._clock()

    def opened(self, plan: Plan, worker: Worker, resumed_at: int | None) -> None:
        self.plan, self.begun = plan, True
        self.partitions[worker.partition] = PartitionMonitor(worker, resumed_at, self._wall())

    def stepped(self, worker: Worker, step: Step, position: int, seconds: float, lag: int | None) -> None:
        part = self.partitions[worker.partition]
        part.step(step, position, seconds, lag)
        self._tick()

    def waiting(self, worker: Worker, lag: int | None) -> None:
        part = self.partitions.get(worker.partition)
        if part is not None:
            part.lag = lag

    def recovering(self, partitions: Sequence[str]) -> None:
        self.begun, self.recovers = True, tuple(partitions)
        self._tick()

    def idle(self) -> None:
        self.begun = True
        self._tick()

    def saved(self, worker: Worker, path: str | None, size_bytes: int | None, seconds: float) -> None:
        part = self.partitions.get(worker.partition)
        if part is not None:  # else it is not open yet
            part.save(path, size_bytes, seconds, self._wall())

    def closed(self, worker: Worker) -> None:
        part = self.partitions.get(worker.partition)
        if part is not None:
            part.close(self.up_s, self._wall())

    def ended(self, outcome: str) -> None:
        self.outcome = outcome

    def _tick(self) -> None:
        self.beat_s = now = self._clock()
        if now < self._next_s:
            return
        begun_s = time.thread_time()
        parts = [p for p in self.partitions.values() if not p.closed]
        networks = self._look(now, parts)
        for part in parts:
            part.refresh(now - self._began_s, self._wall())
        cost_s = time.thread_time() - begun_s
        if (
            parts and networks not in self._known
        ):  # the first of a kind may compile, which the next does not cost
            self._known.add(networks)
            cost_s = 0.0
        self._next_s = now + max(VIEW_EVERY_S, cost_s / VIEW_SHARE)

    def _look(self, now: float, parts: list[PartitionMonitor]) -> bool:
        """At the networks of one partition: copies and functions here, slopes in a thread of their own."""
        wanting = [p for p in parts if p.wants_networks(now)]
        if not wanting:
            return False
        free = self.slopes.free(now)
        part = min(wanting, key=lambda p: p.slopes_s if free else p.networks_s)
        make = part.look_at_networks(now)
        if make is not None and free:
            part.slopes_s = now
            self.slopes.work(now, make, part.take_slopes)
        return True


def _numbers_first(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isascii() and name.isdigit() else (1 << 62, name)
