"""One partition's job: recovered, caught up, live, handed over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from streamnn.errors import SinkError, SourceError
from streamnn.state import state_hash
from streamnn_connectors.kafka import TransactionFailed
from streamnn_connectors.kafka.sent import Sent
from streamnn_connectors.kafka.watchdog import Watchdog

from ..run.checkpoint import CheckpointCadence
from ..run.edge_figures import edge_figures
from ..run.joined_worker import JoinedWorker
from ..run.limits import LimitNotes
from ..run.publisher import open_publisher
from ..run.result import PartitionResult
from ..run.student import Publication
from ..run.summary import plain
from ..run.worker import Step, Worker
from .catch_up import CatchUp
from .inputs import Inputs, Piece
from .merge_log import Merged, to_value
from .outbox import Outbox
from .recovery import Recovered, recover, save
from .setup import Setup
from .stream import Stream


class PartitionJob:
    """The learner of one partition, driven in short turns so that many can share a process.

    Whatever fails in a transaction ends it: its state is dropped, and a new one recovers.

    Parameters
    ----------
    setup : Setup
    partition : int
    """

    def __init__(self, setup: Setup, partition: int):
        self.partition = partition
        self.live = False
        self.worker: Worker | None = None
        self.last: list[int] = []
        """Positions of the next event and label, once handed over."""
        self._setup = setup
        self._closed = False
        self._found: Recovered | None = None
        self._turn: Callable[[], bool] = self._taking_over
        self._count = 0
        self._order: list[np.ndarray] = []
        self._due_s = 0.0
        self._committing = False
        self._logged: Sent | None = None
        self._merge_log = 0
        self._began: list[int] = []
        self._publisher = open_publisher(setup.spec.edge, f"{setup.topics.events}-{partition}")
        self._fresh: list[Publication] = []
        self._committed: list[Publication] = []
        self._cadence = CheckpointCadence(setup.spec.checkpoint, 0, setup.job.clock)
        self._watchdog = Watchdog(f"recover-{partition}")
        self._watchdog.start(self._recover)

    def turn(self) -> bool:
        """Do a little, never wait for long; whether there was something to do.

        Raises
        ------
        TransactionFailed
            The state is of no more use: close, and make a new one.
        StreamnnError
            The job can't go on.
        """
        return self._turn()

    @property
    def ended(self) -> bool:
        """Whether all there was is learnt and committed; only where reading ends."""
        return self.live and self._inputs.ended and not self._count and not self._committing

    @property
    def records(self) -> int:
        """Events read since the beginning of the log."""
        return 0 if self.worker is None else self.worker.counters.records

    def hand_over(self, deadline_s: float) -> None:
        """Commit what is learnt, save, and close; what does not get done by the deadline is dropped."""
        try:
            if self.live:
                if self._count:
                    self._commit(deadline_s)
                self._finish_commit(deadline_s)
                self.last = self._began
                if time.monotonic() < deadline_s:
                    self._save()
        finally:
            self.close()

    def result(self) -> PartitionResult:
        """How it stands, once handed over."""
        worker = self.worker
        assert worker is not None
        return PartitionResult(
            self.last,
            worker.counters.to_dict(),
            plain(worker.learner.scores()),
            worker.join.pending,
            worker.join.waiting,
            state_hash(*worker.state_dict()),
            plain(edge_figures(worker)),
        )

    def tell_lag(self) -> None:
        """Say how much there is to read, while nothing is read."""
        if self.live and self.worker is not None:
            self._setup.job.audience.waiting(self.worker, self._inputs.events.lag())

    def save_now(self) -> None:
        """Commit what is learnt, and save."""
        if self.live:
            if self._count:
                self._commit()
            self._finish_commit()
            self._save()

    def close(self) -> None:
        """Drop everything that is not committed. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._watchdog.close()
        found, self._found = self._found, None
        if found is None:
            done = self._watchdog.finish(0.0)
            found = done[1] if done is not None and done[0] else None
        if found is not None:
            found.close()
        if self.live and self.worker is not None:
            self._setup.job.audience.closed(self.worker)
        self.live = False

    # coming up

    def _recover(self) -> Recovered | None:
        """On a thread of its own: other partitions go on meanwhile."""
        if self._closed:
            return None
        found = recover(self._setup, self.partition)
        if self._closed:  # given up in the meantime
            found.close()
            return None
        return found

    def _taking_over(self) -> bool:
        if not self._watchdog.done:
            return False
        done = self._watchdog.finish(0.0)
        assert done is not None
        good, found = done
        if not good:
            if isinstance(found, SinkError | SourceError) and not isinstance(found, TransactionFailed):
                raise TransactionFailed(str(found)) from found
            raise found
        self._found = found
        self._merge_log = found.merge_log
        setup, spec = self._setup, self._setup.spec
        self.worker = found.worker
        streams = [Stream(p, spec.run.batch_records) for p in found.partitions]
        labels = streams[1] if len(streams) > 1 else None
        self._inputs = Inputs(streams[0], labels, setup.policy, setup.job.clock)
        self._outbox = Outbox(spec, setup.topics, self.partition)
        self._limits = LimitNotes(spec, found.worker, setup.job.say)
        most = spec.run.batch_records
        self._catch_up = CatchUp(self._inputs, found.goal, found.merged, most, setup.job.clock)
        self._cadence.saved(self._events_and_labels())
        self._turn = self._catching_up
        return True

    def _catching_up(self) -> bool:
        """Learn the gap between checkpoint and committed offset again; nothing is written."""
        if self._catch_up.done:
            self._go_live()
            return True
        piece = self._catch_up.take()
        if piece is not None:
            self._publish(self._learn(piece, predictions=False).publications)
        return piece is not None

    def _go_live(self) -> None:
        found, setup = self._found, self._setup
        assert found is not None and self.worker is not None
        for stream, to in zip(self._inputs.streams, found.goal or self._inputs.next, strict=True):
            stream.skip_to(to)
        # as it was committed, not behind markers that follow: the merge log's next link begins there
        self._began = list(found.goal or self._inputs.next)
        self.live = True
        self._turn = self._learning_live
        name = f"{setup.topics.events}/{self.partition}"
        at = " and ".join(map(str, self._began))
        again = f", {self._catch_up.records:,} records learnt again" if self._catch_up.records else ""
        setup.job.say(
            f"{name}: going on at {at}{again}" if found.goal is not None else f"{name}: beginning at {at}"
        )
        setup.job.audience.opened(
            setup.plan(self.partition), self.worker, self._began[0] if found.goal else None
        )
        if found.checkpoint is None:
            # before any output: a crash always finds where it belongs
            self._save()

    # live

    def _learning_live(self) -> bool:
        setup, kafka, inputs = self._setup, self._setup.spec.kafka, self._inputs
        now = setup.job.clock()
        piece: Piece | None = None
        if self._count < setup.batch_events and not setup.job.control.paused:
            most = min(setup.spec.run.batch_records, setup.batch_events - self._count)
            begun_s = time.perf_counter()
            piece = inputs.take(most)
        if piece is not None:
            step = self._learn(piece, self._outbox.wants_predictions)
            self._outbox.add(step, inputs.events, inputs.labels)
            self._fresh += step.publications
            if piece.order is not None:
                self._order.append(piece.order)
            if self._count == 0:
                self._due_s = now + kafka.batch_delay_s
            self._count += piece.records
            assert self.worker is not None
            seconds = time.perf_counter() - begun_s
            setup.job.audience.stepped(self.worker, step, inputs.next[0], seconds, inputs.events.lag())
        if self._committing and not self._output.is_committing:
            self._finish_commit()
        if self._count and (
            self._count >= setup.batch_events or setup.job.clock() >= self._due_s or inputs.ended
        ):
            self._commit()
            if self._cadence.due(self._events_and_labels()):
                self._finish_commit()
                self._save()
            return True
        return piece is not None

    @property
    def due_s(self) -> float | None:
        """When this partition wants its next turn, whatever comes in; None: when something comes in."""
        if self._committing:
            return 0.0
        return self._due_s if self._count else None

    @property
    def _output(self) -> Any:
        assert self._found is not None
        return self._found.output

    def _learn(self, piece: Piece, predictions: bool) -> Step:
        setup, worker = self._setup, self.worker
        assert worker is not None
        if piece.order is None:
            assert piece.events is not None
            step = worker.step(piece.events, predictions)
        else:
            assert isinstance(worker, JoinedWorker)
            step = worker.merge(piece.events, piece.labels, piece.order, predictions)
        for note in step.notes:
            setup.job.say(note)
        self._limits()
        setup.job.progress(setup.plan(self.partition), worker)
        return step

    def _commit(self, deadline_s: float = float("inf")) -> None:
        """Outputs, merge order and offsets in one transaction; its end is not waited for."""
        self._finish_commit(deadline_s)
        assert self._found is not None
        output, inputs, setup = self._output, self._inputs, self._setup
        output.begin()
        self._outbox.send(output)
        place = setup.topics.output("merge_log", self.partition)
        if place is not None:
            begin, end = self._began, inputs.next
            merged = Merged((begin[0], begin[1]), (end[0], end[1]), np.concatenate(self._order))
            self._logged = output.send(place.topic, [to_value(merged)], partition=place.partition)
        offsets = {stream.partition.place: stream.offset for stream in inputs.streams}
        output.start_commit(offsets, self._found.partitions[0].membership())
        self._committing = True
        self._began, self._order, self._count = inputs.next, [], 0
        self._committed, self._fresh = self._fresh, []

    def _finish_commit(self, deadline_s: float = float("inf")) -> None:
        """Wait for the commit that is under way."""
        if self._committing:
            self._output.finish_commit(deadline_s)
            self._committing = False
            if self._logged is not None and self._logged.offset is not None:
                self._merge_log = self._logged.offset + 1
            self._publish(self._committed)

    def _publish(self, publications: Sequence[Publication]) -> None:
        """Of a committed state only: what is not committed may be merged in another order."""
        if self._publisher is not None:
            self._publisher.write(publications)

    def _events_and_labels(self) -> int:
        assert self.worker is not None
        return self.worker.counters.records + self.worker.counters.label_records

    def _save(self) -> None:
        """A checkpoint of a committed state, never of another: what is not committed may be merged in another order."""
        worker, setup = self.worker, self._setup
        assert worker is not None
        begun_s = time.perf_counter()
        # where the last transaction ended: since then a stream may have passed what is of no record
        places = zip(self._inputs.streams, self._began, strict=True)
        resume = [{**stream.resume, "position": at} for stream, at in places]
        assert self._found is not None
        written = save(setup, self._found.store, self.partition, worker, resume, self._merge_log)
        self._cadence.saved(self._events_and_labels())
        path, size = written or (None, None)
        setup.job.audience.saved(worker, path, size, time.perf_counter() - begun_s)
