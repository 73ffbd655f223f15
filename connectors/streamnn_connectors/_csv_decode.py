"""CSV records to columns of kinds that a table knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from streamnn.kinds import DOUBTFUL, LARGEST_EXACT, PLAIN

from ._csv_records import split_fields, wrong_width
from ._faults import Fault, not_utf8, too_long
from ._rows import Decoded, record_batch
from .base import BadRecord
from .table import Table
from .wanted import EVERYTHING, Wanted

_FEW = 16


class CsvDecoder:
    """Decodes records of a CSV file whose column names are known.

    Parameters
    ----------
    names : sequence of str
        Of all columns, in the order of the header.
    table : Table
        Their kinds; a column that had no value yet gets its kind from the first one.
    delimiter : bytes
    max_record_bytes : int
    wanted : Wanted
        Columns that are not are not looked at.
    """

    def __init__(
        self,
        names: Sequence[str],
        table: Table,
        delimiter: bytes,
        max_record_bytes: int,
        wanted: Wanted = EVERYTHING,
    ):
        self.table = table
        self._names = list(names)
        self._taken = [
            (i, name)
            for i, name in enumerate(names)
            if wanted.takes(name) and table.declared.get(name) != "ignored"
        ]
        self._delimiter = delimiter
        self._max_bytes = max_record_bytes
        self._parse = pa_csv.ParseOptions(
            delimiter=delimiter.decode(), ignore_empty_lines=False, newlines_in_values=True
        )
        # a cell that is missing whatever its column's kind; in a column of texts "?" is a text
        self._missing = pa.array(sorted(table.missing), pa.string())

    def decode(self, records: list[bytes], faults: dict[int, Fault], first: int) -> Decoded:
        """Rows, positions and bad records of `records` at positions `first`...; `faults` are known by index."""
        if not faults and len(records) >= _FEW:
            rows = self._block(records)
            if rows is not None:
                return rows, np.arange(first, first + len(records), dtype=np.int64), []
        good: list[list[bytes]] = []
        position: list[int] = []
        bad: list[BadRecord] = []
        for i, record in enumerate(records):
            try:
                if i in faults:
                    raise faults[i]
                good.append(fields_of(record, self._delimiter, len(self._names), self._max_bytes))
            except Fault as fault:
                bad.append(BadRecord(first + i, fault.reason, fault.stage, record))
            else:
                position.append(first + i)
        columns = {
            name: self._column(name, pa.array([fields[i].decode() for fields in good], pa.string()))
            for i, name in self._taken
        }
        return record_batch(columns, len(good)), np.array(position, np.int64), bad

    def _column(self, name: str, cells: pa.Array) -> pa.Array:
        """Texts of a column as its kind."""
        column = self.table.columns.get(name)
        cells = pc.if_else(pc.is_in(cells, value_set=self._missing), None, cells)
        if column is not None and column.settled and column.is_name:
            return cells
        return self.table.array(name, cells.to_pylist())

    def _block(self, records: list[bytes]) -> pa.RecordBatch | None:
        """The rows of `records` where all can be read at once, else None."""
        if b"" in records or b"\r" in records or max(map(len, records)) > self._max_bytes:
            return None
        block = b"\n".join(records)
        if not (block.isascii() or _is_utf8(block)):
            return None
        plain = {
            name
            for _, name in self._taken
            if (c := self.table.columns.get(name)) is not None
            and c.settled
            and c.kind in ("number", "duration")
            and c.format == PLAIN
        }
        # numbers at once; where one of them is odd, all as texts and then cell by cell
        for numbers in (plain, set[str]()) if plain else (plain,):
            rows = self._parsed(block, len(records), numbers)
            if rows is not None and not any(_is_odd(rows.column(name)) for name in numbers):
                columns = {
                    name: rows.column(name) if name in numbers else self._column(name, rows.column(name))
                    for _, name in self._taken
                }
                return record_batch(columns, len(records))
        return None

    def _parsed(self, block: bytes, records: int, numbers: set[str]) -> pa.RecordBatch | None:
        read = pa_csv.ReadOptions(column_names=self._names, use_threads=False, block_size=len(block) + 1)
        convert = pa_csv.ConvertOptions(
            column_types={name: pa.float64() if name in numbers else pa.string() for _, name in self._taken},
            include_columns=[name for _, name in self._taken],
            null_values=[*sorted(self.table.missing), *sorted(DOUBTFUL)],
            strings_can_be_null=False,
        )
        try:
            table = pa_csv.read_csv(pa.py_buffer(block), read, self._parse, convert)
        except pa.ArrowException:
            return None
        batches = table.to_batches()
        # a lone carriage return ends a line there
        return batches[0] if len(batches) == 1 and table.num_rows == records else None


def fields_of(record: bytes, delimiter: bytes, width: int, max_bytes: int) -> list[bytes]:
    """The fields of a good record; raises Fault."""
    if len(record) > max_bytes:
        raise too_long(len(record), max_bytes)
    if record in (b"", b"\r"):
        raise Fault("empty line")
    try:
        record.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(error) from None
    fields = split_fields(record, delimiter)
    if len(fields) != width:
        raise wrong_width(len(fields), width)
    return fields


def _is_odd(column: pa.Array) -> bool:
    """Whether there is a text that Arrow takes for NaN, such as nan(a), or what may be an id: each cell is looked at."""
    if pc.any(pc.is_nan(column)).as_py():
        return True
    most = pc.max(pc.abs(column)).as_py()
    return most is not None and most >= LARGEST_EXACT


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
