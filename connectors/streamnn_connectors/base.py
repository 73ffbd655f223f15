"""The contracts of sources and sinks. They know bytes, positions and files; nothing of learning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from streamnn.kinds import Column

Resume = dict[str, Any]
"""JSON-able token: where a partition goes on. Has at least ``position``, that of the next record."""

MOST_DEPTH = 8
"""Steps from a record down to a value: what is nested deeper is left out."""
MOST_ELEMENTS = 64
"""Of one list: a longer one is left out."""
MOST_VALUES = 256
"""That one nested column has in one record: one with more is left out of it."""

TOO_MANY_COLUMNS = "would be one of too many columns"
"""In the reason of every record that is refused for a name beyond the limit of its source."""


@dataclass(slots=True, frozen=True)
class BadRecord:
    """A record that can't become a row: it travels on to the dead-letter sink.

    Parameters
    ----------
    position : int
        Position of the record in its partition.
    reason : str
        What is wrong with it, for a person.
    stage : str
        Where it was found: ``"decode"``, ``"schema"`` or ``"label"``.
    raw : bytes
        The original bytes.
    """

    position: int
    reason: str
    stage: str
    raw: bytes


@dataclass(slots=True)
class Batch:
    """Some consecutive records of a partition.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
        The good records, in order.
    position : ndarray of int64, shape (rows,)
        Their positions, increasing.
    bad : list of BadRecord
        The others, in order; positions lie between those of the rows.
    resume : dict
        Token of the place after the last record of the batch.
    left_out : Counter of str
        Nested columns that were too large or too deep, and in how many records; those are not bad for it.
    odd : Counter of (str, str)
        Cells that are not of their column's kind, by column and text: they are missing, their records are good.
    columns : mapping of str to Column
        What the source knows of its columns by now; empty where it does not say.
    """

    rows: pa.RecordBatch
    position: np.ndarray
    resume: Resume
    bad: list[BadRecord] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    odd: Counter[tuple[str, str]] = field(default_factory=Counter)
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(slots=True)
class SourceInfo:
    """What is known of a source before reading it.

    Parameters
    ----------
    name : str
    records : int or None
        How many records there are, where that is known.
    metadata : dict
        What the file says of itself (label names, names of categories, notes).
    path : str or None
        The file that holds the records, where it is one file.
    """

    name: str
    records: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    path: str | None = None


@runtime_checkable
class Partition(Protocol):
    """One ordered log of records."""

    def next_batch(self, limit: int) -> Batch | None:
        """At most `limit` records, good and bad together; an empty batch when there is nothing now
        (it never blocks); None at the end of a recorded stream."""

    def close(self) -> None:
        """Give up files and sockets. Safe to call twice."""


@runtime_checkable
class Source(Protocol):
    """Where records come from."""

    def info(self) -> SourceInfo:
        """What is known before reading."""

    def partitions(self) -> list[str]:
        """Names of the partitions."""

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        """Start at the beginning, or where `resume` says. All of a partition's state comes from `resume`."""


@runtime_checkable
class Sink(Protocol):
    """Where records go. Each record has the position of the input record that caused it."""

    def committed(self) -> int:
        """Position of the last record that is safely out, -1 when there is none.
        A torn record at the end, left by a killed process, is removed first."""

    def write(self, records: list[dict[str, Any]]) -> None:
        """Append records; each has an int ``position``, never decreasing."""

    def flush(self, timeout_s: float | None = None) -> None:
        """On return everything written is on disk. SinkError when it can't be in time."""

    def close(self) -> None:
        """Flush and give up files. Safe to call twice."""
