"""A source that follows a script, crashes included, and a clock turned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._blocks import closed_partition, start_of
from ._rows import RowDecoder
from .base import Batch, Partition, Resume, SourceInfo


class Crash(BaseException):
    """The process dies here. No Exception, so that no handler on the way takes it for an error."""


class _Marker:
    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return self._name


CRASH = _Marker("CRASH")
"""Item of a script: `next_batch` raises Crash, once for each source object."""
IDLE = _Marker("IDLE")
"""Item of a script: `next_batch` gives an empty batch, once for each source object: nothing there yet."""


class ScriptedSource:
    """Follows a list of items.

    A marker takes no position and ends the batch before it, so everything before a crash has been handed
    out. A batch has the columns its rows have; a column's kind (number or string) is that of its first
    value.

    Parameters
    ----------
    items : sequence of dict, bytes, CRASH or IDLE
        Bytes are decoded as a JSON line.
    name : str, default "script"

    Examples
    --------
    >>> source = ScriptedSource([{"x": 1}, CRASH, b"{oops", {"x": 2, "new": "a"}])
    >>> first = source.open("0")
    >>> batch = first.next_batch(100)
    >>> first.next_batch(100)
    Traceback (most recent call last):
    ...
    streamnn_connectors.scripted.Crash: before position 1
    >>> later = source.open("0", batch.resume).next_batch(100)
    >>> later.rows.to_pylist(), later.bad[0].raw
    ([{'x': 2.0, 'new': 'a'}], b'{oops')
    """

    def __init__(self, items: Sequence[dict[str, Any] | bytes | _Marker], name: str = "script"):
        self._items = list(items)
        self._records = [i for i, item in enumerate(self._items) if not isinstance(item, _Marker)]
        self._info = SourceInfo(name, len(self._records))
        self._done: set[int] = set()

    def info(self) -> SourceInfo:
        return self._info

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(self._info.name, partition, resume, self._info.records)
        decoder = RowDecoder()
        if resume is not None and "kinds" in resume:
            decoder.table.load(resume["kinds"])
        else:
            decoder.records([self._items[i] for i in self._records[:position]], 0)  # type: ignore[misc]
        # right after the record before: markers in between come first
        item = self._records[position - 1] + 1 if position else 0
        return _ScriptedPartition(self._items, self._done, decoder, item, position)


class _ScriptedPartition:
    def __init__(self, items: list[Any], done: set[int], decoder: RowDecoder, item: int, position: int):
        self._items = items
        self._done = done
        self._decoder = decoder
        self._item = item
        self._position = position
        self._closed = False

    def next_batch(self, limit: int) -> Batch | None:
        if self._closed:
            raise closed_partition()
        records: list[bytes | dict[str, Any]] = []
        while len(records) < limit and self._item < len(self._items):
            item = self._items[self._item]
            if isinstance(item, _Marker) and self._item not in self._done:
                if records:
                    break
                self._done.add(self._item)
                if item is CRASH:
                    raise Crash(f"before position {self._position}")
                return self._batch([])
            if not isinstance(item, _Marker):
                records.append(item)
            self._item += 1
        return self._batch(records) if records else None

    def close(self) -> None:
        self._closed = True

    def _batch(self, records: list[bytes | dict[str, Any]]) -> Batch:
        rows, position, bad = self._decoder.records(records, self._position, only_present=True)
        self._position += len(records)
        table = self._decoder.table
        resume = {"position": self._position, "kinds": table.state()}
        return Batch(rows, position, resume, bad, odd=table.take_odd(), columns=table.columns)


class Clock:
    """Seconds that pass only when told.

    Examples
    --------
    >>> clock = Clock()
    >>> clock.advance(2.5)
    >>> clock()
    2.5
    """

    def __init__(self, start_s: float = 0.0):
        self._now_s = float(start_s)

    def __call__(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` (not negative) pass."""
        if seconds < 0:
            raise ValueError(f"the clock can't go back by {-seconds} seconds")
        self._now_s += seconds
