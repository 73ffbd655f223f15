"""The job: a member of the group, one learner for each partition it is given."""

from __future__ import annotations

import time
from typing import Unpack

from streamnn.errors import SpecError
from streamnn_connectors.kafka import Change, Fenced, TransactionFailed

from ..run.job import BaseJob, JobOptions
from ..run.result import KafkaResult, PartitionResult
from ..run.warmup import warm_up_without_records
from ..spec.job import JobSpec
from .inputs import Policy, by_time
from .partition import PartitionJob
from .setup import Setup
from .topics import check_topics

LONGEST_WAIT_S = 0.05
"""Seconds that the job waits at most before it looks again whether something is due."""
_SHORT_S = 0.004
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_DUELS = 8
"""Fenced so often within a minute, in partitions that are handed out by nobody: somebody else runs this job."""


class KafkaJob(BaseJob):
    """Reads topics, learns, and writes topics: every event counts once, whatever dies in between.

    Outputs, dead letters and consumed offsets of a batch are one transaction; a checkpoint is only a short cut.
    Any number of processes may run the same spec: the group shares the partitions out, each has one learner
    and one owner at a time, and its state follows it through the checkpoint folder.

    Parameters
    ----------
    spec : JobSpec
        With ``source.topic``.
    policy : callable
        How events and labels are merged, where they come on two topics.
    **options
        ``make``, ``say``, ``progress``, ``observers`` and ``clock``, as of :class:`~streamnn_jobs.run.job.BaseJob`.

    Examples
    --------
    ::

        KafkaJob(load_spec("jobs/kafka.toml")).run()
    """

    def __init__(self, spec: JobSpec, *, policy: Policy = by_time, **options: Unpack[JobOptions]):
        if spec.source.topic is None:
            raise SpecError(
                "source: is no topic, and this job reads one; open_job(spec), or `streamnn run`, opens the "
                "job of a recorded stream"
            )
        super().__init__(spec, **options)
        group = spec.kafka.group or f"streamnn-{spec.source.topic}"
        self._setup = Setup(spec, check_topics(spec, self.say), group, policy, self)
        self._jobs: dict[int, PartitionJob] = {}
        self._retries: dict[int, float] = {}
        self._failures: dict[int, list[float]] = {}
        self._gone: dict[int, PartitionResult] = {}
        self._recovering = False

    @property
    def name(self) -> str:
        """Of the source, for a person."""
        return self._setup.topics.events

    def run(self) -> KafkaResult:
        """Go on until :meth:`stop`, ``run.until_records``, or the end where there is one.

        Raises
        ------
        SourceError, SinkError, StateError, SpecError
            A rerun goes on from what is committed.
        """
        setup = self._setup
        warm_up_without_records(self.spec, self.make, self.say)
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            setup.open_sources()
            for partition in self.spec.kafka.partitions or ():
                self._take(partition)
            outcome = self._loop()
            self._hand_over(list(self._jobs), self._deadline())
        except BaseException:
            for job in self._jobs.values():
                job.close()
            self.audience.ended("failed")
            raise
        finally:
            setup.close_sources()
        self.audience.ended(outcome)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return KafkaResult(
            outcome=outcome, source=self.name, cpu_s=cpu, wall_s=wall, task=setup.task,
            partitions=dict(sorted(self._gone.items())),
        )  # fmt: skip

    def _loop(self) -> str:
        until, setup = self.spec.run.until_records, self._setup
        while not self.control.stopping:
            joined = not setup.events.managed or setup.events.joined  # asked first: partitions come with it
            for change in setup.events.changes() if setup.events.managed else ():
                self._change(change)
            self._retry()
            busy = False
            for partition, job in list(self._jobs.items()):
                try:
                    busy = job.turn() or busy
                except TransactionFailed as error:
                    self._drop(partition, error)
                if self._calm(partition):
                    del self._failures[partition]
            self._tell_recovering()
            if wishes := self.control.save_wanted:
                for partition, job in list(self._jobs.items()):
                    try:
                        job.save_now()
                    except TransactionFailed as error:
                        self._drop(partition, error)
                self.control.saved(wishes)
            if until is not None and sum(job.records for job in self._jobs.values()) >= until:
                return "until"
            if self._jobs and not self._retries and all(job.ended for job in self._jobs.values()):
                return "ended"
            if not busy:
                for job in self._jobs.values():
                    job.tell_lag()
                if joined:
                    self.audience.idle()
                self._rest()
        return "interrupted"

    def _tell_recovering(self) -> None:
        """Which of our partitions are not learnt yet; all the while, for what is learnt again is told nobody."""
        numbers = [*(p for p, job in self._jobs.items() if not job.live), *self._retries]
        if numbers or self._recovering:
            self.audience.recovering([str(p) for p in sorted(numbers)])
        self._recovering = bool(numbers)

    def _rest(self) -> None:
        """Until something comes in, or is due."""
        jobs = self._jobs.values()
        dues = [job.due_s for job in jobs if job.live and job.due_s is not None]
        wait_s = min([LONGEST_WAIT_S, *(max(due - self.clock(), _SHORT_S) for due in dues)])
        coming = any(not job.live for job in jobs)
        if coming or self._setup.labels is not None or self._setup.spec.kafka.until_end:
            # what is there is waited for elsewhere: do not spin on it
            time.sleep(min(wait_s, _SHORT_S))
        else:
            begun_s = time.monotonic()
            self._setup.events.wait(wait_s)
            if time.monotonic() - begun_s < 0.001:
                time.sleep(0.001)

    def _change(self, change: Change) -> None:
        numbers = [int(p) for p in change.partitions]
        if change.kind == "assigned":
            self.say(f"{self._setup.topics.events}: given partitions {numbers}")
            for partition in numbers:
                self._take(partition)
        elif change.kind == "revoked":
            self.say(f"{self._setup.topics.events}: giving up partitions {numbers}")
            self._hand_over(numbers, change.deadline_s)
            self._setup.events.release(change.partitions)
        else:
            self.say(f"{self._setup.topics.events}: lost partitions {numbers}; their state is dropped")
            for partition in numbers:
                self._forget(partition)

    def _take(self, partition: int) -> None:
        self._forget(partition)
        self._jobs[partition] = PartitionJob(self._setup, partition)

    def _forget(self, partition: int) -> None:
        self._retries.pop(partition, None)
        job = self._jobs.pop(partition, None)
        if job is not None:
            job.close()

    def _hand_over(self, partitions: list[int], deadline_s: float) -> None:
        """All within one deadline; what fails is recovered by its next owner."""
        for partition in partitions:
            self._retries.pop(partition, None)
            job = self._jobs.pop(partition, None)
            if job is None:
                continue
            live = job.live
            try:
                job.hand_over(deadline_s)
            except TransactionFailed as error:
                self.say(f"{self._setup.topics.events}/{partition}: {error}")
            else:
                if live:
                    self._gone[partition] = job.result()

    def _drop(self, partition: int, error: TransactionFailed) -> None:
        """Its state is not to be trusted: recover, if the partition is still ours."""
        self.say(f"{self._setup.topics.events}/{partition}: {error}")
        self._forget(partition)
        now = time.monotonic()
        failures = self._failures.setdefault(partition, [])
        failures.append(now)
        ours = not self._setup.events.managed or str(partition) in self._setup.events.partitions()
        if not ours:
            return
        recent = [at for at in failures if now - at < 60]
        if not self._setup.events.managed and isinstance(error, Fenced) and len(recent) > _DUELS:
            raise error
        if now - failures[0] > self.spec.kafka.unreachable_s:
            raise error
        self._retries[partition] = now + _BACKOFF_S[min(len(recent), len(_BACKOFF_S)) - 1]

    def _calm(self, partition: int) -> bool:
        """Whether a partition has gone well for so long that its failures are forgotten."""
        failures = self._failures.get(partition, ())
        return len(failures) > 0 and time.monotonic() - failures[-1] > 60

    def _retry(self) -> None:
        for partition, at in list(self._retries.items()):
            if time.monotonic() >= at:
                self._take(partition)

    def _deadline(self) -> float:
        left = self.control.remaining_s()
        return time.monotonic() + (self.spec.kafka.revoke_timeout_s if left is None else left)
