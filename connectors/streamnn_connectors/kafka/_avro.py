"""Avro payloads to records, by the optional package fastavro."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from streamnn.errors import MissingPackage

from .._faults import Fault
from .registry import Schema


def avro_reader(schema: Schema) -> Callable[[bytes], dict[str, Any]]:
    """What reads payloads of a schema; it raises Fault.

    Times become ISO 8601 texts, decimals numbers, UUIDs and enumerations texts; bytes are left out.

    Raises
    ------
    Fault
        When the schema can't be used.
    MissingPackage
        Without fastavro.
    """
    try:
        import fastavro
    except ImportError:
        raise MissingPackage("fastavro", "kafka", "Avro") from None
    try:
        named: dict[str, Any] = {}
        for text in schema.references:
            fastavro.parse_schema(msgspec.json.decode(text), named)
        parsed = fastavro.parse_schema(msgspec.json.decode(schema.text), named)
    except Exception as error:  # fastavro's own errors have no common class
        raise Fault(f"an Avro schema that can't be used: {_line(error)}", "schema") from None

    def read(payload: bytes) -> dict[str, Any]:
        source = io.BytesIO(payload)
        try:
            record = fastavro.schemaless_reader(source, parsed, None)
        except Exception as error:  # of whatever kind: the bytes come from the network
            raise Fault(f"does not fit its Avro schema: {_line(error)}") from None
        if not isinstance(record, dict):
            raise Fault(f"no record but {type(record).__name__}: the Avro schema must be a record", "schema")
        if source.tell() != len(payload):
            raise Fault(f"{len(payload) - source.tell()} bytes too many for its Avro schema")
        return {name: plain(value) for name, value in record.items()}

    return read


def plain(value: Any) -> Any:
    """A value of Avro as JSON would have it.

    Examples
    --------
    >>> plain({"at": dt.datetime(2025, 2, 3, tzinfo=dt.UTC), "price": decimal.Decimal("2.50"), "raw": b"x"})
    {'at': '2025-02-03T00:00:00+00:00', 'price': 2.5, 'raw': None}
    """
    if isinstance(value, dict):
        return {name: plain(cell) for name, cell in value.items()}
    if isinstance(value, list):
        return [plain(cell) for cell in value]
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return None if isinstance(value, bytes) else value


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
