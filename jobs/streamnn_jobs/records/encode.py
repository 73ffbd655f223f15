"""Arrow batches to the columns, labels and times of a learner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from streamnn.errors import SchemaError
from streamnn.kinds import ZEROS_IN_FRONT
from streamnn_connectors.base import BadRecord, Batch

from ..spec.job import JobSpec
from . import arrow
from .clock import Judged, StreamClock
from .label_column import Labels
from .times import TimeColumn
from .wanted import roles, wanted_columns

MOST_ODD_CELLS = 1000
"""Different odd cells, by column and text, that a job tells apart."""


@dataclass(slots=True)
class Encoded:
    """The good rows of a batch, and the bad records."""

    columns: dict[str, np.ndarray]
    position: np.ndarray
    label: np.ndarray
    time: np.ndarray | None
    label_time: np.ndarray | None
    bad: list[BadRecord]
    clock: Judged = field(default_factory=Judged)
    """What the clock said; its `back` counts good rows."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of the times."""


class Encoder:
    """Takes the roles of the columns from the spec, and their kinds from the source.

    Arrow types say what the cells are: numbers, texts, truths, times. A cell that was of another kind than its column is
    missing already; a record is bad only for its label or its times. Bad records leave no trace in what is kept.

    Parameters
    ----------
    spec : JobSpec
        With the label column filled in.
    labels : Labels
    """

    def __init__(self, spec: JobSpec, labels: Labels):
        self.labels = labels
        self.kinds: dict[str, str] = {}
        self._label = spec.label.column
        event, known, unit = spec.source.event_time, spec.label.time, spec.source.time_unit
        self._time = None if event is None else TimeColumn(event, unit)
        self._label_time = None if known is None else TimeColumn(known, unit)
        timed = known is not None or spec.label.expire_after is not None
        self._clock = StreamClock(event, spec.limits.clock_jump) if event is not None and timed else None
        self._apart = roles(spec)
        self._wanted = wanted_columns(spec)
        self.odd: Counter[tuple[str, str]] = Counter()

    def encode(self, batch: Batch) -> Encoded:
        """Columns, labels and times of the good rows.

        Raises
        ------
        SchemaError
            When two columns have one name.
        """
        rows = batch.rows
        names = rows.schema.names
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise SchemaError(f"two columns are named {twice!r}: give one of them another name")
        n = rows.num_rows
        why: dict[int, tuple[str, str]] = {}
        column = dict(zip(names, rows.columns, strict=True))
        columns = self._features(column)
        time = self._times(self._time, column, n, why, needed=True)
        label_time = self._times(self._label_time, column, n, why, needed=False)
        good = np.ones(n, np.bool_)
        good[list(why)] = False
        clock = self._judged(time, good, why)
        known = batch.columns.get(self._label or "")
        wide = known is not None and known.kind == "id" and known.why != ZEROS_IN_FRONT
        label, wrong = self.labels.encode(column.get(self._label or ""), good, ids=wide)
        for i, reason in wrong.items():
            why.setdefault(i, (reason, "label"))
        good[list(wrong)] = False
        position, bad = batch.position, batch.bad
        if why:
            keep = np.flatnonzero(good)
            bad = bad + [
                BadRecord(int(position[i]), reason, stage, arrow.row_json(rows, i))
                for i, (reason, stage) in why.items()
            ]
            bad.sort(key=lambda b: b.position)
            columns = {k: v[keep] for k, v in columns.items()}
            position, label = position[keep], label[keep]
            time = None if time is None else time[keep]
            label_time = None if label_time is None else label_time[keep]
        self._note_kinds(columns, batch)
        clock.back = {int(np.count_nonzero(good[:i])): to for i, to in clock.back.items()}
        notes = self._odd(batch.odd)
        notes += [
            note for each in (self._time, self._label_time) if each is not None for note in each.notes()
        ]
        return Encoded(columns, position, label, time, label_time, bad, clock, notes + clock.notes)

    @property
    def event_time(self) -> str | None:
        """Name of the column that says when an event happened."""
        return None if self._time is None else self._time.name

    def features(self, rows: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Columns of known names only; keeps nothing. For frozen scoring, of a source that was told the kinds."""
        return self._features(
            {k: v for k, v in zip(rows.schema.names, rows.columns, strict=True) if k in self.kinds}
        )

    def _features(self, column: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        wanted = (name for name in column if name not in self._apart and self._wanted.takes(name))
        found = ((name, arrow.values(name, column[name])) for name in wanted)
        return {name: v for name, v in found if v is not None}

    def _note_kinds(self, columns: dict[str, np.ndarray], batch: Batch) -> None:
        """Keep the kinds of the columns that have had a value; the others are none yet."""
        for name in list(columns):
            if name in batch.columns:
                self.kinds[name] = batch.columns[name].kind
            elif name not in self.kinds:
                v = columns[name]
                kind = arrow.KIND_OF_DTYPE[v.dtype.kind]
                there = (
                    any(x is not None for x in v)
                    if v.dtype == object
                    else not np.isnan(v.astype(np.float64)).all()
                )
                if there:
                    self.kinds[name] = kind
                else:
                    del columns[name]

    def _odd(self, cells: Counter[tuple[str, str]]) -> list[str]:
        """Count cells that are not of their column's kind; a note for each column that has its first."""
        known = {name for name, _ in self.odd}
        notes = []
        for (name, text), count in cells.items():
            if name not in known:
                known.add(name)
                notes.append(
                    f"{name}: {text!r} is no {self.kinds.get(name, 'number')}: such cells are taken as missing, and counted"
                )
            more = (name, text) in self.odd or len(self.odd) < MOST_ODD_CELLS
            self.odd[(name, text) if more else (name, "...")] += count
        return notes

    @staticmethod
    def _times(
        times: TimeColumn | None,
        column: Mapping[str, pa.Array],
        n: int,
        why: dict[int, tuple[str, str]],
        needed: bool,
    ) -> np.ndarray | None:
        if times is None:
            return None
        values = column.get(times.name)
        found, wrong = (np.full(n, np.nan), {}) if values is None else times.read(values)
        if needed:
            wrong = dict.fromkeys(np.flatnonzero(np.isnan(found)).tolist(), "missing") | wrong
        for i, got in sorted(wrong.items()):
            why.setdefault(i, (f"the time in column {times.name!r} is {got}", "schema"))
        return found

    def _judged(self, time: np.ndarray | None, good: np.ndarray, why: dict[int, tuple[str, str]]) -> Judged:
        """What the clock says of the rows that are good so far; those it doubts are not."""
        if self._clock is None or time is None:
            return Judged()
        rows = np.flatnonzero(good)
        judged = self._clock.judge(time[rows])
        judged.wrong = {int(rows[i]): reason for i, reason in judged.wrong.items()}
        judged.back = {int(rows[i]): to for i, to in judged.back.items()}
        why.update((i, (reason, "schema")) for i, reason in judged.wrong.items())
        good[list(judged.wrong)] = False
        return judged

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        parts = {"time": self._time, "label_time": self._label_time, "clock": self._clock}
        times = {name: part.state() for name, part in parts.items() if part is not None}
        odd = [[*cell, count] for cell, count in self.odd.items()]
        return {"kinds": dict(self.kinds), "labels": self.labels.state(), "times": times, "odd": odd}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.kinds = dict(state["kinds"])
        self.labels.load(state["labels"])
        self.odd = Counter({(name, text): count for name, text, count in state["odd"]})
        times = state["times"]
        for name, part in (("time", self._time), ("label_time", self._label_time), ("clock", self._clock)):
            if part is not None:
                part.load(times[name])
