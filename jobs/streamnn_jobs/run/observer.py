"""Who looks on while a job runs: metrics, the live page, logs. They see everything and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .plan import Plan
from .worker import Step, Worker


class Observer:
    """Told what a job does, in the job's own thread, between batches: be quick. Each method does nothing by itself.

    A worker is told of as long as it is open, from :meth:`opened` to :meth:`closed`; it is
    known by its `partition`.
    """

    def opened(self, plan: Plan, worker: Worker, resumed_at: int | None) -> None:
        """A partition is learnt from now on; `resumed_at` is the position of its checkpoint, if it had one."""

    def stepped(self, worker: Worker, step: Step, position: int, seconds: float, lag: int | None) -> None:
        """A batch was learnt and handed to the outputs.

        Parameters
        ----------
        worker : Worker
        step : Step
        position : int
            Of the next record.
        seconds : float
            Time that it took, reading included.
        lag : int or None
            Records that are there and not read yet, where that is known.
        """

    def recovering(self, partitions: Sequence[str]) -> None:
        """These are ours and not open yet: what was learnt is fetched, or learnt again. Called again and again, the
        last time with none."""

    def idle(self) -> None:
        """There is nothing to read now, or the job is paused; called again and again."""

    def waiting(self, worker: Worker, lag: int | None) -> None:
        """Nothing is read of the partition now; called before each :meth:`idle`, `lag` as in :meth:`stepped`."""

    def saved(self, worker: Worker, path: str | None, size_bytes: int | None, seconds: float) -> None:
        """Outputs are safe and, with a checkpoint folder, the state is in the file `path`."""

    def closed(self, worker: Worker) -> None:
        """The partition is given up."""

    def ended(self, outcome: str) -> None:
        """The job is over: ``"ended"``, ``"until"``, ``"interrupted"`` or ``"failed"``."""


class Audience(Observer):
    """Passes on to all observers. One that fails is dropped and never harms the job.

    Parameters
    ----------
    observers : sequence of Observer
    say : callable
        Told, in words, of one that failed.
    """

    def __init__(self, observers: Sequence[Observer], say: Callable[[str], None]):
        self._all = list(observers)
        self._say = say

    def add(self, observer: Observer) -> None:
        """One more from now on."""
        self._all.append(observer)

    def opened(self, plan: Plan, worker: Worker, resumed_at: int | None) -> None:
        self._tell(lambda o: o.opened(plan, worker, resumed_at))

    def stepped(self, worker: Worker, step: Step, position: int, seconds: float, lag: int | None) -> None:
        self._tell(lambda o: o.stepped(worker, step, position, seconds, lag))

    def recovering(self, partitions: Sequence[str]) -> None:
        self._tell(lambda o: o.recovering(partitions))

    def idle(self) -> None:
        self._tell(lambda o: o.idle())

    def waiting(self, worker: Worker, lag: int | None) -> None:
        self._tell(lambda o: o.waiting(worker, lag))

    def saved(self, worker: Worker, path: str | None, size_bytes: int | None, seconds: float) -> None:
        self._tell(lambda o: o.saved(worker, path, size_bytes, seconds))

    def closed(self, worker: Worker) -> None:
        self._tell(lambda o: o.closed(worker))

    def ended(self, outcome: str) -> None:
        self._tell(lambda o: o.ended(outcome))

    def _tell(self, what: Callable[[Observer], None]) -> None:
        for observer in list(self._all):
            try:
                what(observer)
            except Exception as e:
                self._all.remove(observer)
                self._say(
                    f"{type(observer).__name__} failed and is off from here on: {type(e).__name__}: {e}"
                )
