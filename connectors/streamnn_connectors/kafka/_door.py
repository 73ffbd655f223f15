"""A message to the record in it: out of a registry's frame, by its schema, out of an envelope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._faults import Fault
from .._json import parse_object
from ._avro import avro_reader
from ._unwrap import Unwrap, envelope_of
from .registry import MOST_SCHEMAS, SchemaRegistry

_FRAME_BYTES = 5
"""A zero byte and the number of a schema."""
_ENVELOPE_MARK = b'"after"'
_Reader = Callable[[bytes], dict[str, Any]]


def frame_number(value: bytes) -> int | None:
    """The number of the schema that a message bears in front; None where it is not framed.

    Examples
    --------
    >>> frame_number(b"\\x00\\x00\\x00\\x00\\x2a{}"), frame_number(b"{}")
    (42, None)
    """
    return int.from_bytes(value[1:_FRAME_BYTES]) if len(value) >= _FRAME_BYTES and value[0] == 0 else None


class Door:
    """Opens messages that are more than one plain JSON object.

    Parameters
    ----------
    unwrap : sequence of str
        Ways to the record, see :class:`Unwrap`.
    registry : SchemaRegistry, optional
        Has the schemas of framed messages.
    max_bytes : int
        Longer messages are bad.
    """

    def __init__(self, unwrap: Sequence[str], registry: SchemaRegistry | None, max_bytes: int):
        self._unwrap = Unwrap(unwrap, max_bytes) if unwrap else None
        self._registry = registry
        self._max_bytes = max_bytes
        self._readers: dict[int, _Reader] = {}

    @property
    def wraps(self) -> bool:
        """Whether every record is in an envelope."""
        return self._unwrap is not None

    def concerns(self, values: Sequence[bytes]) -> bool:
        """Whether any of the messages may be more than a plain object."""
        return self.wraps or any(value[:1] == b"\0" or _ENVELOPE_MARK in value for value in values)

    def open(self, value: bytes) -> dict[str, Any] | None:
        """The record of a message; None when its envelope says that there is none.

        Raises
        ------
        Fault
            When the message is bad.
        RegistryDown
            When its schema can't be had now.
        """
        number = frame_number(value)
        if number is None:
            row = parse_object(value, self._max_bytes)
        else:
            row = self._reader(number)(value[_FRAME_BYTES:])
        if self._unwrap is not None:
            return self._unwrap(row)
        if (way := envelope_of(row)) is not None:
            raise Fault(
                f"looks like a change event, an envelope with the record in {way}: set kafka.unwrap = "
                f'"{way}" (or "." to learn from the envelope)',
                "schema",
            )
        return row

    def _reader(self, number: int) -> _Reader:
        found = self._readers.get(number)
        if found is None:
            found = self._find(number)
            if len(self._readers) >= MOST_SCHEMAS:
                self._readers.clear()
            self._readers[number] = found
        return found

    def _find(self, number: int) -> _Reader:
        if self._registry is None:
            return _refuse(number, ": set kafka.registry.url, where that schema is kept")
        schema = self._registry.schema(number)
        if schema is None:
            return _refuse(number, f", which {self._registry.where} does not have")
        if schema.kind == "AVRO":
            try:
                return avro_reader(schema)
            except Fault as fault:
                return _refuse(number, f", {fault.reason}", fault.stage)
        if schema.kind == "JSON":
            return lambda payload: parse_object(payload, self._max_bytes)
        return _refuse(number, f" of type {schema.kind}, which is not decoded: use Avro or JSON")


def _refuse(number: int, why: str, stage: str = "decode") -> _Reader:
    def reader(payload: bytes) -> dict[str, Any]:
        raise Fault(f"looks like a schema registry's frame with schema {number}{why}", stage)

    return reader
