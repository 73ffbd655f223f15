"""CSV records to columns of fixed kinds."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from ._csv_records import split_fields, wrong_width
from ._faults import Fault, not_utf8, short, too_long
from ._rows import ARROW_TYPES, Decoded, record_batch
from .base import BadRecord
from .wanted import EVERYTHING, Wanted

_MISSING = frozenset((b"", b"NA", b"null", b"nan"))
# what the block parser takes, so that a record means the same alone and in a block
_NUMBER = re.compile(
    rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan(?:\(\w*\))?)", re.IGNORECASE
)
_FEW = 16


class CsvDecoder:
    """Decodes records of a CSV file whose column names are known.

    `kinds` ("number" or "string") are known too, but for columns that had no value yet (None): the first one
    in a good record settles it. Until then they are missing numbers. Columns that are not wanted are not looked at.
    """

    def __init__(
        self,
        kinds: dict[str, str | None],
        delimiter: bytes,
        max_record_bytes: int,
        wanted: Wanted = EVERYTHING,
    ):
        self.kinds = dict(kinds)
        self._taken = [name for name in kinds if wanted.takes(name)]
        self._open = [name for name in self._taken if kinds[name] is None]
        self._delimiter = delimiter
        self._max_bytes = max_record_bytes
        self._parse = pa_csv.ParseOptions(
            delimiter=delimiter.decode(), ignore_empty_lines=False, newlines_in_values=True
        )

    def decode(self, records: list[bytes], faults: dict[int, Fault], first: int) -> Decoded:
        """Rows, positions and bad records of `records` at positions `first`...; `faults` are known by index."""
        if not faults and len(records) >= _FEW:
            rows = self._fast(records)
            if rows is not None:
                for name in self._open:
                    if rows.column(name).null_count < len(rows):
                        self.kinds[name] = "number"
                self._open = [name for name in self._open if self.kinds[name] is None]
                return rows, np.arange(first, first + len(records), dtype=np.int64), []
        columns: list[list[float | str | None]] = [[] for _ in self._taken]
        position: list[int] = []
        bad: list[BadRecord] = []
        for i, record in enumerate(records):
            try:
                if i in faults:
                    raise faults[i]
                row = self._row(record)
            except Fault as fault:
                bad.append(BadRecord(first + i, fault.reason, fault.stage, record))
                continue
            for column, value in zip(columns, row, strict=True):
                column.append(value)
            position.append(first + i)
        arrays = {
            name: pa.array(column, ARROW_TYPES[self.kinds[name] or "number"])
            for name, column in zip(self._taken, columns, strict=True)
        }
        return record_batch(arrays, len(position)), np.array(position, np.int64), bad

    def _row(self, record: bytes) -> list[float | str | None]:
        fields = fields_of(record, self._delimiter, len(self.kinds), self._max_bytes)
        row: list[float | str | None] = []
        found: dict[str, str] = {}
        cells = dict(zip(self.kinds, fields, strict=True))
        for name in self._taken:
            field, kind = cells[name], self.kinds[name]
            if kind is None and (kind := kind_of(field)) is not None:
                found[name] = kind
            if field in _MISSING:
                row.append(None)
            elif kind == "string":
                row.append(field.decode())
            else:
                row.append(_number(field, name))
        if found:  # only now: a bad record settles nothing
            self.kinds.update(found)
            self._open = [name for name in self._open if name not in found]
        return row

    def _fast(self, records: list[bytes]) -> pa.RecordBatch | None:
        """The rows of `records` when all are good, else None."""
        if b"" in records or b"\r" in records or max(map(len, records)) > self._max_bytes:
            return None
        block = b"\n".join(records)
        if not (block.isascii() or _is_utf8(block)):
            return None
        read = pa_csv.ReadOptions(column_names=list(self.kinds), use_threads=False, block_size=len(block) + 1)
        convert = pa_csv.ConvertOptions(
            column_types={name: ARROW_TYPES[kind or "number"] for name, kind in self.kinds.items()},
            include_columns=self._taken,
            null_values=[token.decode() for token in _MISSING],
            strings_can_be_null=True,
        )
        try:
            table = pa_csv.read_csv(pa.py_buffer(block), read, self._parse, convert)
        except pa.ArrowException:
            return None
        batches = table.to_batches()
        # a lone carriage return ends a line there
        return batches[0] if len(batches) == 1 and table.num_rows == len(records) else None


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


def kind_of(field: bytes) -> str | None:
    """The kind that a field shows, None when it is missing."""
    text = field.strip(b" \t")
    if text in _MISSING:
        return None
    return "number" if _NUMBER.fullmatch(text) else "string"


def _number(field: bytes, name: str) -> float | None:
    text = field.strip(b" \t")
    if text in _MISSING:
        return None
    if not _NUMBER.fullmatch(text):
        shown = short(field.decode("utf-8", "replace"))
        raise Fault(f"column {short(name)} is a number but has {shown}", "schema")
    return float("nan") if text.endswith(b")") else float(text)


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
