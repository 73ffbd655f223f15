"""Arrow IPC streams as messages: many rows a message, a position for each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from streamnn.errors import SourceError

from .._arrow import kept_columns, to_block
from .._blocks import Block
from .._faults import short
from .._rows import RowDecoder, too_many
from ..base import BadRecord
from ..wanted import EVERYTHING, Wanted
from .contract import ROW_BITS

MOST_ROWS = 1 << ROW_BITS
_ERRORS = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError)


class ArrowValues:
    """Decodes values that hold an Arrow IPC stream each: a schema and any number of record batches.

    Columns are handed on as those of a Parquet file. A column is a number or a string for good; a message
    with another kind, without a usable column or with more than 2**20 rows is one bad record. A message that
    is a JSON object is one row.
    """

    def __init__(self, kinds: dict[str, str], max_columns: int, wanted: Wanted = EVERYTHING):
        self._objects = RowDecoder(kinds, max_columns=max_columns, wanted=wanted)
        self.kinds = self._objects.kinds
        self._wanted = wanted
        self._max_columns = max_columns

    def decode(self, value: bytes, offset: int) -> Block:
        """The rows of a message; a bad message is a block of one bad record."""
        first = offset << ROW_BITS
        if value[:1] == b"{":
            rows, position, bad = self._objects.records([value], first, only_present=True)
            return Block(rows, position, bad, first, first + 1, self._objects.left_out())
        try:
            with pa.ipc.open_stream(pa.py_buffer(value)) as reader:
                table = reader.read_all()
            # lengths and offsets inside the buffers come from the network
            table.validate(full=True)
        except _ERRORS as error:
            return _bad(first, f"no Arrow IPC stream: {_line(error)}", "decode", value)
        if table.num_rows > MOST_ROWS:
            return _bad(
                first, f"{table.num_rows} rows in a message, the limit is {MOST_ROWS}", "decode", value
            )
        try:
            kept, _ = kept_columns("the message", table.schema, self._wanted)
        except SourceError as error:
            return _bad(first, str(error), "schema", value)
        try:
            whole = table.combine_chunks().to_batches() or [
                pa.RecordBatch.from_pylist([], schema=table.schema)
            ]
            block = to_block(whole[0], kept, first, self._wanted)
        except _ERRORS as error:
            return _bad(first, f"a column can't be converted: {_line(error)}", "decode", value)
        found = {
            field.name: "string" if pt.is_string(field.type) else "number" for field in block.rows.schema
        }
        for name, kind in found.items():
            known = self.kinds.get(name, kind)
            if known != kind:
                return _bad(first, f"column {short(name)} is a {known} but has {kind}s", "schema", value)
        if len(self.kinds | found) > self._max_columns:
            new = next(name for name in found if name not in self.kinds)
            return _bad(first, too_many(new, self._max_columns), "schema", value)
        self.kinds.update(found)
        return block


def _bad(first: int, reason: str, stage: str, value: bytes) -> Block:
    nothing = pa.RecordBatch.from_pylist([], schema=pa.schema([]))
    return Block(nothing, np.zeros(0, np.int64), [BadRecord(first, reason, stage, value)], first, first + 1)


def _line(error: Exception) -> str:
    return short(" ".join(str(error).split()), 200)
