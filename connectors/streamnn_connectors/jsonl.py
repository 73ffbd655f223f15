"""Files of JSON lines as sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ._blocks import skip_to, start_of
from ._lines import LineReader, check_file
from ._rows import MAX_COLUMNS, MAX_RECORD_BYTES, RowDecoder
from .base import Batch, Partition, Resume, SourceInfo
from .table import LOOK_RECORDS, NOTHING, Table
from .wanted import EVERYTHING, Wanted


class JsonLinesSource:
    """A file with one JSON object a line, plain or ``.gz``.

    Columns may come at any line. Their kinds are those that a look at the first 1,000 lines shows, or for a column
    that comes later its first values: see :class:`Table`. A cell of another kind is missing. ``NaN``, ``Infinity``
    and ``-Infinity`` are taken as numbers. What is no JSON object is a bad record with its bytes, without the newline.
    A batch has the columns known at its end.

    Parameters
    ----------
    path : str or path
    max_record_bytes : int, default 1_000_000
        Longer lines are bad records.
    max_columns : int, default 10_000
        Records that would bring more columns are bad records.
    kinds : mapping of str to str, optional
        What columns are, where a look is not to decide it.
    missing : sequence of str, optional
        Texts that stand for a missing value, beside those that always do.
    wanted : Wanted
        The columns that are looked at, all by default. Objects and lists become columns such as ``cart.price`` and
        ``x[0]``.

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
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_columns: int = MAX_COLUMNS,
        kinds: Mapping[str, str] = NOTHING,
        missing: Sequence[str] = (),
        wanted: Wanted = EVERYTHING,
    ):
        self._path = Path(path)
        check_file(self._path)
        self._how = (max_record_bytes, max_columns, wanted)
        self._table = Table(kinds, missing)
        lines = LineReader(self._path)
        try:
            RowDecoder(self._table, *self._how).look(lines.take(LOOK_RECORDS))
        finally:
            lines.close()

    def info(self) -> SourceInfo:
        name = self._path.name.removesuffix(".gz")
        return SourceInfo(Path(name).stem, None, {"file_bytes": self._path.stat().st_size}, str(self._path))

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(str(self._path), partition, resume)
        if resume is None or not {"byte", "kinds"} <= resume.keys():
            decoder = RowDecoder(self._table.like(), *self._how)
            opened = _JsonPartition(LineReader(self._path), decoder, 0)
            skip_to(str(self._path), opened, position)
            return opened
        reader = LineReader(self._path, resume["byte"])
        table = self._table.like()
        table.load(resume["kinds"])
        return _JsonPartition(reader, RowDecoder(table, *self._how), position)


class _JsonPartition:
    def __init__(self, reader: LineReader, decoder: RowDecoder, position: int):
        self._reader = reader
        self._decoder = decoder
        self._position = position

    def next_batch(self, limit: int) -> Batch | None:
        lines = self._reader.take(limit)
        if not lines:
            return None
        rows, position, bad = self._decoder.lines(lines, self._position)
        self._position += len(lines)
        resume = {
            "position": self._position,
            "byte": self._reader.byte,
            "kinds": self._decoder.table.state(),
        }
        table = self._decoder.table
        return Batch(rows, position, resume, bad, self._decoder.left_out(), table.take_odd(), table.columns)

    def close(self) -> None:
        self._reader.close()
