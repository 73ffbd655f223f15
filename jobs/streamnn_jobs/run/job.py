"""What a recorded and a Kafka job have in common for whoever starts, watches and stops one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypedDict

from ..spec.job import JobSpec
from . import learner as learners
from .control import Control
from .learner import MakeLearner
from .observer import Audience, Observer
from .plan import Plan
from .result import RunResult
from .worker import Worker

Progress = Callable[[Plan, Worker], None]


class JobOptions(TypedDict, total=False):
    """What any job takes beside its spec, by keyword; see :class:`BaseJob`."""

    make: MakeLearner | None
    say: Callable[[str], None]
    progress: Progress
    observers: Sequence[Observer]
    clock: Callable[[], float]


class BaseJob(ABC):
    """A job of a spec, recorded or live; :func:`streamnn_jobs.open_job` picks the one that a spec asks for.

    The two share this face, the workers, the manifest of a checkpoint and when one is due. Their loops stay two,
    for they turn in opposite ways. A recorded job *pulls* from one partition until its end, and its outputs are
    files that know what they hold: after a crash what is there already is muted. A Kafka job is *given* partitions
    and loses them again while it runs, gives each a short turn, learns the gap between checkpoint and committed
    offset again before it is live, and ends a batch with a transaction whose end it does not wait for.

    Parameters
    ----------
    spec : JobSpec
    make : callable, optional
        Makes the learner of a spec and a task.
    say : callable
        Told, in words, what a person should know.
    progress : callable
        Called with plan and worker after every batch.
    observers : sequence of Observer
        Told what the job does; they change nothing.
    clock : callable
        Seconds that only go up; decides nothing but when outputs and checkpoints are written.
    """

    def __init__(
        self,
        spec: JobSpec,
        make: MakeLearner | None = None,
        say: Callable[[str], None] = lambda text: None,
        progress: Progress = lambda plan, worker: None,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        self.spec = spec
        self.make = make or learners.make_learner
        self.say = say
        self.progress = progress
        self.clock = clock
        self.control = Control()
        self.audience = Audience(observers, say)

    def show(self, progress: Progress) -> None:
        """Call `progress` after every batch from now on."""
        self.progress = progress

    def stop(self) -> None:
        """Finish the batch, save, and return; safe to call from a signal handler. More in `control`."""
        self.control.stop()

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the source, for a person."""

    @abstractmethod
    def run(self) -> RunResult:
        """Read, learn and write until there is a reason to end."""
