"""JSON lines as a sink."""

from __future__ import annotations

from typing import IO, Any

import msgspec

from ._columns import Columns, column_rows, json_value
from ._faults import not_json
from ._text_sink import TAIL_BYTES, TextSink


class JsonLinesSink(TextSink):
    """Appends one JSON object a line to a file, which is made when it is not there.

    Floats are written as the shortest text that reads back as the same double, NaN and infinities as null
    (JSON has neither); values may be nested. An existing file is continued: a torn last line is cut off.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    SinkError
        When the file can't be written or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> path = tempfile.mkdtemp() + "/out.jsonl"
    >>> sink = JsonLinesSink(path)
    >>> sink.write([{"position": 0, "p": [0.1, 0.9]}])
    >>> sink.write_columns({"position": np.array([1, 2]), "p": np.array([0.5, np.nan])})
    >>> sink.close()
    >>> print(Path(path).read_text(), end="")
    {"position":0,"p":[0.1,0.9]}
    {"position":1,"p":0.5}
    {"position":2,"p":null}
    >>> with open(path, "a") as file:
    ...     _ = file.write('{"posit')
    >>> sink = JsonLinesSink(path)
    >>> sink.committed()
    2
    >>> sink.close()
    """

    _encoder = msgspec.json.Encoder(enc_hook=json_value)

    def _encode(self, records: list[dict[str, Any]]) -> bytes:
        try:
            return self._encoder.encode_lines(records)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            what = f"{self._path}: a record near position {records[0]['position']}"
            raise not_json(what, error) from error

    def _encode_columns(self, columns: Columns) -> bytes:
        return self._encode(column_rows(columns))

    def _recover(self, file: IO[bytes], size: int) -> tuple[int, int]:
        end = _after_newline(file, size)
        if end == 0:
            file.seek(0)
            if file.read(1) not in (b"", b"{"):
                raise self._foreign("it does not start with a JSON object")
            return 0, -1
        start = _after_newline(file, end - 1)
        file.seek(start)
        try:
            position = msgspec.json.decode(file.read(end - start))["position"]
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError):
            position = None
        if type(position) is not int:
            raise self._foreign("its last line is no JSON object with a 'position'")
        return end, position


def _after_newline(file: IO[bytes], before: int) -> int:
    """Offset after the last newline that is before offset `before`; 0 when there is none."""
    while before > 0:
        start = max(0, before - TAIL_BYTES)
        file.seek(start)
        found = file.read(before - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        before = start
    return 0
