"""A recorded job: one partition, read, learnt and written in one loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from streamnn.errors import SinkError, SourceError, StateError
from streamnn_connectors.base import Partition, Resume, Source

from ..spec.job import JobSpec
from .checkpoint import CheckpointCadence, CheckpointStore
from .job import BaseJob, JobOptions
from .joined_worker import new_worker
from .limits import LimitNotes
from .manifest import ANOTHER_FOLDER, check_manifest, file_identity, is_another_file, make_manifest
from .plan import make_plan
from .publisher import Publisher, open_publisher
from .result import Result
from .sinks import ColumnSink, Outputs, open_sinks
from .student import student_note
from .time_notes import TimeNotes
from .warmup import warm_up
from .worker import Step, Worker

POLL_PAUSE_S = 0.01
"""How long a live stream with nothing to read is left alone."""


class Job(BaseJob):
    """A stream, a learner and outputs, with one state that is saved as one file.

    The log is the truth and a checkpoint only a short cut: after a crash the newest checkpoint is loaded,
    what was learnt since is learnt again with the outputs already written muted, and the job goes on. The
    final state and the outputs are those of a run that never stopped.

    Parameters
    ----------
    spec : JobSpec
    source : Source, optional
        Instead of the one the spec names.
    sinks : mapping of str to sink, optional
        Instead of the files the spec names: any of ``predictions``, ``dead_letters``, ``alarms``.
    **options
        ``make``, ``say``, ``progress``, ``observers`` and ``clock``, as of :class:`~streamnn_jobs.run.job.BaseJob`.

    Examples
    --------
    ::

        result = Job(load_spec("jobs/flights.toml")).run()
        result.worker.learner.scores()["accuracy"]
    """

    def __init__(
        self,
        spec: JobSpec,
        *,
        source: Source | None = None,
        sinks: Mapping[str, ColumnSink] | None = None,
        **options: Unpack[JobOptions],
    ):
        self.plan = make_plan(spec, source)
        super().__init__(self.plan.spec, **options)
        self._sinks = sinks
        c = self.spec.checkpoint
        self._store = (
            None
            if c.directory is None
            else CheckpointStore(c.directory, c.keep, self.say, c.lease_s, c.timeout_s)
        )
        self._publisher: Publisher | None = None
        self._saved_path: str | None = None
        self._path = self.plan.source.info().path
        self._file = file_identity(self._path) if self._path is not None and self._store is not None else None

    @property
    def name(self) -> str:
        """Of the source, for a person."""
        return self.plan.name

    def run(self) -> Result:
        """Read, learn and write until the stream ends, `until_records` is reached or :meth:`stop` is called.

        Raises
        ------
        SourceError, SinkError, StateError, SpecError
            A rerun goes on from the last checkpoint, for nothing is half saved.
        """
        if self._store is None:
            return self._run()
        with self._store.store.own(lambda: self.control.stopping):
            return self._run()

    def _run(self) -> Result:
        plan, spec = self.plan, self.spec
        loaded = self._load()
        task = loaded[1]["worker"]["task"] if loaded else plan.task
        worker = new_worker(spec, task, self.make, plan.name, plan.partition)
        resume: Resume | None = None
        if loaded:
            worker.load_state_dict(loaded[0], loaded[1]["worker"])
            resume = loaded[1]["resume"]
            if note := student_note(spec, loaded[1]["worker"]):
                self.say(note)
        for note in plan.notes:
            self.say(note)
        warm_up(spec, task, self.make, plan.probe, self.say)
        if self._sinks is None:
            self._sinks = open_sinks(spec, fresh=self._store is None)
        self._publisher = open_publisher(spec.edge)
        outputs = Outputs(self._sinks, spec.output.flush_timeout_s)
        notes = outputs.resume(loaded[1]["outputs"], int(loaded[1]["resume"]["position"])) if loaded else []
        for note in notes:
            self.say(note)
        try:
            partition = plan.source.open(plan.partition, resume)
            try:
                if not loaded:
                    self._refuse_strangers(outputs)
                if not loaded or notes:
                    # before any output: from here on a crash always finds where it belongs
                    self._save(worker, resume or {"position": 0}, outputs)
                self.audience.opened(plan, worker, None if resume is None else int(resume["position"]))
                result = self._loop(partition, worker, outputs, resume)
            finally:
                partition.close()
                self.audience.closed(worker)
        except Exception:
            # nothing is tidied up after a scripted crash or a second Ctrl-C: that is their point
            outputs.abandon()
            self.audience.ended("failed")
            raise
        self.audience.ended(result.outcome)
        return result

    def _loop(self, partition: Partition, worker: Worker, outputs: Outputs, resume: Resume | None) -> Result:
        spec, plan, counters = self.spec, self.plan, worker.counters
        until, size = spec.run.until_records, spec.run.batch_records
        wanted = outputs.wants_predictions
        began = counters.records
        resumed_at = None if resume is None else int(resume["position"])
        place: Resume = resume or {"position": 0}
        cpu, wall = time.process_time(), time.perf_counter()
        cadence = CheckpointCadence(spec.checkpoint, counters.records, self.clock)
        outcome = "until"
        limits, times = LimitNotes(spec, worker, self.say), TimeNotes(spec, worker, self.say)
        first_bad: str | None = None
        while until is None or counters.records < until:
            if self.control.stopping:
                outcome = "interrupted"
                break
            if self._store is not None:
                self._store.store.check()
            if wishes := self.control.save_wanted:
                self._save(worker, place, outputs)
                self.control.saved(wishes)
                cadence.saved(counters.records)
            if self.control.paused:
                self._rest(worker, self._lag(partition, place))
                continue
            begun_s = time.perf_counter()
            batch = partition.next_batch(size if until is None else min(size, until - counters.records))
            if batch is None:
                outcome = "ended"
                break
            place = batch.resume
            if not len(batch.position) and not batch.bad:
                self._rest(worker, self._lag(partition, place))
                continue
            step = worker.step(batch, wanted)
            if first_bad is None and step.dead_letters:
                first_bad = step.dead_letters[0]["reason"]
            outputs.write(step)
            if self._publisher is not None:
                self._publisher.write(step.publications)
            for note in step.notes:
                self.say(note)
            limits()
            times()
            self.progress(plan, worker)
            seconds = time.perf_counter() - begun_s
            self.audience.stepped(worker, step, int(place["position"]), seconds, self._lag(partition, place))
            if cadence.due(counters.records):
                self._save(worker, place, outputs)
                cadence.saved(counters.records)
        if outcome == "ended":
            if resumed_at is not None and counters.records == began:
                self.say(
                    f"nothing new since the checkpoint; to start over, remove {spec.checkpoint.directory}"
                )
            outputs.write(Step(alarms=worker.alarms.release()))
        self._save(worker, place, outputs)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        outputs.close()
        if outcome == "ended" and counters.records and not counters.predicted:
            raise SourceError(
                f"{plan.name}: none of its {counters.records} records could be used"
                + ("" if first_bad is None else f"; the first: {first_bad}")
            )
        return Result(
            outcome=outcome, source=plan.name, cpu_s=cpu, wall_s=wall, worker=worker,
            events=counters.records - began, resumed_at=resumed_at, checkpoint=self._saved_path,
        )  # fmt: skip

    def _rest(self, worker: Worker, lag: int | None) -> None:
        self.audience.waiting(worker, lag)
        self.audience.idle()
        time.sleep(POLL_PAUSE_S)

    def _lag(self, partition: Partition, place: Resume) -> int | None:
        lag: Callable[[], int] | None = getattr(partition, "lag", None)  # of a live one
        if lag is not None:
            return lag()
        return None if self.plan.total is None else max(self.plan.total - int(place["position"]), 0)

    def _save(self, worker: Worker, resume: Resume, outputs: Outputs) -> None:
        begun_s = time.perf_counter()
        outputs.flush(self.control.remaining_s())
        worker.check()
        if self._store is None:
            self.audience.saved(worker, None, None, time.perf_counter() - begun_s)
            return
        arrays, state = worker.state_dict()
        position = int(resume["position"])
        manifest = make_manifest(
            self.spec,
            (self.plan.name, self.plan.partition),
            resume,
            state,
            outputs.places(position),
            file=self._file,
        )
        path = self._store.save(position, arrays, manifest)
        self._saved_path = str(path)
        self.audience.saved(worker, str(path), path.size_bytes, time.perf_counter() - begun_s)

    def _load(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        found = self._store.load() if self._store is not None else None
        if found is None:
            return None
        arrays, manifest, path = found
        check_manifest(manifest, path, self.spec, self.plan.name)
        if self._path is not None and manifest.get("file") and is_another_file(self._path, manifest["file"]):
            raise StateError(
                f"{self._path}: is not the file that {path} was written for (its size or its beginning "
                f"differ). Bring that file back, or {ANOTHER_FOLDER}"
            )
        self._saved_path = str(path)
        self.say(f"going on from {path.name}")
        return arrays, manifest

    def _refuse_strangers(self, outputs: Outputs) -> None:
        """Outputs without a checkpoint are another job's: what they hold can't be told."""
        for name, place in outputs.written.items():
            if place >= 0 and self._store is not None:
                raise SinkError(
                    f"{name}: the output already has records up to position {place}, but "
                    f"{self._store.store.where} has no checkpoint to go on from. Move the output away, or "
                    "name the folder of its checkpoints"
                )
