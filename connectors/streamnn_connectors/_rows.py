"""Records (JSON lines or dicts) to columns, with kinds that are found once and then hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ._faults import Fault, short
from ._flatten import NESTED, flatten
from ._json import DECODE_ERRORS, count_quotes, count_texts, decode, parse_object
from .base import TOO_MANY_COLUMNS, BadRecord
from .wanted import EVERYTHING, Wanted

ARROW_TYPES: dict[str, pa.DataType] = {"number": pa.float64(), "string": pa.string()}
"""Arrow type of each kind of column."""
MAX_RECORD_BYTES = 1_000_000
MAX_COLUMNS = 10_000
"""Most columns of a source, unless told otherwise."""
_NUMBER_TYPES = (int, float, np.integer, np.floating, np.bool_)
"""Types of values that a numeric column takes."""
_ARRAY_ERRORS = (pa.ArrowException, TypeError, ValueError, OverflowError)

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
    """Decodes records. `kinds` (name to "number" or "string") grows in the order columns are found.

    A column's kind is that of its first value that is not null in a good record, whatever the cut into
    batches. A record of another kind is a bad one.
    """

    def __init__(
        self,
        kinds: dict[str, str] | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_columns: int = MAX_COLUMNS,
        wanted: Wanted = EVERYTHING,
    ):
        self.kinds = dict(kinds or {})
        self._wanted = wanted
        self._left_out: Counter[str] = Counter()
        self._max_bytes = max_record_bytes
        self._max_columns = max_columns

    def left_out(self) -> Counter[str]:
        """Nested columns that were left out since the last call, and how often."""
        found, self._left_out = self._left_out, Counter()
        return found

    def lines(self, lines: list[bytes], first: int) -> Decoded:
        """Decode JSON lines at positions `first`...; the columns are all those known by then."""
        rows = self._fast(lines)
        if rows is not None:
            return rows, np.arange(first, first + len(lines), dtype=np.int64), []
        return self.records(lines, first)

    def records(
        self, records: Sequence[bytes | dict[str, Any]], first: int, only_present: bool = False
    ) -> Decoded:
        """Decode one by one; with `only_present` the columns are those the rows have."""
        rows: list[dict[str, float | str | None]] = []
        position: list[int] = []
        bad: list[BadRecord] = []
        present: set[str] = set()
        for place, record in enumerate(records, first):
            try:
                row = parse_object(record, self._max_bytes) if isinstance(record, bytes) else record
                row = flatten(row, self._wanted, self._left_out)
                rows.append(self._fit(row))
            except Fault as fault:
                bad.append(BadRecord(place, fault.reason, fault.stage, _raw(record)))
            else:
                position.append(place)
                if only_present:
                    present.update(row)
        columns = {
            name: pa.array([row.get(name) for row in rows], ARROW_TYPES[kind])
            for name, kind in self.kinds.items()
            if not only_present or name in present
        }
        return record_batch(columns, len(rows)), np.array(position, np.int64), bad

    def _fit(self, row: dict[str, Any]) -> dict[str, float | str | None]:
        kinds = self.kinds
        found: dict[str, str] = {}
        fitted: dict[str, float | str | None] = {}
        for name, value in row.items():
            if value is None:
                continue
            if isinstance(value, _NUMBER_TYPES):
                kind = "number"
                value = _float(value)
            elif isinstance(value, str):
                kind = "string"
            else:
                raise Fault(f"column {short(name)} has a {type(value).__name__}: {short(value)}", "schema")
            known = kinds.get(name)
            if known is None:
                if not isinstance(name, str):
                    raise Fault(f"the column name {short(name)} is not a string", "schema")
                found[name] = kind
            elif known != kind:
                raise Fault(f"column {short(name)} is a {known} but has {short(value)}", "schema")
            fitted[name] = value
        if found:
            if len(kinds) + len(found) > self._max_columns:
                raise Fault(too_many(next(iter(found)), self._max_columns), "schema")
            kinds.update(found)
        return fitted

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
        if len(shapes) == 1:
            (names,) = shapes
            values = dict(zip(names, zip(*[row.values() for row in rows], strict=True), strict=True))
        else:
            # with a new name in every row, a cell for each name and row would be their product
            new = set().union(*shapes) - self.kinds.keys()
            if new and any(row[name] is not None for row in rows for name in row.keys() & new):
                return None
            # in the order of a set: it decides nothing here
            known = set().union(*shapes) - new
            values = {name: tuple(row.get(name) for row in rows) for name in known}
        columns: dict[str, pa.Array] = {}
        strings = 0
        for name, kind in self.kinds.items():
            cells = values.pop(name, None)
            try:
                columns[name] = (
                    pa.array(cells, ARROW_TYPES[kind]) if cells else pa.nulls(len(rows), ARROW_TYPES[kind])
                )
            except _ARRAY_ERRORS:
                return None
            if kind == "string":
                strings += len(rows) - columns[name].null_count
        if any(cell is not None for cells in values.values() for cell in cells):
            return None
        if texts is None:
            texts = sum(map(len, rows)) + strings
        if sum(map(count_quotes, lines)) != 2 * texts:
            return None  # perhaps a key came twice: see count_texts
        self._left_out += left
        return record_batch(columns, len(rows))


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _raw(record: bytes | dict[str, Any]) -> bytes:
    if isinstance(record, bytes):
        return record
    try:
        return msgspec.json.encode(record, enc_hook=repr)
    except (TypeError, ValueError):
        return repr(record).encode("utf-8", "backslashreplace")
