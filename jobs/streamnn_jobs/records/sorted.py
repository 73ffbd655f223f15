"""A recorded stream in the order of its event times."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa

from streamnn.errors import SourceError, SpecError
from streamnn.kinds import Column
from streamnn_connectors.base import BadRecord, Batch, Partition, Resume, Source, SourceInfo
from streamnn_connectors.table import Table

from .times import TimeColumn

_PIECE_RECORDS = 65_536


class SortedSource:
    """Reads another source whole and hands its records on, oldest first; those of one time stay in their order.

    Records without a time come after all others, and then those that can't be read. A record's position is its place in
    this order, so that a job goes on in it.

    Parameters
    ----------
    source : Source
    column : str
        That says when an event happened.
    unit : str
        Of its numbers, as of :class:`TimeColumn`.

    Examples
    --------
    >>> from streamnn_connectors import MemorySource
    >>> source = SortedSource(MemorySource([{"at": 3, "x": 1}, {"at": 1, "x": 2}]), "at")
    >>> source.open("0").next_batch(10).rows["x"].to_pylist()
    [2.0, 1.0]
    """

    def __init__(self, source: Source, column: str, unit: str = "auto"):
        self._source, self._column, self._unit = source, column, unit
        self._read: tuple[pa.RecordBatch, list[BadRecord]] | None = None
        self._columns: dict[str, Column] = {}
        self._odd: Counter[tuple[str, str]] = Counter()
        self._left_out: Counter[str] = Counter()

    def info(self) -> SourceInfo:
        rows, bad = self._records()
        return replace(self._source.info(), records=rows.num_rows + len(bad))

    def partitions(self) -> list[str]:
        return self._source.partitions()

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        rows, bad = self._records()
        position = 0 if resume is None else int(resume["position"])
        if position > rows.num_rows + len(bad):
            raise SourceError(
                f"{self._source.info().name} has {rows.num_rows + len(bad)} records, reading was to go on at {position}: "
                "it has changed since the checkpoint was written"
            )
        return _SortedPartition(rows, bad, position, self._columns, self._odd, self._left_out)

    def _records(self) -> tuple[pa.RecordBatch, list[BadRecord]]:
        if self._read is not None:
            return self._read
        batches, bad = [], []
        partition = self._source.open(self.partitions()[0])
        try:
            while (batch := partition.next_batch(_PIECE_RECORDS)) is not None:
                bad += batch.bad
                self._columns |= batch.columns
                self._odd += batch.odd
                self._left_out += batch.left_out
                if batch.rows.num_rows:
                    batches.append(batch.rows)
        finally:
            partition.close()
        tables = [pa.Table.from_batches([rows]) for rows in self._of_one_kind(batches)]
        table = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
        if table.num_rows and self._column not in table.schema.names:
            raise SpecError(f"source.event_time: there is no column {self._column!r} to sort by")
        if table.num_rows:
            times, _ = TimeColumn(self._column, self._unit).read(table[self._column].combine_chunks())
            table = table.take(pa.array(np.argsort(times, kind="stable")))
        rows = (table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([])])[0]
        bad = [replace(b, position=rows.num_rows + i) for i, b in enumerate(bad)]
        self._read = rows, bad
        return self._read

    def _of_one_kind(self, batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """The batches, with every cell of a column of the kind that it was decided to be at last."""
        types: dict[str, set[pa.DataType]] = {}
        for rows in batches:
            for field in rows.schema:
                types.setdefault(field.name, set()).add(field.type)
        several = (name for name in self._columns if len(types.get(name, ())) > 1)
        table = Table({name: self._columns[name].kind for name in several})
        for name in table.declared:
            batches = [
                rows.set_column(i, name, table.array(name, rows.column(i).to_pylist()))
                if (i := rows.schema.get_field_index(name)) >= 0
                else rows
                for rows in batches
            ]
        self._odd += table.take_odd()
        return batches


class _SortedPartition:
    def __init__(
        self,
        rows: pa.RecordBatch,
        bad: list[BadRecord],
        position: int,
        columns: dict[str, Column],
        odd: Counter[tuple[str, str]],
        left_out: Counter[str],
    ):
        self._rows, self._bad, self._position = rows, bad, position
        self._columns = columns
        # told with the first batch
        self._odd, self._left_out = (odd, left_out) if position == 0 else (Counter(), Counter())

    def next_batch(self, limit: int) -> Batch | None:
        n, begin = self._rows.num_rows, self._position
        end = min(begin + limit, n + len(self._bad))
        if begin >= end:
            return None
        self._position = end
        position = np.arange(begin, min(end, n), dtype=np.int64)
        bad = self._bad[max(begin - n, 0) : max(end - n, 0)]
        left_out, self._left_out = self._left_out, Counter()
        odd, self._odd = self._odd, Counter()
        rows = self._rows.slice(min(begin, n), len(position))
        return Batch(rows, position, {"position": end}, bad, left_out, odd, self._columns)

    def close(self) -> None:
        self._position = self._rows.num_rows + len(self._bad)
