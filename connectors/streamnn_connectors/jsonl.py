"""Files of JSON lines as sources."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._blocks import skip_to, start_of
from ._lines import LineReader, check_file
from ._packing import bare_name
from ._rows import MAX_COLUMNS, MAX_RECORD_BYTES, RowDecoder
from ._text_form import in_its_encoding, look_at
from .base import Batch, Partition, Resume, SourceInfo


class JsonLinesSource:
    """A file with one JSON object a line, plain or packed. Blank lines are no records.

    Columns may come at any line. The kind of a column is that of its first value that is not null: numbers
    and booleans are float64 (integers beyond 2**53 are rounded, numbers too large are infinite), strings
    strings. ``NaN``, ``Infinity`` and ``-Infinity`` are taken as numbers. Every other line is a bad record
    with its bytes, without the newline. A batch has the columns known at its end.

    Parameters
    ----------
    path : str or path
    encoding : str, default "auto"
        Name of a codec; told as that of a :class:`CsvSource`.
    max_record_bytes : int, default 1_000_000
        Longer lines are bad records.
    max_columns : int, default 10_000
        Records that would bring more columns are bad records.

    Raises
    ------
    SourceError
        When the file is missing, empty or can't be read.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/prices.jsonl"
    >>> _ = Path(path).write_text('{"price": 1.5}\\n{"price": "high"}\\n{"price": 2, "y": "up"}\\n')
    >>> batch = JsonLinesSource(path).open("0").next_batch(100)
    >>> batch.rows.to_pylist(), batch.position
    ([{'price': 1.5, 'y': None}, {'price': 2.0, 'y': 'up'}], array([0, 2]))
    >>> batch.bad[0].reason, batch.bad[0].raw
    ("column 'price' is a number but has 'high'", b'{"price": "high"}')
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        encoding: str = "auto",
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_columns: int = MAX_COLUMNS,
    ):
        self._path = Path(path)
        check_file(self._path)
        self._form = look_at(self._path, encoding)
        self._limits = (max_record_bytes, max_columns)

    def info(self) -> SourceInfo:
        about: dict[str, Any] = {"file_bytes": self._path.stat().st_size}
        if self._form.note:
            about["notes"] = [self._form.note]
        return SourceInfo(Path(bare_name(self._path)).stem, None, about, str(self._path))

    def beginning(self, kinds: Mapping[str, str | None]) -> Resume:
        """The token of the first record, with the kinds that columns have from files before this one."""
        return {"position": 0, "byte": 0, "kinds": [list(pair) for pair in kinds.items()]}

    def kinds_of(self, resume: Resume) -> dict[str, str | None]:
        """The kinds in a token of this source."""
        return dict(resume["kinds"])

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(str(self._path), partition, resume)
        if resume is None or not {"byte", "kinds"} <= resume.keys():
            opened = _JsonPartition(LineReader(self._path, 0, self._form), RowDecoder(None, *self._limits), 0)
            skip_to(str(self._path), opened, position)
            return opened
        reader = LineReader(self._path, resume["byte"], self._form)
        return _JsonPartition(reader, RowDecoder(dict(resume["kinds"]), *self._limits), position)


class _JsonPartition:
    def __init__(self, reader: LineReader, decoder: RowDecoder, position: int):
        self._reader = reader
        self._decoder = decoder
        self._position = position

    def next_batch(self, limit: int) -> Batch | None:
        lines: list[bytes] = []
        while not lines:
            lines = self._reader.take(limit)
            if not lines:
                return None
            if b"" in lines or any(map(bytes.isspace, lines)):
                lines = [line for line in lines if line.strip()]
        rows, position, bad = self._decoder.lines(lines, self._position)
        self._position += len(lines)
        resume = {
            "position": self._position,
            "byte": self._reader.byte,
            "kinds": [list(pair) for pair in self._decoder.kinds.items()],  # pairs: their order is kept
        }
        return Batch(rows, position, resume, in_its_encoding(bad, self._reader.form))

    def close(self) -> None:
        self._reader.close()
