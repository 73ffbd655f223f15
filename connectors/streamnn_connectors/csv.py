"""CSV files as sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamnn.errors import SourceError

from ._blocks import skip_to, start_of
from ._csv_decode import CsvDecoder, fields_of
from ._csv_records import RecordReader
from ._csv_shape import shape_of
from ._faults import Fault
from ._lines import LineReader, check_file
from ._packing import bare_name
from ._rows import MAX_RECORD_BYTES
from ._text_form import in_its_encoding, look_at
from .base import Batch, Partition, Resume, SourceInfo
from .table import LOOK_RECORDS, NO_KINDS, Table
from .wanted import EVERYTHING, Wanted


class CsvSource:
    """A file of delimited text: commas, semicolons, tabs or bars, plain or packed.

    What is not said of its dialect is told by a look: the encoding (UTF-8, UTF-16 and UTF-32 by their marks, else
    Windows-1252 where it is no UTF-8), the delimiter, and whether there is a header. Lines of ``#`` before the header
    and ``sep=;`` of a spreadsheet are obeyed, blank lines are no records, and names are stripped of blanks. A column
    without a name is called ``column_<place>``.

    What a column is, a look at the first 1,000 good records shows; where all are missing there, the first value
    after them: see :class:`Table`. A cell of another kind is missing. Fields in quotes may hold delimiters and
    newlines. Records that do not fit are bad records with their bytes, without the last newline.

    Parameters
    ----------
    path : str or path
    delimiter : str, default "auto"
        One ASCII character, or ``\\\\t``.
    encoding : str, default "auto"
        Name of a codec.
    decimal, thousands : str, default "auto"
        Sign before the decimals, ``.`` or ``,``; sign between groups of three digits, such as ``.``, ``,``, ``'`` or a
        blank, or ``""`` for none.
    header : bool or "auto", default "auto"
        Whether the first record has the names; "auto" takes it so, unless it looks like data.
    comment : str, default "auto"
        What begins a line that is no record, anywhere; "auto" is ``#``, before the header only.
    missing : sequence of str, optional
        Further tokens for a missing value.
    max_record_bytes : int, default 1_000_000
        Longer records are bad records.
    kinds : mapping of str to str, optional
        What columns are, where a look is not to decide it.
    wanted : Wanted
        The columns that are looked at, all by default.

    Raises
    ------
    SourceError
        When the file is missing, empty, can't be read, its header has a name twice or can't be read, or the first
        record looks like data and `header` does not say what it is.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/prices.csv"
    >>> _ = Path(path).write_text("price; y\\n1.5;up\\n2.5\\n\\n;down\\n")
    >>> batch = CsvSource(path).open("0").next_batch(100)
    >>> batch.rows.to_pylist(), batch.position
    ([{'price': 1.5, 'y': 'up'}, {'price': None, 'y': 'down'}], array([0, 2]))
    >>> batch.bad[0].reason, batch.bad[0].raw
    ('1 fields where the header has 2', b'2.5')
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        delimiter: str = "auto",
        encoding: str = "auto",
        decimal: str = "auto",
        thousands: str = "auto",
        header: bool | str = "auto",
        comment: str = "auto",
        missing: Sequence[str] = (),
        max_record_bytes: int = MAX_RECORD_BYTES,
        kinds: Mapping[str, str] = NO_KINDS,
        wanted: Wanted = EVERYTHING,
    ):
        self._path = Path(path)
        self._max_bytes = max_record_bytes
        check_file(self._path)
        self._form = look_at(self._path, encoding)
        lines = LineReader(self._path, 0, self._form)
        try:
            self._shape = shape_of(lines, delimiter, header, comment, max_record_bytes)
        finally:
            lines.close()
        self._wanted = wanted
        self._table = Table(
            kinds,
            missing,
            typed=False,
            decimal=None if decimal == "auto" else decimal,
            thousands=None if thousands == "auto" else thousands,
            semicolons=self._shape.delimiter == b";" and decimal == "auto",
        )
        self._look()

    def info(self) -> SourceInfo:
        notes = [note for note in (self._form.note, *self._shape.notes) if note]
        about = {"file_bytes": self._path.stat().st_size} | ({"notes": notes} if notes else {})
        return SourceInfo(Path(bare_name(self._path)).stem, None, about, str(self._path))

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self._shape.names

    def beginning(self, kinds: Mapping[str, Any]) -> Resume:
        """The token of the first record, with what is known of columns from files before this one."""
        own = dict(self._table.state())
        for name, known in kinds.items():
            if name in own and own[name]["kind"] == known["kind"]:
                own[name] = {**known, "format": own[name]["format"]}  # each file writes numbers its own way
            elif name in self._shape.names:
                own[name] = known
        return {"position": 0, "byte": self._shape.start, "kinds": [list(pair) for pair in own.items()]}

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(str(self._path), partition, resume)
        if resume is None or not {"byte", "kinds"} <= resume.keys():
            opened = self._at(0, self._shape.start, self._table.state())
            skip_to(str(self._path), opened, position)
            return opened
        gone = [name for name, _ in resume["kinds"] if name not in self._shape.names]
        if gone:
            raise SourceError(
                f"{self._path} has no column {gone[0]!r}, and had one when the checkpoint was written: start again "
                "without it."
            )
        return self._at(position, resume["byte"], resume["kinds"])

    def _at(self, position: int, byte: int, kinds: list[Any]) -> _CsvPartition:
        lines = LineReader(self._path, byte, self._form)
        table = self._table.like()
        table.load(kinds)
        decoder = CsvDecoder(self._shape.names, table, self._shape.delimiter, self._max_bytes, self._wanted)
        return _CsvPartition(lines, self._records(lines), decoder, position)

    def _records(self, lines: LineReader) -> RecordReader:
        shape = self._shape
        return RecordReader(lines, shape.delimiter, len(shape.names), self._max_bytes, shape.comment)

    def _look(self) -> None:
        """Decide the kinds of the columns by the first good records."""
        shape = self._shape
        cells: list[list[str]] = [[] for _ in shape.names]
        lines = LineReader(self._path, shape.start, self._form)
        records = self._records(lines)
        left = LOOK_RECORDS
        try:
            while left:
                taken, faults = records.take(left)
                if not taken:
                    break
                left -= len(taken)
                for i, record in enumerate(taken):
                    try:
                        if i in faults:
                            raise faults[i]
                        fields = fields_of(record, shape.delimiter, len(cells), self._max_bytes)
                    except Fault:
                        continue
                    for column, field in zip(cells, fields, strict=True):
                        column.append(field.decode())
        finally:
            lines.close()
        named = zip(shape.names, cells, strict=True)
        self._table.look({name: column for name, column in named if self._wanted.takes(name)})


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
        bad = in_its_encoding(bad, self._lines.form)
        return Batch(rows, position, resume, bad, odd=table.take_odd(), columns=table.columns)

    def close(self) -> None:
        self._lines.close()
