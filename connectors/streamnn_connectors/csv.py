"""CSV files as sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamnn.errors import SourceError

from ._blocks import skip_to, start_of
from ._csv_decode import CsvDecoder, fields_of
from ._csv_records import RecordReader, split_fields
from ._faults import Fault
from ._lines import LineReader, check_file
from ._rows import MAX_RECORD_BYTES
from .base import Batch, Partition, Resume, SourceInfo
from .table import LOOK_RECORDS, NOTHING, Table
from .wanted import EVERYTHING, Wanted


class CsvSource:
    """A CSV file with a header, plain or ``.gz``.

    What a column is, a look at the first 1,000 good records shows; where all are missing there, the first value
    after them: see :class:`Table`. A cell of another kind is missing. Fields in quotes may hold delimiters and
    newlines. A column without a name is called ``column_<place>``. Records that do not fit are bad records with their
    bytes, without the last newline.

    Parameters
    ----------
    path : str or path
    delimiter : str, default ","
        One ASCII character.
    max_record_bytes : int, default 1_000_000
        Longer records are bad records.
    kinds : mapping of str to str, optional
        What columns are, where a look is not to decide it.
    missing : sequence of str, optional
        Texts that stand for a missing value, beside those that always do.
    wanted : Wanted
        The columns that are looked at, all by default.

    Raises
    ------
    SourceError
        When the file is missing, empty, can't be read, or its header has a name twice or can't be read.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/prices.csv"
    >>> _ = Path(path).write_text("price,y\\n1.5,up\\n2.5\\n,down\\n")
    >>> batch = CsvSource(path).open("0").next_batch(100)
    >>> batch.rows.to_pylist(), batch.position
    ([{'price': 1.5, 'y': 'up'}, {'price': None, 'y': 'down'}], array([0, 2]))
    >>> batch.bad[0].reason, batch.bad[0].raw
    ('1 fields where the header has 2', b'2.5')
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        delimiter: str = ",",
        max_record_bytes: int = MAX_RECORD_BYTES,
        kinds: Mapping[str, str] = NOTHING,
        missing: Sequence[str] = (),
        wanted: Wanted = EVERYTHING,
    ):
        self._path = Path(path)
        self._wanted = wanted
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
            raise SourceError(f"{path}: the delimiter {delimiter!r} is not one character such as ',' or ';'.")
        self._delimiter = delimiter.encode()
        self._max_bytes = max_record_bytes
        check_file(self._path)
        lines = LineReader(self._path)
        try:
            self._names = self._header(RecordReader(lines, self._delimiter, None, max_record_bytes))
            self._start = lines.byte
            self._table = Table(kinds, missing, typed=False)
            self._look(RecordReader(lines, self._delimiter, len(self._names), max_record_bytes))
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
            opened = self._at(0, self._start, self._table.state())
            skip_to(str(self._path), opened, position)
            return opened
        gone = [name for name, _ in resume["kinds"] if name not in self._names]
        if gone:
            raise SourceError(
                f"{self._path} has no column {gone[0]!r}, and had one when the checkpoint was written: start again "
                "without it."
            )
        return self._at(position, resume["byte"], resume["kinds"])

    def _at(self, position: int, byte: int, kinds: list[Any]) -> _CsvPartition:
        lines = LineReader(self._path, byte)
        table = self._table.like()
        table.load(kinds)
        decoder = CsvDecoder(self._names, table, self._delimiter, self._max_bytes, self._wanted)
        records = RecordReader(lines, self._delimiter, len(self._names), self._max_bytes)
        return _CsvPartition(lines, records, decoder, position)

    def _header(self, records: RecordReader) -> list[str]:
        (header,), faults = records.take(1)
        try:
            if faults:
                raise faults[0]
            if len(header) > self._max_bytes:
                raise Fault(f"longer than max_record_bytes, {self._max_bytes}")
            fields = split_fields(header.removeprefix(b"\xef\xbb\xbf"), self._delimiter)
            names = [field.decode() or f"column_{place}" for place, field in enumerate(fields, 1)]
        except (Fault, UnicodeDecodeError) as error:
            raise SourceError(f"{self._path}: the header can't be read: {error}. Correct line 1.") from None
        if fields == [b""]:
            raise SourceError(f"{self._path}: line 1 is empty, there are no columns. Put their names there.")
        for place, name in enumerate(names):
            if name in names[:place]:
                raise SourceError(f"{self._path}: the header has {name!r} more than once. Rename one.")
        return names

    def _look(self, records: RecordReader) -> None:
        """Decide the kinds of the columns by the first good records."""
        cells: list[list[str]] = [[] for _ in self._names]
        left = LOOK_RECORDS
        while left:
            taken, faults = records.take(left)
            if not taken:
                break
            left -= len(taken)
            for i, record in enumerate(taken):
                try:
                    if i in faults:
                        raise faults[i]
                    fields = fields_of(record, self._delimiter, len(cells), self._max_bytes)
                except Fault:
                    continue
                for column, field in zip(cells, fields, strict=True):
                    column.append(field.decode())
        taken_names = zip(self._names, cells, strict=True)
        self._table.look({name: column for name, column in taken_names if self._wanted.takes(name)})


class _CsvPartition:
    def __init__(self, lines: LineReader, records: RecordReader, decoder: CsvDecoder, position: int):
        self._lines = lines
        self._records = records
        self._decoder = decoder
        self._position = position

    def next_batch(self, limit: int) -> Batch | None:
        records, faults = self._records.take(limit)
        if not records:
            return None
        rows, position, bad = self._decoder.decode(records, faults, self._position)
        self._position += len(records)
        table = self._decoder.table
        resume = {"position": self._position, "byte": self._lines.byte, "kinds": table.state()}
        return Batch(rows, position, resume, bad, odd=table.take_odd(), columns=table.columns)

    def close(self) -> None:
        self._lines.close()
