"""Columns of outputs to message values: one a row, or many rows a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from streamnn.errors import SinkError

from .._columns import Columns, check_lengths, column_rows, json_value
from .._faults import not_json


@dataclass(slots=True)
class Encoded:
    """Message values in order.

    Parameters
    ----------
    values : list of bytes
    last : list of int
        Position of the last row in each.
    oversize : list of int
        Positions whose row was too large and became an error record.
    """

    values: list[bytes] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    oversize: list[int] = field(default_factory=list)


class Encoding:
    """How outputs become messages.

    Floats are the shortest text that reads back as the same double, NaN and infinities null, as in JSON lines.
    A row that is larger than a message may be becomes an error record: position and reason.

    Parameters
    ----------
    format : str, default "json"
        ``"json"`` or ``"arrow"`` (an IPC stream).
    rows : int, default 1
        Most rows a message: with more than one, JSON is an array of objects.
    largest : int, default 1_000_000
        Most bytes a message; fewer rows go into it where they would be more.

    Examples
    --------
    >>> columns = {"position": np.array([3, 4]), "p": np.array([0.5, np.nan])}
    >>> Encoding().encode(columns).values
    [b'{"position":3,"p":0.5}', b'{"position":4,"p":null}']
    >>> Encoding(rows=10).encode(columns).values
    [b'[{"position":3,"p":0.5},{"position":4,"p":null}]']
    """

    def __init__(
        self,
        format: Literal["json", "arrow"] = "json",
        rows: int = 1,
        largest: int = 1_000_000,
    ):
        self.format = format
        self.rows = rows
        self.largest = largest

    def encode(self, columns: Columns) -> Encoded:
        """The messages of some rows; ``position`` must be among the columns."""
        n = check_lengths(columns, "the output")
        out = Encoded()
        if n == 0:
            return out
        position = np.asarray(columns["position"])
        if self.format == "json" and self.rows == 1:
            out.values = json_lines(column_rows(columns))
            out.last = position.tolist()
            if max(map(len, out.values)) > self.largest:
                for i, value in enumerate(out.values):
                    if len(value) > self.largest:
                        out.values[i] = json_lines([_error(position[i], len(value), self.largest)])[0]
                        out.oversize.append(int(position[i]))
            return out
        piece = self._json(columns) if self.format == "json" else self._arrow(columns)
        for start in range(0, n, self.rows):
            self._add(out, piece, position, start, min(n, start + self.rows))
        return out

    def _add(self, out: Encoded, piece: _Piece, position: np.ndarray, start: int, stop: int) -> None:
        value = piece(start, stop)
        if len(value) > self.largest and stop - start > 1:
            middle = (start + stop) // 2
            self._add(out, piece, position, start, middle)
            self._add(out, piece, position, middle, stop)
            return
        if len(value) > self.largest:
            error = _error(position[start], len(value), self.largest)
            out.oversize.append(error["position"])
            value = (
                _json([error]) if self.format == "json" else self._stream(pa.RecordBatch.from_pylist([error]))
            )
        out.values.append(value)
        out.last.append(int(position[stop - 1]))

    def _json(self, columns: Columns) -> _Piece:
        rows = column_rows(columns)
        return lambda start, stop: _json(rows[start:stop])

    def _arrow(self, columns: Columns) -> _Piece:
        try:
            batch = pa.RecordBatch.from_pydict({name: pa.array(cells) for name, cells in columns.items()})
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise SinkError(
                f"an output can't be written as Arrow: {error}. Give each column one type."
            ) from error
        return lambda start, stop: self._stream(batch.slice(start, stop - start))

    def _stream(self, batch: pa.RecordBatch) -> bytes:
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, batch.schema) as writer:
            writer.write_batch(batch)
        return buffer.getvalue().to_pybytes()


_Piece = Callable[[int, int], bytes]


_encoder = msgspec.json.Encoder(enc_hook=json_value)


def json_lines(rows: list[dict[str, Any]]) -> list[bytes]:
    """Each row as one JSON object."""
    # a newline within a string is escaped
    return _checked(_encoder.encode_lines, rows).split(b"\n")[:-1]


def _json(rows: list[dict[str, Any]]) -> bytes:
    return _checked(_encoder.encode, rows)


def _checked(encode: Callable[[Any], bytes], rows: list[dict[str, Any]]) -> bytes:
    try:
        return encode(rows)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise not_json(f"an output near position {rows[0].get('position')}", error) from error


def _error(position: Any, size: int, largest: int) -> dict[str, Any]:
    return {"position": int(position), "error": f"an output of {size} bytes, the limit is {largest}"}
