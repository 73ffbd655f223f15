"""Where the records of a CSV file begin, what stands between their fields, and what its columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamnn.errors import SourceError

from ._csv_records import RecordReader, split_fields
from ._faults import Fault
from ._lines import LineReader
from ._sniff import AGREE, SAMPLE_LINES, delimiter_of, header_doubt, is_value, preamble_of, records_of

_TYPED = {"\\t": "\t", "tab": "\t"}
"""How a tab is written where it can't be typed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a look at the beginning of a CSV file showed.

    Parameters
    ----------
    delimiter : bytes
    names : list of str
        Of the columns.
    start : int
        Offset of the first record.
    comment : bytes or None
        What a line begins with that is no record.
    notes : tuple of str
        What a person should know.
    """

    delimiter: bytes
    names: list[str]
    start: int
    comment: bytes | None
    notes: tuple[str, ...]


def shape_of(
    lines: LineReader, delimiter: str, header: bool | str, comment: str, max_record_bytes: int
) -> Shape:
    """Look at the lines of a file from its beginning; what is ``"auto"`` is told by them.

    Raises
    ------
    SourceError
        When `delimiter`, `header` or `comment` can't be taken, or the header can't be read.
    """
    path = lines.path
    delimiter = _TYPED.get(delimiter, delimiter)
    if delimiter != "auto" and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
        raise SourceError(f"{path}: the delimiter {delimiter!r} is not one character such as ',' or ';'.")
    if header not in (True, False, "auto"):
        raise SourceError(f"{path}: header is {header!r}. Say true or false.")
    if not comment or "\n" in comment:
        raise SourceError(f"{path}: comment is {comment!r}. Name what such lines begin with, as '#'.")
    mark = b"#" if comment == "auto" else comment.encode()
    sample: list[bytes] = []
    while len(sample) < SAMPLE_LINES and (more := lines.take(SAMPLE_LINES - len(sample))):
        sample += more
    before = preamble_of(sample, mark)
    lines.give_back(sample[before.lines :])
    sample = sample[before.lines :]
    if delimiter != "auto":
        between = delimiter.encode()
    else:
        between = before.delimiter or delimiter_of(sample)
    named = _named_by_remark(before.remark, sample, between) if header == "auto" else None
    if named is not None:
        return Shape(between, _names(str(path), named), lines.byte, _declared(comment), ())
    return _with_first_record(lines, sample, between, header, comment, max_record_bytes)


def _with_first_record(
    lines: LineReader, sample: Sequence[bytes], between: bytes, header: bool | str, comment: str, most: int
) -> Shape:
    path, start = str(lines.path), lines.byte
    fields = _first(lines, between, most)
    below = records_of(sample, between)[1:]
    names = [field.decode("utf-8", "replace").strip() for field in fields]
    if header == "auto" and (doubt := header_doubt(names, below)):
        raise SourceError(
            f"{path}: the first line does not look like a header: {doubt}. If it is data, set header = false "
            "(--set source.options.header=false); the columns are then column_1, column_2 and so on. If it is the "
            "header, set header = true."
        )
    if header is False:
        width = len(fields)
        return Shape(between, [f"column_{n}" for n in range(1, width + 1)], start, _declared(comment), ())
    fields, notes = _fitted(fields, below)
    return Shape(between, _names(path, fields), lines.byte, _declared(comment), notes)


def _declared(comment: str) -> bytes | None:
    return None if comment == "auto" else comment.encode()


def _first(lines: LineReader, between: bytes, most: int) -> list[bytes]:
    """The fields of the header."""
    records, faults = RecordReader(lines, between, None, most).take(1)
    header = records[0] if records else b""
    try:
        if faults:
            raise faults[0]
        if len(header) > most:
            raise Fault(f"longer than max_record_bytes, {most}")
        fields = split_fields(header, between)
        for field in fields:
            field.decode()
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{lines.path}: the header can't be read: {error}. Name the encoding of the file, such as utf-8 or "
            "shift-jis: --set source.options.encoding=..."
        ) from None
    except Fault as error:
        raise SourceError(f"{lines.path}: the header can't be read: {error}. Correct line 1.") from None
    if fields == [b""]:
        raise SourceError(f"{lines.path}: there are no columns: it has no line but blank ones and comments.")
    return fields


def _fitted(fields: list[bytes], below: Sequence[Sequence[bytes]]) -> tuple[list[bytes], tuple[str, ...]]:
    """Names as many as there are fields, where nearly all records have one more or one fewer."""
    width = len(fields)
    longer = [r for r in below if len(r) == width + 1]
    if below and len(longer) >= AGREE * len(below):
        if not any(r[-1].strip() for r in longer):  # a delimiter ends each line
            return [*fields, b""], ()
        return [b"row", *fields], (
            "the header has one name fewer than there are fields: the first column, without a name, is called "
            "'row'",
        )
    if below and not fields[-1].strip() and sum(len(r) == width - 1 for r in below) >= AGREE * len(below):
        return fields[:-1], ()
    return fields, ()


def _names(path: str, fields: Sequence[bytes]) -> list[str]:
    names = [field.decode().strip() or f"column_{place}" for place, field in enumerate(fields, 1)]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise SourceError(f"{path}: the header has {name!r} more than once. Rename one.")
    return names


def _named_by_remark(remark: bytes | None, sample: Sequence[bytes], between: bytes) -> list[bytes] | None:
    """The names of a header that is written as a comment: as many as there are fields, over values."""
    if remark is None or not sample:
        return None
    try:
        names = split_fields(remark.strip(), between)
        first = records_of(sample[:1], between)[0]
        cells = [c.decode() for c in (*names, *first)]
    except (Fault, IndexError, UnicodeDecodeError):
        return None
    over, under = cells[: len(names)], cells[len(names) :]
    if len(over) < 2 or len(over) != len(under) or any(map(is_value, over)) or not any(map(is_value, under)):
        return None
    return names
