"""Files of JSON lines as sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._blocks import skip_to, start_of
from ._lines import LineReader, check_file
from ._packing import bare_name
from ._rows import MAX_COLUMNS, MAX_RECORD_BYTES, RowDecoder
from ._text_form import in_its_encoding, look_at
from .base import Batch, Partition, Resume, SourceInfo
from .table import LOOK_RECORDS, NO_KINDS, Table
from .wanted import EVERYTHING, Wanted


class JsonLinesSource:
    """A file with one JSON object a line, plain or packed. Blank lines are no records.

    Columns may come at any line. Their kinds are those that a look at the first 1,000 lines shows, or for a column
    that comes later its first values: see :class:`Table`. A cell of another kind is missing. Objects and lists become
    columns such as ``cart.price`` and ``x[0]``. ``NaN``, ``Infinity`` and ``-Infinity`` are taken as numbers. What is
    no JSON object is a bad record with its bytes, without the newline. A batch has the columns known at its end.

    Parameters
    ----------
    path : str or path
    encoding : str, default "auto"
        Name of a codec; told as that of a :class:`CsvSource`.
    max_record_bytes : int, default 1_000_000
        Longer lines are bad records.
    max_columns : int, default 10_000
        Records that would bring more columns are bad records.
    missing : sequence of str, optional
        Texts that stand for a missing value, beside those that always do.
    kinds : mapping of str to str, optional
        What columns are, where a look is not to decide it.
    wanted : Wanted
        The columns that are looked at, all by default.

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
    >>> batch.rows.to_pylist()
    [{'price': 1.5, 'y': None}, {'price': None, 'y': None}, {'price': 2.0, 'y': 'up'}]
    >>> batch.odd, batch.columns["price"].kind
    (Counter({('price', 'high'): 1}), 'number')
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        encoding: str = "auto",
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_columns: int = MAX_COLUMNS,
        missing: Sequence[str] = (),
        kinds: Mapping[str, str] = NO_KINDS,
        wanted: Wanted = EVERYTHING,
    ):
        self._path = Path(path)
        check_file(self._path)
        self._form = look_at(self._path, encoding)
        self._how = (max_record_bytes, max_columns, wanted)
        self._table = Table(kinds, missing)
        self._look()

    def info(self) -> SourceInfo:
        about: dict[str, Any] = {"file_bytes": self._path.stat().st_size}
        if self._form.note:
            about["notes"] = [self._form.note]
        return SourceInfo(Path(bare_name(self._path)).stem, None, about, str(self._path))

    def beginning(self, kinds: Mapping[str, Any]) -> Resume:
        """The token of the first record, with what is known of columns from files before this one."""
        own = dict(self._table.state()) | dict(kinds)
        return {"position": 0, "byte": 0, "kinds": [list(pair) for pair in own.items()]}

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(str(self._path), partition, resume)
        if resume is None or not {"byte", "kinds"} <= resume.keys():
            decoder = RowDecoder(self._table.like(), *self._how)
            opened = _JsonPartition(LineReader(self._path, 0, self._form), decoder, 0)
            skip_to(str(self._path), opened, position)
            return opened
        reader = LineReader(self._path, resume["byte"], self._form)
        table = self._table.like()
        table.load(resume["kinds"])
        return _JsonPartition(reader, RowDecoder(table, *self._how), position)

    def _look(self) -> None:
        """Decide the kinds of the columns by the first records."""
        lines = LineReader(self._path, 0, self._form)
        records: list[bytes] = []
        try:
            while len(records) < LOOK_RECORDS and (taken := lines.take(LOOK_RECORDS - len(records))):
                records += taken
        finally:
            lines.close()
        RowDecoder(self._table, *self._how).look(records)


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
            "kinds": self._decoder.table.state(),
        }
        table, bad = self._decoder.table, in_its_encoding(bad, self._reader.form)
        return Batch(rows, position, resume, bad, self._decoder.left_out(), table.take_odd(), table.columns)

    def close(self) -> None:
        self._reader.close()
