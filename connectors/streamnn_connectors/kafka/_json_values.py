"""JSON messages to columns: the rules of JSON lines, at the speed of declared structs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from .._faults import Fault, short
from .._json import DECODE_ERRORS, parse_object
from .._rows import Decoded, RowDecoder, record_batch
from ..base import BadRecord
from ..table import Table
from ..wanted import EVERYTHING, Wanted
from ._door import Door

_VALUE = int | float | str | bool | None
"""Type that msgspec decodes a cell to: what is nested goes the slow way."""
_MOST_FIELDS = 256
_QUOTE = ord('"')
_MOST_SKIPS = 64
Tombstones = Literal["bad", "row", "skip"]
"""What a message without a record is: a bad record, a row without values, or nothing."""


class JsonValues:
    """Decodes values that hold one JSON object each or, with `names`, one JSON array each.

    Kinds of columns, bad records and limits are those of :class:`RowDecoder`, which does all the work where
    the fast way has any doubt: the fast way takes only batches in which every value has exactly the columns
    known so far, each once, in their kind and without escapes.
    """

    def __init__(
        self,
        table: Table,
        max_record_bytes: int,
        max_columns: int,
        names: Sequence[str] | None = None,
        wanted: Wanted = EVERYTHING,
        door: Door | None = None,
        tombstones: Tombstones = "bad",
    ):
        self._rows = RowDecoder(table, max_record_bytes, max_columns, wanted)
        self.left_out = self._rows.left_out
        self._door = door or Door((), None, max_record_bytes)
        self._tombstones = tombstones
        self.skipped = 0
        self._max_bytes = max_record_bytes
        self._names = None if names is None else tuple(names)
        self.table = table
        self._built: tuple[str, ...] | None = None
        self._decode: Any = None
        self._get: Any = None
        self._skip = self._skips = 0

    @property
    def empty(self) -> bytes:
        """A value without anything in it."""
        return b"{}" if self._names is None else msgspec.json.encode([None] * len(self._names))

    def decode(self, values: list[bytes], position: np.ndarray) -> Decoded:
        """Rows of the good values, their positions, and the bad ones with their bytes."""
        rows = self._fast(values) if values and not (self._skip or self._door.wraps) else None
        if rows is not None:
            self._skips = 0
            return rows, position, []
        self._skip = max(0, self._skip - 1)
        before = len(self.table.columns)
        names = self._names
        if names is not None:
            rows, at, bad = self._each(values, lambda value: _array(value, names, self._max_bytes))
        elif self._door.concerns(values):
            rows, at, bad = self._each(values, self._door.open)
        else:
            rows, at, bad = self._rows.lines(values, 0)
        if values and not bad and before == len(self.table.columns):
            self._build()
        return rows, position[at], [_original(b, values, position) for b in bad]

    def _fast(self, values: list[bytes]) -> pa.RecordBatch | None:
        if self._built is None or len(self._built) != len(self.table.columns):
            return None
        text = b"".join(values)
        if b"\\" in text or (len(text) > self._max_bytes and max(map(len, values)) > self._max_bytes):
            return None
        try:
            rows = list(map(self._decode, values))
        except DECODE_ERRORS:
            # perhaps they never fit: ask less and less often
            self._skips = min(_MOST_SKIPS, 2 * self._skips + 1)
            self._skip = self._skips
            return None
        cells = (
            zip(*map(self._get, rows), strict=True) if len(self._built) > 1 else [list(map(self._get, rows))]
        )
        taken = dict(zip(self._built, cells, strict=True))
        found = {name: self.table.quick(name, column) for name, column in taken.items()}
        if self._names is None:
            strings = sum(_strings(taken[name], array) for name, array in found.items())
            # two quotes a key and two a string: more means that a key came twice
            quotes = np.count_nonzero(np.frombuffer(text, np.uint8) == _QUOTE)
            if quotes != 2 * (len(rows) * len(found) + strings):
                return None
        columns = {
            name: self.table.array(name, taken[name]) if array is None else array
            for name, array in found.items()
        }
        return record_batch(columns, len(rows))

    def _build(self) -> None:
        """A struct of the columns known now; called once they have stopped growing."""
        known = tuple(self.table.columns)
        if self._built is not None and len(self._built) == len(known):
            return
        if not 0 < len(known) <= _MOST_FIELDS or (self._names is not None and set(known) != set(self._names)):
            return
        if any(c < " " or c in '"\\' for name in known for c in name):
            return
        order = list(known) if self._names is None else list(self._names)
        fields = {name: f"f{i}" for i, name in enumerate(order)}
        struct = msgspec.defstruct(
            "Row",
            [(field, _VALUE) for field in fields.values()],
            rename={field: name for name, field in fields.items()},
            array_like=self._names is not None,
            forbid_unknown_fields=True,
            gc=False,
        )
        self._built = known
        self._decode = msgspec.json.Decoder(struct).decode
        self._get = attrgetter(*(fields[name] for name in known))
        self._skip = self._skips = 0

    def _each(self, values: list[bytes], open_value: Callable[[bytes], dict[str, Any] | None]) -> Decoded:
        """One by one; what `open_value` says is no record is a tombstone."""
        good: list[dict[str, Any]] = []
        at: list[int] = []
        bad: list[BadRecord] = []
        for i, value in enumerate(values):
            try:
                row = open_value(value)
            except Fault as fault:
                bad.append(BadRecord(i, fault.reason, fault.stage, value))
                continue
            if row is None and self._tombstones == "row":
                row = {}
            if row is not None:
                good.append(row)
                at.append(i)
            elif self._tombstones == "bad":
                bad.append(BadRecord(i, "a tombstone: the envelope has no record in it", "decode", value))
            else:
                self.skipped += 1
        rows, index, unfit = self._rows.records(good, 0)
        where = np.array(at, np.int64)
        bad += [replace(b, position=at[b.position]) for b in unfit]
        bad.sort(key=lambda b: b.position)
        return rows, where[index], bad


def _strings(cells: Sequence[Any], array: pa.Array | None) -> int:
    """How many of the cells are strings."""
    if array is None:
        return sum(type(cell) is str for cell in cells)
    texts = pa.types.is_string(array.type) or pa.types.is_timestamp(array.type)
    return len(array) - array.null_count if texts else 0


def _array(value: bytes, names: tuple[str, ...], max_bytes: int) -> dict[str, Any]:
    # the parser of objects knows all the faults
    row = parse_object(b'{"":' + value + b"}", max_bytes + 5)
    cells = row.get("")
    if len(row) != 1 or not isinstance(cells, list):
        raise Fault(f"not an array but {short(value)}: each message must be one JSON array")
    if len(cells) != len(names):
        raise Fault(f"an array of {len(cells)} values, {len(names)} columns are declared", "schema")
    return dict(zip(names, cells, strict=True))


def _original(bad: BadRecord, values: list[bytes], position: np.ndarray) -> BadRecord:
    return replace(bad, position=int(position[bad.position]), raw=values[bad.position])
