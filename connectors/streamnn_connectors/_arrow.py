"""Arrow columns of any type to those that sources hand on: float64, integers, bool, string, times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from streamnn.errors import SourceError
from streamnn.kinds import LARGEST_EXACT

from ._blocks import Block
from ._flatten import flatten_batch, is_nested
from ._rows import MAX_COLUMNS, record_batch
from .base import BadRecord
from .table import Table
from .wanted import EVERYTHING, Wanted

NOTHING_WRONG: Mapping[int, str] = {}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def target_type(kind: pa.DataType) -> pa.DataType | None:
    """What a column of type `kind` is handed on as; None when it is dropped.

    Points in time stay what they are, in UTC; durations and times of day become seconds; dictionaries their values,
    nulls float64.

    >>> target_type(pa.timestamp("ms")), target_type(pa.float32()), target_type(pa.binary())
    (TimestampType(timestamp[ms, tz=UTC]), DataType(double), None)
    """
    if pt.is_dictionary(kind):
        return target_type(kind.value_type)
    if pt.is_integer(kind) or pt.is_boolean(kind):
        return kind
    if pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_null(kind):
        return pa.float64()
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        return pa.string()
    if pt.is_timestamp(kind):
        return pa.timestamp(kind.unit, "UTC")
    if pt.is_date(kind):
        return pa.timestamp("us", "UTC")
    return pa.float64() if pt.is_duration(kind) or pt.is_time(kind) else None


def kept_columns(
    name: str, schema: pa.Schema, wanted: Wanted = EVERYTHING
) -> tuple[list[str], dict[str, str]]:
    """The columns kept, nested ones among them, and types (as text) of those dropped. SourceError when none is left."""
    column, times = Counter(schema.names).most_common(1)[0] if schema.names else ("", 0)
    if times > 1:
        raise SourceError(f"{name} has the column {column!r} more than once. Rename one.")
    kept: list[str] = []
    dropped: dict[str, str] = {}
    for field in schema:
        nested = is_nested(field.type)
        if not (wanted.enters(field.name) if nested else wanted.takes(field.name)):
            continue
        if nested or target_type(field.type) is not None:
            kept.append(field.name)
        else:
            dropped[field.name] = str(field.type)
    if not kept:
        why = f"only {', '.join(dropped)}, which are binary" if dropped else "no columns"
        raise SourceError(f"{name} has {why}. Store numbers, booleans or strings, one a column.")
    return kept, dropped


def metadata_of(schema: pa.Schema, dropped: dict[str, str]) -> dict[str, Any]:
    """What a schema says of itself; the object under the key ``streamnn`` is spread out."""
    out: dict[str, Any] = {}
    for key, value in (schema.metadata or {}).items():
        name = key.decode("utf-8", "replace")
        if name.startswith("ARROW:"):
            continue
        text = value.decode("utf-8", "replace")
        try:
            content = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            content = text
        if name == "streamnn" and isinstance(content, dict):
            out.update(content)
        else:
            out[name] = content
    if dropped:
        out["dropped"] = dropped
    return out


def to_block(
    batch: pa.RecordBatch,
    kept: list[str],
    first: int,
    table: Table,
    wanted: Wanted = EVERYTHING,
    known_wrong: Mapping[int, str] = NOTHING_WRONG,
) -> Block:
    """The kept columns of `batch`, flat, of the kinds of `table`.

    Rows of which something is known to be wrong, and those with a string that is not UTF-8, are bad records.
    """
    left: Counter[str] = Counter()
    before = table.state()
    flat = flatten_batch(batch.select(kept), wanted, left)
    columns: dict[str, pa.Array] = {}
    known = len(table.columns)
    for name, column in zip(flat.schema.names, flat.columns, strict=True):
        kind = target_type(column.type)
        if kind is not None and name not in kept and name not in table.columns:
            known += 1  # a map may bring ever new ones
            kind = kind if known <= MAX_COLUMNS else None
        if kind is not None:
            columns[name] = _cast(column, kind)
        else:
            left[name] += len(column) - column.null_count
    end = first + batch.num_rows
    position = np.arange(first, end, dtype=np.int64)
    wrong = dict(known_wrong)
    for name, column in columns.items():
        if pt.is_string(column.type):
            for i in _not_utf8(column):
                wrong.setdefault(i, f"column {name!r} is not valid UTF-8")
    if not columns:  # all lists were empty
        return Block(flat, position, [], first, end, left, kinds=before)
    bad: list[BadRecord] = []
    if wrong:
        rows = pa.RecordBatch.from_pydict(columns)
        bad = [BadRecord(first + i, wrong[i], "decode", _as_json(rows.slice(i, 1))) for i in sorted(wrong)]
        good = np.ones(len(position), dtype=bool)
        good[list(wrong)] = False
        columns = {name: column.filter(pa.array(good)) for name, column in columns.items()}
        position = position[good]
    read = {
        name: table.arrow(name, column)
        for name, column in columns.items()
        if table.declared.get(name) != "ignored"
    }
    return Block(record_batch(read, len(position)), position, bad, first, end, left, table.take_odd(), before)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type == kind:
        return column
    if pt.is_decimal(column.type) and column.type.scale <= 0 and _is_wide(column):
        return column.cast(pa.string())  # more digits than a float64 has
    if pt.is_duration(column.type) or pt.is_time(column.type):
        per = _PER_SECOND[column.type.unit]
        counts = column.cast(pa.int32()) if pt.is_time32(column.type) else column
        return pc.divide(counts.cast(pa.int64()).cast(pa.float64()), float(per))
    if pt.is_timestamp(column.type) and column.type.tz is None:
        return column.cast(pa.int64()).cast(kind)  # what has no zone is UTC
    if pt.is_date(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64()).cast(kind)
    return column.cast(kind)


def _is_wide(column: pa.Array) -> bool:
    found = pc.min_max(column)
    ends = [v.as_py() for v in (found["min"], found["max"])]
    return any(v is not None and abs(v) > LARGEST_EXACT for v in ends)


def _not_utf8(column: pa.Array) -> list[int]:
    try:
        column.validate(full=True)
        return []
    except pa.ArrowInvalid:
        cells = column.cast(pa.binary()).to_pylist()
        return [i for i, cell in enumerate(cells) if cell is not None and not _is_utf8(cell)]


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_json(row: pa.RecordBatch) -> bytes:
    """A row of a column store has no bytes of its own: its cells as JSON, stray bytes as ``\\xNN``."""
    cells: dict[str, Any] = {}
    for name, column in zip(row.schema.names, row.columns, strict=True):
        if pt.is_string(column.type):
            raw = column.cast(pa.binary())[0].as_py()
            cells[name] = None if raw is None else raw.decode("utf-8", "backslashreplace")
        else:
            cells[name] = column[0].as_py()
    return msgspec.json.encode(cells)
