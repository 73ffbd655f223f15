"""Records (JSON lines or dicts) to columns, with kinds that are found once and then hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from streamnn.errors import SchemaError
from streamnn.kinds import is_missing, kind_of

from ._faults import Fault, short
from ._flatten import NESTED, flatten
from ._json import DECODE_ERRORS, count_quotes, count_texts, decode, parse_object
from .base import TOO_MANY_COLUMNS, BadRecord
from .table import Table
from .wanted import EVERYTHING, Wanted

MAX_RECORD_BYTES = 1_000_000
MAX_COLUMNS = 10_000
"""Most columns of a source, unless told otherwise."""
_COMMON = frozenset((type(None), str, int, float, bool))
"""Types of values that need no look."""

Decoded = tuple[pa.RecordBatch, np.ndarray, list[BadRecord]]


def record_batch(columns: dict[str, pa.Array], rows: int) -> pa.RecordBatch:
    """Like RecordBatch.from_pydict, but keeps the number of rows when there are no columns."""
    if columns:
        return pa.RecordBatch.from_pydict(columns)
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def too_many(name: object, limit: int) -> str:
    """Why a record with a column beyond the limit is bad."""
    return f"column {short(name)} {TOO_MANY_COLUMNS}, the limit is {limit}"


class RowDecoder:
    """Decodes records. The columns of `table` grow in the order they are found.

    A column is there from its first value on that says of what kind it is, in a good record, whatever the cut into
    batches. A cell of another kind is missing; no record is bad for it.
    """

    def __init__(
        self,
        table: Table | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_columns: int = MAX_COLUMNS,
        wanted: Wanted = EVERYTHING,
    ):
        self.table = Table() if table is None else table
        self._wanted = wanted
        self._left_out: Counter[str] = Counter()
        self._max_bytes = max_record_bytes
        self._max_columns = max_columns

    def left_out(self) -> Counter[str]:
        """Nested columns that were left out since the last call, and how often."""
        found, self._left_out = self._left_out, Counter()
        return found

    def look(self, lines: list[bytes]) -> None:
        """Decide the kinds of the columns of these records."""
        cells: dict[str, list[Any]] = {}
        for line in lines:
            try:
                row = flatten(parse_object(line, self._max_bytes), self._wanted)
            except Fault:
                continue
            if len(cells) + len(row) <= self._max_columns or row.keys() <= cells.keys():
                for name, value in row.items():
                    if value is not None:
                        cells.setdefault(name, []).append(value)
        self.table.look(cells)

    def lines(self, lines: list[bytes], first: int) -> Decoded:
        """Decode JSON lines at positions `first`...; the columns are all those known by then."""
        rows = self._fast(lines)
        if rows is not None:
            return rows, np.arange(first, first + len(lines), dtype=np.int64), []
        return self.records(lines, first)

    def records(
        self, records: Sequence[bytes | Mapping[str, Any]], first: int, only_present: bool = False
    ) -> Decoded:
        """Decode one by one; with `only_present` the columns are those the rows have."""
        rows: list[dict[str, Any]] = []
        position: list[int] = []
        bad: list[BadRecord] = []
        names = dict.fromkeys(self.table.columns)
        for place, record in enumerate(records, first):
            try:
                row = parse_object(record, self._max_bytes) if isinstance(record, bytes) else dict(record)
                row = flatten(row, self._wanted, self._left_out)
                self._check(row, names)
            except Fault as fault:
                bad.append(BadRecord(place, fault.reason, fault.stage, _raw(record)))
            else:
                rows.append(row)
                position.append(place)
        present = set().union(*rows) if only_present else names.keys()
        columns = {
            name: self.table.array(name, [row.get(name) for row in rows]) for name in names if name in present
        }
        return record_batch(columns, len(rows)), np.array(position, np.int64), bad

    def _check(self, row: dict[str, Any], names: dict[str, None]) -> None:
        """Refuse values that no column can have, and too many columns; note new ones in `names`."""
        if not _COMMON.issuperset(map(type, row.values())):
            for name, value in row.items():
                try:
                    kind_of(value)
                except SchemaError as error:
                    raise Fault(f"column {short(name)} {error}: {short(value)}", "schema") from None
        if row.keys() <= names.keys():
            return
        new = [name for name, value in row.items() if name not in names and not is_missing(value)]
        for name in new:
            if not isinstance(name, str):
                raise Fault(f"the column name {short(name)} is not a string", "schema")
        new = [name for name in new if self.table.finds(name, row[name])]
        if len(names) + len(new) > self._max_columns:
            raise Fault(too_many(new[0], self._max_columns), "schema")
        names.update(dict.fromkeys(new))

    def _fast(self, lines: list[bytes]) -> pa.RecordBatch | None:
        """The rows of `lines` when all are good and bring no new column, else None."""
        try:
            rows = [decode(line) for line in lines]
        except DECODE_ERRORS:
            return None
        if set(map(type, rows)) != {dict} or max(map(len, lines)) > self._max_bytes:
            return None
        texts: int | None = None
        left: Counter[str] = Counter()
        # the first stands for all: where only others are nested, the columns can't be made
        if not (self._wanted.everything and NESTED.isdisjoint(map(type, rows[0].values()))):
            texts = sum(map(count_texts, rows))
            rows = [flatten(row, self._wanted, left) for row in rows]
        shapes = set(map(tuple, rows))
        known = self.table.columns
        if len(shapes) == 1:
            (names,) = shapes
            values = dict(zip(names, zip(*[row.values() for row in rows], strict=True), strict=True))
        else:
            # with a new name in every row, a cell for each name and row would be their product
            every = set().union(*shapes)
            new = every - known.keys()
            if new and any(row[name] is not None for row in rows for name in row.keys() & new):
                return None
            # in the order of a set: it decides nothing here
            values = {name: tuple(row.get(name) for row in rows) for name in every - new}
        if any(cell is not None for name in values.keys() - known.keys() for cell in values[name]):
            return None
        if any(not column.settled for name, column in known.items() if name in values):
            return None
        found: dict[str, pa.Array | None] = {}
        strings = 0
        for name in known:
            cells = values.get(name)
            if cells is None:
                found[name] = self.table.nothing(name, len(rows))
                continue
            quick = found[name] = self.table.quick(name, cells)
            if quick is None:
                if not NESTED.isdisjoint(map(type, cells)):
                    return None
                strings += sum(type(cell) is str for cell in cells)
            elif pa.types.is_string(quick.type) or pa.types.is_timestamp(quick.type):
                strings += len(rows) - quick.null_count
        if texts is None:
            texts = sum(map(len, rows)) + strings
        if sum(map(count_quotes, lines)) != 2 * texts:
            return None  # perhaps a key came twice: see count_texts
        columns = {
            name: self.table.array(name, values[name]) if array is None else array
            for name, array in found.items()
        }
        self._left_out += left
        return record_batch(columns, len(rows))


def _raw(record: bytes | Mapping[str, Any]) -> bytes:
    if isinstance(record, bytes):
        return record
    try:
        return msgspec.json.encode(record, enc_hook=repr)
    except (TypeError, ValueError):
        return repr(record).encode("utf-8", "backslashreplace")
