"""Arrow columns of any type to the four kinds that sources hand on: float64, integers, bool, string."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from streamnn.errors import SourceError

from ._blocks import Block
from .base import BadRecord


def target_type(kind: pa.DataType) -> pa.DataType | None:
    """What a column of type `kind` is handed on as; None when it is dropped.

    Points in time are instants: what has no zone is UTC, a date the instant at which it begins. Dictionaries become
    their values, nulls float64, times of day and durations counts of the unit of the column.

    >>> target_type(pa.timestamp("ms", "Asia/Tokyo")), target_type(pa.float32()), target_type(pa.binary())
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
        return pa.timestamp("us" if pt.is_date32(kind) else "ms", "UTC")
    if pt.is_temporal(kind) and not pt.is_interval(kind):
        return pa.int64()
    return None


def kept_columns(name: str, schema: pa.Schema) -> tuple[dict[str, pa.DataType], dict[str, str]]:
    """Types of the columns kept, and types (as text) of those dropped. SourceError when none is left."""
    column, times = Counter(schema.names).most_common(1)[0] if schema.names else ("", 0)
    if times > 1:
        raise SourceError(f"{name} has the column {column!r} more than once. Rename one.")
    types = {field.name: target_type(field.type) for field in schema}
    kept = {column: kind for column, kind in types.items() if kind is not None}
    dropped = {field.name: str(field.type) for field in schema if types[field.name] is None}
    if not kept:
        why = f"only {', '.join(dropped)}, which are nested or binary" if dropped else "no columns"
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


def to_block(batch: pa.RecordBatch, kept: dict[str, pa.DataType], first: int) -> Block:
    """The kept columns of `batch` in their types. Rows with a string that is not UTF-8 are bad records."""
    columns = {name: _cast(batch.column(name), kind) for name, kind in kept.items()}
    end = first + batch.num_rows
    position = np.arange(first, end, dtype=np.int64)
    wrong: dict[int, str] = {}
    for name, column in columns.items():
        if pt.is_string(column.type):
            for i in _not_utf8(column):
                wrong.setdefault(i, f"column {name!r} is not valid UTF-8")
    rows = pa.RecordBatch.from_pydict(columns)
    if not wrong:
        return Block(rows, position, [], first, end)
    bad = [BadRecord(first + i, wrong[i], "decode", _as_json(rows.slice(i, 1))) for i in sorted(wrong)]
    good = np.ones(len(position), dtype=bool)
    good[list(wrong)] = False
    return Block(rows.filter(pa.array(good)), position[good], bad, first, end)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type == kind:
        return column
    if pt.is_time32(column.type):
        column = column.cast(pa.int32())
    return column.cast(kind)


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
