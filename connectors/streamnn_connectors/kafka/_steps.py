"""The messages of a replayed stream, one after another, in an order that nothing but the stream decides."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamnn.errors import SchemaError, SpecError
from streamnn.kinds import is_missing, name_of, seconds

from .._columns import column_rows
from ..base import Batch
from .encoding import json_lines

KEY = "key"


class Step(NamedTuple):
    """A message to be sent: an event, a label, or a bad record as it is. `at` is its time in the stream."""

    kind: Literal["event", "label", "bad"]
    key: str | None
    value: bytes
    at: float | None


@dataclass(frozen=True, slots=True)
class FeedColumns:
    """What the columns of a recorded stream are to a feed, and when labels are known.

    Parameters
    ----------
    label : str or None
        Column with the label; rows without one have no label message.
    event_time : str, optional
        Column with the time of events (numbers of any unit, or time stamps and ISO 8601 texts, taken as seconds):
        needed to feed in time, or labels by time.
    label_time : str, optional
        Column with the time at which the label is known.
    delay_events : int, default 0
        Where there are no label times: how many events later it is known; 0 is right after its event.
    key : str, optional
        Column with the key; otherwise it is the name and the position.
    missing : collection
        Values of the label that mean: never known.
    leave_out : collection of str
        Columns that events do not carry.
    """

    label: str | None = None
    event_time: str | None = None
    label_time: str | None = None
    delay_events: int = 0
    key: str | None = None
    missing: Collection[Any] = ()
    leave_out: Collection[str] = ()

    def identity(self) -> list[Any]:
        """As JSON-able data that names a feed: another one may not go on where it stopped."""
        roles = {name: getattr(self, name) for name in ("event_time", "label_time", "delay_events", "key")}
        roles |= {"missing": sorted(map(str, self.missing)), "leave_out": sorted(self.leave_out)}
        return [self.label, roles]


class FeedSteps:
    """Turns batches into steps.

    A label comes before the first event that is later than its time, as a job that replays the recording
    learns it; those after the last event come at the end.

    Parameters
    ----------
    name : str
        Of the source: keys are ``name-position`` where no column has them.
    columns : FeedColumns
    """

    def __init__(self, name: str, columns: FeedColumns):
        self._name, self._columns = name, columns
        self._missing = frozenset(columns.missing)
        self._leave_out = frozenset(columns.leave_out)
        self._due: list[tuple[float, int, str, Any]] = []
        self._events = 0
        self._now: float | None = None

    def batch(self, batch: Batch) -> Iterator[Step]:
        """Those of a batch, labels that have become known since among them."""
        rows = batch.rows
        columns: dict[str, list[Any]] = dict(zip(rows.schema.names, map(_cells, rows.columns), strict=True))
        count = len(batch.position)
        for wanted in (self._columns.event_time, self._columns.label_time, self._columns.key):
            if wanted is not None and wanted not in columns and count:
                raise SpecError(f"feed: the source has no column {wanted!r}. Name one that it has.")
        labels = columns.pop(self._columns.label, [None] * count) if self._columns.label else [None] * count
        known = columns.pop(self._columns.label_time) if self._columns.label_time and count else None
        times = columns[self._columns.event_time] if self._columns.event_time and count else None
        position = batch.position.tolist()
        names: list[Any] = columns[self._columns.key] if self._columns.key and count else [None] * count
        keys = [
            f"{self._name}-{p}" if is_missing(k) else name_of(k) for p, k in zip(position, names, strict=True)
        ]
        kept = {n: c for n, c in columns.items() if n != KEY and n not in self._leave_out}
        values = json_lines(column_rows({KEY: keys, **kept}))
        bad = list(batch.bad)
        for i, at in enumerate(position):
            while bad and bad[0].position < at:
                yield Step("bad", None, bad.pop(0).raw, self._now)
            if times is not None and times[i] is not None:
                when = _number(self._columns.event_time, times[i])
                self._now = when if self._now is None else max(self._now, when)
            yield from self._labels_before(self._clock(known is not None))
            yield Step("event", keys[i], values[i], self._now)
            self._events += 1
            if not is_missing(labels[i]) and labels[i] not in self._missing:
                if known is None:
                    due = float(self._events - 1 + self._columns.delay_events)
                elif is_missing(known[i]):
                    continue
                else:
                    due = _number(self._columns.label_time, known[i])
                heapq.heappush(self._due, (due, self._events, keys[i], labels[i]))
        for record in bad:
            yield Step("bad", None, record.raw, self._now)

    def rest(self) -> Iterator[Step]:
        """The labels that are known after the last event."""
        yield from self._labels_before(np.inf)

    def _clock(self, by_time: bool) -> float:
        if by_time:
            return -np.inf if self._now is None else self._now
        return float(self._events)

    def _labels_before(self, now: float) -> Iterator[Step]:
        while self._due and self._due[0][0] < now:
            due, _, key, value = heapq.heappop(self._due)
            text = json_lines([{KEY: key, self._columns.label or "label": value, "time": due}])[0]
            yield Step("label", key, text, due if self._columns.label_time else self._now)


def _cells(column: pa.Array) -> list[Any]:
    """Points in time as ISO 8601 texts: JSON has no other, and Python no nanoseconds."""
    if pa.types.is_timestamp(column.type):
        column = pc.replace_substring(column.cast(pa.string()), " ", "T")
    return column.to_pylist()


def _number(column: str | None, value: Any) -> float:
    """A time: a number, or whatever else is a point in time in seconds since 1970."""
    try:
        return seconds(value)
    except SchemaError as error:
        raise SpecError(f"feed: in column {column!r} {error}") from None
