"""A source and a sink in memory, for tests and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ._arrow import kept_columns, metadata_of, to_block
from ._blocks import Block, BlockPartition, start_of
from ._columns import Columns, check_lengths, check_positions, column_rows
from ._rows import RowDecoder
from .base import Partition, Resume, SourceInfo
from .table import NO_KINDS, Table
from .wanted import EVERYTHING, Wanted


class MemorySource:
    """Rows that are already in memory.

    Parameters
    ----------
    rows : list of dict, or pyarrow.Table
        Dicts are read as in JSON lines. Every batch has all columns. A table is read as a Parquet file is.
    name : str, default "memory"
    kinds : mapping of str to str, optional
        What columns are: see :class:`Table`.
    wanted : Wanted
        The columns that are looked at, all by default.

    Raises
    ------
    SourceError
        When a table has a column twice or none that can be used.

    Examples
    --------
    >>> source = MemorySource([{"x": 1, "y": "a"}, {"x": 2}, {"x": "?"}])
    >>> batch = source.open("0", {"position": 1}).next_batch(10)
    >>> batch.rows.to_pylist(), batch.bad
    ([{'x': 2.0, 'y': None}, {'x': None, 'y': None}], [])
    """

    def __init__(
        self,
        rows: Sequence[dict[str, Any]] | pa.Table,
        name: str = "memory",
        kinds: Mapping[str, str] = NO_KINDS,
        wanted: Wanted = EVERYTHING,
    ):
        self._table = Table(kinds)
        if isinstance(rows, pa.Table):
            kept, dropped = kept_columns(name, rows.schema, wanted)
            whole = rows.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=rows.schema)]
            self._block = to_block(whole[0], kept, 0, self._table, wanted)
            metadata = metadata_of(rows.schema, dropped)
        else:
            decoder = RowDecoder(self._table, wanted=wanted)
            batch, position, bad = decoder.records(rows, 0)
            self._block = Block(
                batch, position, bad, 0, len(rows), decoder.left_out(), self._table.take_odd()
            )
            metadata = {}
        self._info = SourceInfo(name, self._block.end, metadata)

    def info(self) -> SourceInfo:
        return self._info

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(self._info.name, partition, resume, self._info.records)
        return BlockPartition(iter([replace(self._block)]), position, self._table)


class MemorySink:
    """Keeps records in the list `records`. The object stands for a disk: it outlives a crash of its user.

    What is written is committed at once; `lose_unflushed` makes it the disk of a machine that lost power.

    Examples
    --------
    >>> sink = MemorySink()
    >>> sink.write([{"position": 3, "p": 0.5}])
    >>> sink.flush()
    >>> sink.write([{"position": 4, "p": 0.7}])
    >>> sink.lose_unflushed()
    >>> sink.committed(), sink.records
    (3, [{'position': 3, 'p': 0.5}])
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._flushed = 0

    def committed(self) -> int:
        return self.records[-1]["position"] if self.records else -1

    def write(self, records: list[dict[str, Any]]) -> None:
        check_positions([r.get("position") for r in records], self.committed(), "MemorySink")
        self.records += [dict(r) for r in records]

    def write_columns(self, columns: Columns) -> None:
        if check_lengths(columns, "MemorySink"):
            self.write(column_rows(columns))

    def flush(self, timeout_s: float | None = None) -> None:
        self._flushed = len(self.records)

    def close(self) -> None:
        self.flush()

    def lose_unflushed(self) -> None:
        """Forget what was written after the last flush."""
        del self.records[self._flushed :]
