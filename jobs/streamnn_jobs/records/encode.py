"""Arrow batches to the columns, labels and times of a learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from streamnn.errors import SchemaError
from streamnn_connectors.base import BadRecord, Batch

from ..spec.job import JobSpec
from . import arrow
from .clock import Judged, StreamClock
from .label_column import Labels
from .times import TimeColumn


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
    """Takes the roles of the columns from the spec and keeps their types as first seen.

    A column is a number or a text by its first value; a record with a value of the other type in it is a
    bad record. Bad records leave no trace in what is kept.

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
        roles = {self._label, event, known, spec.label.key} - {None}
        self._apart = roles | set(spec.features.ignore or ())
        self._include = None if spec.features.include is None else set(spec.features.include)

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
        columns = self._features(column, why)
        time = self._times(self._time, column, n, why, needed=True)
        label_time = self._times(self._label_time, column, n, why, needed=False)
        good = np.ones(n, np.bool_)
        good[list(why)] = False
        clock = self._judged(time, good, why)
        label, wrong = self.labels.encode(column.get(self._label or ""), good)
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
        for name in [k for k in columns if k not in self.kinds]:
            v = columns[name]
            text = v.dtype == object
            if any(x is not None for x in v) if text else not np.isnan(v).all():
                self.kinds[name] = "text" if text else "number"
            else:
                del columns[name]
        clock.back = {int(np.count_nonzero(good[:i])): to for i, to in clock.back.items()}
        notes = [note for each in (self._time, self._label_time) if each is not None for note in each.notes()]
        return Encoded(columns, position, label, time, label_time, bad, clock, notes + clock.notes)

    @property
    def event_time(self) -> str | None:
        """Name of the column that says when an event happened."""
        return None if self._time is None else self._time.name

    def features(self, rows: pa.RecordBatch) -> tuple[dict[str, np.ndarray], dict[int, tuple[str, str]]]:
        """Columns of known names only, and the rows that do not fit; keeps nothing. For frozen scoring.

        A file says by itself what its columns are: one learnt as text may hold nothing but digits there, so
        numbers are taken as their text.
        """
        why: dict[int, tuple[str, str]] = {}
        column = {k: v for k, v in zip(rows.schema.names, rows.columns, strict=True) if k in self.kinds}
        return self._features(column, why, frozen=True), why

    def _features(
        self, column: Mapping[str, pa.Array], why: dict[int, tuple[str, str]], frozen: bool = False
    ) -> dict[str, np.ndarray]:
        out = {}
        for name, values in column.items():
            if name in self._apart or (self._include is not None and name not in self._include):
                continue
            kind, known = arrow.kind_of(values.type), self.kinds.get(name)
            if kind == "null":
                continue
            if frozen and known == "text" and kind == "number":
                out[name] = _numbers_as_text(values)
                continue
            if kind is None or (known is not None and kind != known):
                wanted = f"{known} as in its first value" if known else "a number, a text or true/false"
                for i in np.flatnonzero(arrow.present(values)).tolist():
                    why.setdefault(i, (f"column {name!r} is {values.type}, not {wanted}", "schema"))
                continue
            out[name] = arrow.numbers(values) if kind == "number" else arrow.texts(values)
        return out

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
        return {"kinds": dict(self.kinds), "labels": self.labels.state(), "times": times}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.kinds = dict(state["kinds"])
        self.labels.load(state["labels"])
        times = state["times"]
        for name, part in (("time", self._time), ("label_time", self._label_time), ("clock", self._clock)):
            if part is not None:
                part.load(times[name])


def _numbers_as_text(values: pa.Array) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = [
        None if np.isnan(v) else repr(int(v)) if v.is_integer() else repr(v)
        for v in arrow.numbers(values).tolist()
    ]
    return out
