"""CSV as a sink."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np

from streamnn.errors import SinkError

from ._columns import Columns, column_lists
from ._csv_records import split_fields
from ._faults import Fault
from ._text_sink import TAIL_BYTES, TextSink

_TO_QUOTE = re.compile(r'[,"\r\n]')


class CsvSink(TextSink):
    """Appends records to a CSV file, which is made when it is not there. Its columns are fixed.

    The header holds `columns`, or the fields of the first record; a field that a record lacks is empty, as
    are None and NaN. Floats are written as the shortest text that reads back as the same double; strings
    with a comma, quote or line break are quoted. An existing file is continued under its header: a torn
    last record is cut off.

    Parameters
    ----------
    path : str or path
    columns : sequence of str, optional

    Raises
    ------
    SinkError
        When the file can't be written or holds something else; on write when a record has a field that is
        not in the header, or one that is a list or dict.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> path = tempfile.mkdtemp() + "/out.csv"
    >>> sink = CsvSink(path)
    >>> sink.write([{"position": 0, "label": "a,b", "p": 0.1}])
    >>> sink.write_columns({"position": np.array([1]), "p": np.array([np.nan])})
    >>> sink.close()
    >>> print(Path(path).read_text(), end="")
    position,label,p
    0,"a,b",0.1
    1,,
    """

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[str] | None = None):
        self._columns: list[str] | None = None
        super().__init__(path)
        if columns is not None:
            if self._columns is not None and self._columns != list(columns):
                self._release()
                raise self._foreign(f"its columns are {', '.join(self._columns)}")
            if "position" not in columns or len(set(columns)) != len(columns):
                self._release()
                raise SinkError(f"{path}: the columns must be different names, 'position' among them.")
            self._declared: list[str] | None = list(columns)
        else:
            self._declared = None

    def _encode(self, records: list[dict[str, Any]]) -> bytes:
        names = dict.fromkeys(name for record in records for name in record)
        header = self._header(list(records[0]), names)
        lists = {name: [record.get(name) for record in records] for name in names}
        return self._lines(header, lists, len(records))

    def _encode_columns(self, columns: Columns) -> bytes:
        lists = column_lists(columns)
        return self._lines(self._header(list(lists), lists), lists, len(lists["position"]))

    def _header(self, first: list[str], names: Mapping[str, Any]) -> list[str]:
        header = self._columns or self._declared or first
        if unknown := [name for name in names if name not in header]:
            raise SinkError(
                f"{self._path}: the field {unknown[0]!r} is not in the header ({', '.join(header)}). The "
                "columns of a CSV file are fixed: name them all at the start, or write JSON lines."
            )
        return header

    def _lines(self, header: list[str], lists: Mapping[str, list[Any]], rows: int) -> bytes:
        cells = [self._texts(name, lists[name]) if name in lists else [""] * rows for name in header]
        text = "\n".join(map(",".join, zip(*cells, strict=True))) + "\n"
        if self._columns is None:
            text = ",".join(map(_quoted, header)) + "\n" + text
            self._columns = header
        return text.encode("utf-8", "backslashreplace")

    def _texts(self, name: str, values: list[Any]) -> list[str]:
        kinds = set(map(type, values))
        if kinds == {float}:
            return ["" if v != v else repr(v) for v in values]
        if kinds == {int}:
            return list(map(repr, values))
        return [self._text(name, value) for value in values]

    def _text(self, name: str, value: Any) -> str:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        if isinstance(value, str):
            return _quoted(value)
        raise SinkError(
            f"{self._path}: the field {name!r} holds a {type(value).__name__}, which has no CSV form. Write "
            "JSON lines."
        )

    def _recover(self, file: IO[bytes], size: int) -> tuple[int, int]:
        start, end = _last_record(file, size)
        if end == 0:
            return 0, -1
        file.seek(0)
        header = b""
        while header.count(b'"') % 2 or not header:
            header += file.readline()
        try:
            self._columns = [name.decode() for name in split_fields(header[:-1], b",")]
            place = self._columns.index("position")
            if start == 0:
                return end, -1
            file.seek(start)
            return end, int(split_fields(file.read(end - start)[:-1], b",")[place])
        except (Fault, ValueError, IndexError):
            raise self._foreign("its header or last record has no 'position'") from None


def _quoted(text: str) -> str:
    if _TO_QUOTE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _last_record(file: IO[bytes], size: int) -> tuple[int, int]:
    """Where the last whole record starts and ends.

    A newline ends a record when the quotes before it are even in number, so all of them are counted once.
    """
    quotes = 0
    file.seek(0)
    while block := file.read(1 << 20):
        quotes += block.count(b'"')
    ends: list[int] = []
    stop = size
    while stop > 0 and len(ends) < 2:
        start = max(0, stop - TAIL_BYTES)
        file.seek(start)
        block = file.read(stop - start)
        at = len(block)
        while len(ends) < 2 and (found := block.rfind(b"\n", 0, at)) >= 0:
            quotes -= block.count(b'"', found, at)
            at = found
            if quotes % 2 == 0:
                ends.append(start + found + 1)
        quotes -= block.count(b'"', 0, at)
        stop = start
    ends += [0, 0]
    return ends[1], ends[0]
