"""Arrow batches to the columns, labels and times of a learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from streamnn.errors import SchemaError
from streamnn_connectors.base import BadRecord, Batch

from ..spec.job import JobSpec
from . import arrow
from .label_column import Labels
from .wanted import roles, wanted_columns


@dataclass(slots=True)
class Encoded:
    """The good rows of a batch, and the bad records."""

    columns: dict[str, np.ndarray]
    position: np.ndarray
    label: np.ndarray
    time: np.ndarray | None
    label_time: np.ndarray | None
    bad: list[BadRecord]


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
        self._time = spec.source.event_time
        self._label_time = spec.label.time
        self._apart = roles(spec)
        self._wanted = wanted_columns(spec)

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
        return Encoded(columns, position, label, time, label_time, bad)

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
            if name in self._apart or not self._wanted.takes(name):
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
        name: str | None,
        column: Mapping[str, pa.Array],
        n: int,
        why: dict[int, tuple[str, str]],
        needed: bool,
    ) -> np.ndarray | None:
        if name is None:
            return None
        values = column.get(name)
        kind = None if values is None else arrow.kind_of(values.type)
        if values is not None and kind == "number":
            t = arrow.numbers(values)
            wrong = ~np.isfinite(t) if needed else np.isinf(t)
        else:
            t = np.full(n, np.nan)
            wrong = np.ones(n, np.bool_) if needed else np.zeros(n, np.bool_)
            if values is not None and kind != "null":
                wrong |= arrow.present(values)
        for i in np.flatnonzero(wrong).tolist():
            got = "missing" if values is None or not values[i].is_valid else repr(values[i].as_py())
            why.setdefault(i, (f"the time in column {name!r} is {got[:60]}, not a finite number", "schema"))
        return t

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"kinds": dict(self.kinds), "labels": self.labels.state()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.kinds = dict(state["kinds"])
        self.labels.load(state["labels"])


def _numbers_as_text(values: pa.Array) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = [
        None if np.isnan(v) else repr(int(v)) if v.is_integer() else repr(v)
        for v in arrow.numbers(values).tolist()
    ]
    return out
