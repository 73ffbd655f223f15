"""Arrow columns to the arrays learners take."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from streamnn.errors import SchemaError

KIND_OF_DTYPE = {"f": "number", "O": "text", "M": "time"}
"""The kind of a column that a source says nothing of."""


def kind_of(kind: pa.DataType) -> str | None:
    """``"number"``, ``"text"``, ``"time"``, ``"null"``, or None for what is neither.

    Examples
    --------
    >>> kind_of(pa.int8()), kind_of(pa.string()), kind_of(pa.date32()), kind_of(pa.list_(pa.int8()))
    ('number', 'text', 'time', None)
    """
    t = pa.types
    if t.is_dictionary(kind):
        return kind_of(kind.value_type)
    if t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind) or t.is_decimal(kind):
        return "number"
    if t.is_timestamp(kind) or t.is_date(kind):
        return "time"
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return "text"
    return "null" if t.is_null(kind) else None


def numbers(column: pa.Array) -> np.ndarray:
    """float64, NaN where missing.

    Examples
    --------
    >>> numbers(pa.array([1, None])).tolist(), numbers(pa.array([True])).tolist()
    ([1.0, nan], [1.0])
    """
    t = pa.types
    if t.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count == 0 and not t.is_decimal(column.type):
        return column.to_numpy(zero_copy_only=False).astype(np.float64)
    return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def values(name: str, column: pa.Array) -> np.ndarray | None:
    """A column as a learner takes it: float64, objects of texts, datetime64; None where all of it is missing.

    Raises
    ------
    SchemaError
        When a source hands on what can't be a feature.

    Examples
    --------
    >>> values("a", pa.array([1, None])), values("b", pa.array(["x", None])), values("c", pa.nulls(2))
    (array([ 1., nan]), array(['x', None], dtype=object), None)
    """
    kind = kind_of(column.type)
    if kind == "null":
        return None
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_union(column.type):  # its kind was decided again within these rows
        out = np.empty(len(column), object)
        out[:] = column.to_pylist()
        return out
    if kind == "time":
        return column.cast(pa.timestamp(getattr(column.type, "unit", "us"))).to_numpy(zero_copy_only=False)
    if kind is None:
        raise SchemaError(
            f"column {name!r} is {column.type}: a source hands on numbers, texts, truths and times"
        )
    return numbers(column) if kind == "number" else texts(column)


def texts(column: pa.Array) -> np.ndarray:
    """Objects: str, None where missing."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.to_numpy(zero_copy_only=False)


def present(column: pa.Array) -> np.ndarray:
    """Which rows have a value (NaN is none)."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.is_valid().to_numpy(zero_copy_only=False) & ~_nan(column)


def _nan(column: pa.Array) -> np.ndarray:
    if not pa.types.is_floating(column.type):
        return np.zeros(len(column), np.bool_)
    return np.isnan(column.to_numpy(zero_copy_only=False))


def row_json(rows: pa.RecordBatch, i: int) -> bytes:
    """A row whose original bytes are not known: its values by name, however the batch was cut."""
    row = rows.slice(i, 1)
    # Python has no nanoseconds
    columns = [c.cast(pa.string()) if pa.types.is_timestamp(c.type) else c for c in row.columns]
    record = pa.RecordBatch.from_arrays(columns, row.schema.names).to_pylist()[0]
    return msgspec.json.encode(
        {k: v for k, v in sorted(record.items()) if v is not None and v == v}, enc_hook=repr
    )
