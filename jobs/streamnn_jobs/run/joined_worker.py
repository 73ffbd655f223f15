"""One partition's learning where labels come on a log of their own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from streamnn.kinds import is_missing, name_of
from streamnn_connectors.base import BadRecord, Batch

from ..labels.live import KeyJoin
from ..outputs.kept import kept_columns
from ..records import arrow
from ..spec.job import JobSpec
from . import learner as learners
from .learner import MakeLearner
from .worker import Join, Step, Worker

EVENT, LABEL = 0, 1


class JoinedWorker(Worker):
    """A worker of two logs, events and labels, merged in an order that is given.

    The order decides what is learnt, so it is part of the log: whoever drives it writes it down. Its pieces
    may be cut anywhere.
    """

    def _make_join(self, spec: JobSpec) -> Join:
        assert spec.label.key is not None
        self._key, self._column = spec.label.key, spec.label.column or ""
        return KeyJoin(
            expire_after=spec.label.expire_after,
            expire_after_events=spec.label.expire_after_events,
            limit=spec.limits.pending,
            early_limit=spec.limits.early_labels,
        )

    def merge(
        self, events: Batch | None, labels: Batch | None, order: np.ndarray, predictions: bool = True
    ) -> Step:
        """Predict, score and learn a piece of the merged log.

        Parameters
        ----------
        events, labels : Batch or None
        order : ndarray of int8, shape (records,)
            EVENT or LABEL for each record, good or bad, of both batches.
        predictions : bool
            Make the columns of predictions.
        """
        assert isinstance(self.join, KeyJoin)
        c, out = self.counters, Step()
        n = m = 0
        columns: dict[str, np.ndarray] = {}
        position = np.zeros(0, np.int64)
        keys: list[str | None] = []
        label = np.zeros(0)
        time = np.zeros(0)
        at = np.zeros(0, np.int64)
        back: dict[int, float] = {}
        if events is not None:
            rows = self.encoder.encode(events)
            columns, position, out.bad, out.notes = rows.columns, rows.position, rows.bad, rows.notes
            back = rows.clock.back
            c.older += rows.clock.older
            c.records += len(events.position) + len(events.bad)
            c.dead += len(out.bad)
            self._note_left_out(events)
            self.dropped.add(out.bad)
            n = len(position)
            out.records, out.events = len(events.position) + len(events.bad), n
            kept = np.searchsorted(events.position, position)
            found = _keys(events.rows, self._key)
            keys = [found[i] for i in kept.tolist()]
            time = rows.time if rows.time is not None else np.zeros(n)
            label = np.full(n, np.nan)
            at = np.flatnonzero(order == EVENT)[_places(events, position)]
        if labels is not None:
            codes, which, found, bad = self._labels_of(labels)
            out.bad_labels = bad
            c.label_records += len(labels.position) + len(labels.bad)
            c.label_dead += len(bad)
            m = len(which)
            keys += found
            label = np.concatenate([label, codes])
            time = np.concatenate([time, np.zeros(m)])
            at = np.concatenate([at, np.flatnonzero(order == LABEL)[_places(labels, which)]])
        if n + m == 0 and not back:
            return out
        self.positions.add(self.join.next_ticket, position)
        by = np.argsort(at, kind="stable")
        operations = self.join.merge(by >= n, [keys[i] for i in by.tolist()], label[by], time[by], back)
        if len(operations.op):
            self._run(columns, position, operations, out, predictions)
        else:
            c.add(operations)
        if out.predictions and events is not None:
            given = np.empty(n, object)
            given[:] = keys[:n]
            beside = kept_columns(events, position, [k for k in self._keep if k != self._key])
            out.predictions = {"position": position, self._key: given, **beside, **out.predictions}
        return out

    def _labels_of(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, list[str | None], list[BadRecord]]:
        """Codes, positions and keys of the good label records, and the bad ones."""
        rows, n = batch.rows, batch.rows.num_rows
        keys = _keys(rows, self._key)
        good = np.array([key is not None for key in keys], np.bool_)
        why = dict.fromkeys(
            np.flatnonzero(~good).tolist(),
            (f"the label has no key in column {self._key!r}, so it can't be told what it is of", "label"),
        )
        column = rows.column(self._column) if self._column in rows.schema.names else None
        codes, wrong = self.labels.encode(column, good) if n else (np.zeros(0), {})
        for i, reason in wrong.items():
            why.setdefault(i, (reason, "label"))
        if not why:
            return codes, batch.position, keys, batch.bad
        good[list(wrong)] = False
        kept = np.flatnonzero(good)
        bad = batch.bad + [
            BadRecord(int(batch.position[i]), reason, stage, arrow.row_json(rows, i))
            for i, (reason, stage) in why.items()
        ]
        bad.sort(key=lambda b: b.position)
        return codes[kept], batch.position[kept], [keys[i] for i in kept.tolist()], bad


def new_worker(
    spec: JobSpec, task: str, make: MakeLearner | None = None, source: str = "", partition: str = "0"
) -> Worker:
    """The worker that a spec asks for, which has learnt nothing: of one log, or of events and labels apart.

    Parameters
    ----------
    spec : JobSpec
    task : str
        ``"classification"`` or ``"regression"``.
    make : callable, optional
        Makes the learner of a spec and a task.
    source, partition : str
        Names, for dead letters.
    """
    kind = Worker if spec.label.topic is None else JoinedWorker
    return kind(spec, task, (make or learners.make_learner)(spec, task), source, partition)


def _keys(rows: pa.RecordBatch, name: str) -> list[str | None]:
    """The keys as text."""
    if name not in rows.schema.names:
        return [None] * rows.num_rows
    return [None if is_missing(key) else name_of(key) for key in rows.column(name).to_pylist()]


def _places(batch: Batch, position: np.ndarray) -> np.ndarray:
    """Which record of a batch, good and bad together, is at each position."""
    if not batch.bad:
        return np.searchsorted(batch.position, position)
    every = np.sort(np.concatenate([batch.position, [b.position for b in batch.bad]]))
    return np.searchsorted(every, position)
