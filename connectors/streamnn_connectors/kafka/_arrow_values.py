"""Arrow IPC streams as messages: many rows a message, a position for each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from streamnn.errors import SourceError

from .._arrow import kept_columns, to_block
from .._blocks import Block
from .._faults import short
from .._flatten import flatten_batch
from .._rows import RowDecoder, too_many
from ..base import BadRecord
from ..table import Table
from ..wanted import EVERYTHING, Wanted
from .contract import ROW_BITS

MOST_ROWS = 1 << ROW_BITS
_MESSAGE_ERRORS = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError)


class ArrowValues:
    """Decodes values that hold an Arrow IPC stream each: a schema and any number of record batches.

    Columns are handed on as those of a Parquet file, of the kinds of `table`. A message without a usable column or with
    more than 2**20 rows is one bad record. A message that is a JSON object is one row.
    """

    def __init__(self, table: Table, max_columns: int, wanted: Wanted = EVERYTHING):
        self._objects = RowDecoder(table, max_columns=max_columns, wanted=wanted)
        self.table = table
        self._wanted = wanted
        self._max_columns = max_columns

    def decode(self, value: bytes, offset: int) -> Block:
        """The rows of a message; a bad message is a block of one bad record."""
        first = offset << ROW_BITS
        if value[:1] == b"{":
            rows, position, bad = self._objects.records([value], first, only_present=True)
            left_out = self._objects.left_out()
            return Block(rows, position, bad, first, first + 1, left_out, self.table.take_odd())
        try:
            with pa.ipc.open_stream(pa.py_buffer(value)) as reader:
                message = reader.read_all()
            # lengths and offsets inside the buffers come from the network
            message.validate(full=True)
        except _MESSAGE_ERRORS as error:
            return _bad(first, f"no Arrow IPC stream: {_line(error)}", "decode", value)
        if message.num_rows > MOST_ROWS:
            return _bad(
                first, f"{message.num_rows} rows in a message, the limit is {MOST_ROWS}", "decode", value
            )
        try:
            kept, _ = kept_columns("the message", message.schema, self._wanted)
        except SourceError as error:
            return _bad(first, str(error), "schema", value)
        try:
            whole = message.combine_chunks().to_batches() or [
                pa.RecordBatch.from_pylist([], schema=message.schema)
            ]
            flat = flatten_batch(whole[0].select(kept), self._wanted)
            new = [name for name in flat.schema.names if name not in self.table.columns]
            if len(self.table.columns) + len(new) > self._max_columns:
                return _bad(first, too_many(new[0], self._max_columns), "schema", value)
            return to_block(whole[0], kept, first, self.table, self._wanted)
        except _MESSAGE_ERRORS as error:
            return _bad(first, f"a column can't be converted: {_line(error)}", "decode", value)


def _bad(first: int, reason: str, stage: str, value: bytes) -> Block:
    nothing = pa.RecordBatch.from_pylist([], schema=pa.schema([]))
    return Block(nothing, np.zeros(0, np.int64), [BadRecord(first, reason, stage, value)], first, first + 1)


def _line(error: Exception) -> str:
    return short(" ".join(str(error).split()), 200)
