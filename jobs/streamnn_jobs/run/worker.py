"""One partition's learning: records in, outputs out, all state in one place. Knows no file and no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from streamnn.errors import StateError
from streamnn.types import Chunk
from streamnn_connectors.base import TOO_MANY_COLUMNS, BadRecord, Batch

from ..labels.operations import Operations
from ..labels.recorded import LabelJoin
from ..outputs.alarms import AlarmLog
from ..outputs.dead_letters import dead_letter
from ..outputs.dropped import Dropped
from ..outputs.kept import kept_columns
from ..outputs.predictions import prediction_columns
from ..records.encode import Encoder
from ..records.label_column import Labels
from ..records.positions import Positions
from ..spec.job import JobSpec
from . import student as students
from .counters import Counters
from .learner import Learner
from .student import Publication

Arrays = dict[str, np.ndarray]
MOST_LEFT_OUT = 100
"""Nested columns with too much in them that are told apart; names of a record may be anything."""


class Join(Protocol):
    """What joins events with their labels; its operations are asked for by who knows its kind."""

    next_ticket: int

    @property
    def pending(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def state_dict(self) -> dict[str, np.ndarray]: ...
    def load_state_dict(self, arrays: Mapping[str, np.ndarray]) -> None: ...


@dataclass(slots=True)
class Step:
    """What a batch gave: columns of predictions, dead letters and alarm records, by position.

    For those who look on, its `records`, its `events`, and sums of their `surprise` and `entropy` (nats).
    Dead letters are there twice: as they are (`bad`, and `bad_labels` of a log of labels), and as records. `notes` are
    for a person; `publications` are the student's, refused ones too.
    """

    predictions: dict[str, np.ndarray] = field(default_factory=dict)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    events: int = 0
    surprise: float = 0.0
    entropy: float = 0.0
    bad: list[BadRecord] = field(default_factory=list)
    bad_labels: list[BadRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    publications: Sequence[Publication] = ()


class Worker:
    """Encoder, label join, learner and, where the spec has ``[edge]``, student of one partition: a scan over batches of
    records.

    Whoever drives it owns input, output, positions and time; a batch may be cut anywhere.

    Parameters
    ----------
    spec : JobSpec
        Filled in: label column and, where labels come by time, the time columns.
    task : str
        ``"classification"`` or ``"regression"``.
    learner : Learner
    source, partition : str
        Names, for dead letters.
    """

    def __init__(self, spec: JobSpec, task: str, learner: Learner, source: str = "", partition: str = "0"):
        self.learner = learner
        self.task = task
        self.counters = Counters()
        declared = (spec.learner.model_extra or {}).get("classes")
        self.labels = Labels(task, spec.label.missing, declared, spec.limits.classes)
        self.encoder = Encoder(spec, self.labels)
        self.student = students.make_student(spec, task)
        self._student_since = 0
        """First ticket that the student has seen."""
        self.join = self._make_join(spec)
        self.positions = Positions()
        self.alarms = AlarmLog(self.positions)
        self.letters = True
        """Make records of dead letters, beside giving them as they are."""
        self.source, self.partition = source, partition
        self.columns_full = False
        self.left_out: set[str] = set()
        """Nested columns of which records had too much; the first ``MOST_LEFT_OUT`` of them."""
        self.dropped = Dropped()
        self._keep = spec.output.keep
        self._probabilities = spec.output.probabilities
        self._recorded = spec.source.topic is None

    def step(self, batch: Batch, predictions: bool = True) -> Step:
        """Predict, score and learn a batch.

        Parameters
        ----------
        batch : Batch
        predictions : bool
            Make the columns of predictions; nobody may want them.
        """
        rows = self.encoder.encode(batch)
        c = self.counters
        c.records += len(batch.position) + len(batch.bad)
        c.dead += len(rows.bad)
        self._note_left_out(batch)
        self.dropped.add(rows.bad)
        if not self.columns_full:
            self.columns_full = any(TOO_MANY_COLUMNS in b.reason for b in rows.bad)
        out = Step(
            dead_letters=[dead_letter(b, self.source, self.partition) for b in rows.bad]
            if self.letters
            else [],
            bad=rows.bad,
            notes=rows.notes,
        )
        c.older += rows.clock.older
        n = len(rows.position)
        out.records, out.events = len(batch.position) + len(batch.bad), n
        self.positions.add(self.join.next_ticket, rows.position)
        assert isinstance(self.join, LabelJoin)
        operations = self.join.push(rows.label, rows.time, rows.label_time, rows.clock.back)
        if n == 0:
            return out
        self._run(rows.columns, rows.position, operations, out, predictions)
        if out.predictions:
            kept = kept_columns(batch, rows.position, self._keep)
            out.predictions = {"position": rows.position, **kept, **out.predictions}
            if self._recorded:  # on a topic it may come any time
                out.predictions["label"] = self.labels.objects(rows.label)
        return out

    def _note_left_out(self, batch: Batch) -> None:
        for name in batch.left_out:
            if len(self.left_out) < MOST_LEFT_OUT:
                self.left_out.add(name)

    def _run(
        self,
        columns: dict[str, np.ndarray],
        position: np.ndarray,
        operations: Operations,
        out: Step,
        predictions: bool,
    ) -> None:
        """Let the learner do the operations; counts, predictions and alarms of the events at `position`."""
        c = self.counters
        c.predicted += len(position)
        c.add(operations)
        chunk = Chunk(
            columns,
            operations.op,
            operations.ticket,
            self.labels.objects(operations.label),
            time=operations.time,
        )
        output = self.learner.run(chunk)
        classes = list(self.learner.classes) if self.task == "classification" else []
        if self.student is not None:
            out.publications = self.student.run(students.since(chunk, self._student_since), output, classes)
            out.notes += [
                f"edge: refused after {p.event:,} labels ({p.reason}): {p.refused}"
                for p in out.publications
                if p.refused
            ]
        out.surprise, out.entropy = float(output.surprise.sum()), float(output.entropy.sum())
        if output.alarms or self.alarms.held:
            out.alarms = self.alarms.add(output.alarms, self.join.next_ticket - 1)
            c.alarms = self.alarms.count
        if predictions and len(position):
            out.predictions = prediction_columns(position, output, classes, self._probabilities)

    def _make_join(self, spec: JobSpec) -> Join:
        return LabelJoin(
            delay_events=spec.label.delay_events or 0,
            by_time=spec.label.time is not None,
            expire_after=spec.label.expire_after,
            expire_after_events=spec.label.expire_after_events,
            limit=spec.limits.pending,
        )

    def check(self) -> None:
        """The three balances, and that the learner agrees; an imbalance is an internal error."""
        self.counters.check(self.join.pending, self.join.waiting)
        if self.learner.pending != self.join.pending or self.learner.next_ticket != self.join.next_ticket:
            raise AssertionError(
                f"balance broken: the learner has {self.learner.pending} pending and goes on at ticket "
                f"{self.learner.next_ticket}, the label join {self.join.pending} and {self.join.next_ticket}"
            )

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and JSON-able data of everything."""
        arrays, meta = self.learner.state_dict()
        out = {f"learner/{k}": v for k, v in arrays.items()}
        out.update({f"join/{k}": v for k, v in self.join.state_dict().items()})
        out.update({f"positions/{k}": v for k, v in self.positions.state_dict().items()})
        edge: dict[str, Any] = {}
        if self.student is not None:
            arrays, edge["edge"] = self.student.state_dict()
            edge["edge_since"] = self._student_since
            out.update({f"edge/{k}": v for k, v in arrays.items()})
        return out, {
            "task": self.task,
            "learner": meta,
            "encoder": self.encoder.state(),
            "counters": self.counters.to_dict(),
            "dropped": self.dropped.counts,
            "alarms": self.alarms.state(),
            **edge,
        }

    def load_state_dict(self, arrays: Arrays, meta: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave. A student that was not there then begins anew.

        Raises
        ------
        StateError
            When something is missing or does not fit.
        """

        def part(prefix: str) -> Arrays:
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        try:
            self.learner.load_state_dict(part("learner/"), meta["learner"])
            self.join.load_state_dict(part("join/"))
            self.positions.load_state_dict(part("positions/"))
            self.encoder.load(meta["encoder"])
            self.counters = Counters.from_dict(meta["counters"])
            self.dropped.load(meta.get("dropped", {}))
            self.alarms.load(meta["alarms"])
            if self.student is not None and "edge" in meta:
                self.student.load_state_dict(part("edge/"), meta["edge"])
                self._student_since = int(meta["edge_since"])
            elif self.student is not None:
                self._student_since = self.join.next_ticket
        except KeyError as e:
            raise StateError(f"checkpoint: the manifest has no {e}") from e
        self.check()
