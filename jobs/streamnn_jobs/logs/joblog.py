"""Logs what a job does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from streamnn_connectors.base import BadRecord

from ..outputs.dead_letters import TEXT_BYTES, reason_word
from ..run.control import Control
from ..run.counters import Counters
from ..run.observer import Observer
from ..run.plan import Plan
from ..run.worker import Step, Worker
from ..spec.fingerprint import spec_hash
from ..spec.job import JobSpec
from ..version import VERSION
from .log import Log

LISTED_PER_MINUTE = 10
"""Dead letters listed a minute."""
_ALARM = ("position", "cause", "signal", "statistic", "direction", "feature", "began_position")


class JobLog(Observer):
    """Events of a job as log lines. What records hold is not logged unless `log.records` allows it.

    Parameters
    ----------
    log : Log
    spec : JobSpec
    control : Control
    clock : callable
        Seconds that only go up.
    """

    def __init__(
        self, log: Log, spec: JobSpec, control: Control, clock: Callable[[], float] = time.monotonic
    ):
        self._log, self._spec, self._control, self._clock = log, spec, control, clock
        self._began_s = self._told_s = self._minute_s = clock()
        self._records = 0
        self._workers: dict[str, Worker] = {}
        self._alarms: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._listed = self._unlisted = 0
        self._paused = False
        self._started = False

    def opened(self, plan: Plan, worker: Worker, resumed_at: int | None) -> None:
        if not self._started:
            self._started = True
            self._log.event(
                "job_started", version=VERSION, source=plan.name, task=worker.task,
                spec_hash=spec_hash(plan.spec)[:16], pid=os.getpid(),
            )  # fmt: skip
        name = worker.partition
        self._workers[name] = worker
        self._alarms[name] = worker.alarms.count
        self._before[name] = worker.counters.records
        self._log.event(
            "partition_opened", partition=name, position=resumed_at or 0, resumed=resumed_at is not None
        )

    def stepped(self, worker: Worker, step: Step, position: int, seconds: float, lag: int | None) -> None:
        self._records += step.records
        name, alarms = worker.partition, worker.alarms
        fresh = alarms.count - self._alarms[name]
        if fresh:
            self._alarms[name] = alarms.count
            for alarm in alarms.recent[-fresh:]:
                fields = {k: alarm[k] for k in _ALARM if alarm.get(k) not in (None, "")}
                self._log.event("alarm", str(alarm.get("cause", "")), partition=name, **fields)
        for each in step.publications:
            self._log.event(
                "artefact_refused" if each.refused else "artefact_published",
                each.refused or "", partition=name, labels=each.event, reason=each.reason,
            )  # fmt: skip
        for bad in (*step.bad, *step.bad_labels):
            self._dead(name, bad)
        self._tick(lag)

    def idle(self) -> None:
        self._tick(None)

    def saved(self, worker: Worker, path: str | None, size_bytes: int | None, seconds: float) -> None:
        if path is not None:
            self._log.event(
                "checkpoint_written", partition=worker.partition, path=path, bytes=size_bytes, seconds=seconds
            )

    def closed(self, worker: Worker) -> None:
        if self._workers.pop(worker.partition, None) is not None:
            self._leftover()
            c = worker.counters
            self._log.event(
                "partition_closed", partition=worker.partition, **_counts(c), pending=worker.join.pending
            )

    def ended(self, outcome: str) -> None:
        seconds = self._clock() - self._began_s
        self._log.event("job_ended", outcome=outcome, records=self._records, seconds=seconds)

    def _dead(self, partition: str, bad: BadRecord) -> None:
        now = self._clock()
        if now - self._minute_s >= 60.0:
            self._minute_s, self._listed = now, 0
        if self._listed == LISTED_PER_MINUTE:
            self._unlisted += 1
            return
        self._listed += 1
        content: dict[str, Any] = {}
        if self._spec.log.records:
            content = {"why": bad.reason, "text": bad.raw[:TEXT_BYTES].decode("utf-8", "backslashreplace")}
        word = reason_word(bad.reason)
        self._log.event(
            "dead_letter", word, partition=partition, position=bad.position, stage=bad.stage, **content
        )

    def _leftover(self) -> None:
        if self._unlisted:
            self._log.event("dead_letters_unlisted", count=self._unlisted)
            self._unlisted = 0

    def _tick(self, lag: int | None) -> None:
        paused = self._control.paused
        if paused != self._paused:
            self._paused = paused
            self._log.event("paused" if paused else "resumed")
        now = self._clock()
        if now - self._told_s < self._spec.log.every_s:
            return
        span, self._told_s = now - self._told_s, now
        self._leftover()
        for name, worker in self._workers.items():
            scores = worker.learner.scores()
            read = worker.counters.records - self._before[name]
            self._before[name] = worker.counters.records
            figures: dict[str, Any] = {
                k: scores.get(k) for k in ("accuracy", "log_loss", "mae", "regret_per_event")
            }
            self._log.event(
                "progress", partition=name, **_counts(worker.counters), pending=worker.join.pending,
                records_per_s=read / span, lag=lag if len(self._workers) == 1 else None, **figures,
            )  # fmt: skip


def _counts(c: Counters) -> dict[str, Any]:
    return {
        "records": c.records,
        "learnt": c.learnt,
        "dead_letters": c.dead + c.label_dead,
        "alarms": c.alarms,
    }
