"""CSV text to records and fields (RFC 4180: a quoted field may hold delimiters, newlines, doubled quotes)."""

from __future__ import annotations

import re
from itertools import repeat
from operator import contains
from typing import Protocol

from ._faults import Fault

_QUOTED = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')
_CLOSES = re.compile(rb'[^"]*+(?:""[^"]*+)*+"')


class Fields:
    """Splits one record, which may grow line by line while a quote is open.

    A quote that is not at the start of a field is a character like others.
    """

    def __init__(self, delimiter: bytes, width: int | None = None):
        self.fields: list[bytes] = []
        self._delimiter = delimiter
        self._width = width
        self._at = 0

    def feed(self, record: bytes) -> bool:
        """Split on from where the last call stopped; False while a quote is open; raises Fault."""
        fields, at = self.fields, self._at
        while True:
            if record[at : at + 1] == b'"':
                quoted = _QUOTED.match(record, at)
                if quoted is None:
                    self._at = at
                    return False
                fields.append(quoted[0][1:-1].replace(b'""', b'"'))
                at = quoted.end()
                if record[at:] in (b"", b"\r"):
                    return True
                if record[at : at + 1] != self._delimiter:
                    raise Fault(f"text after the closing quote of field {len(fields)}")
            else:
                end = record.find(self._delimiter, at)
                if end < 0:
                    fields.append(record[at:].removesuffix(b"\r"))
                    return True
                fields.append(record[at:end])
                at = end
            at += 1
            # so that hostile quotes can't make one record of many lines
            if self._width is not None and len(fields) > self._width:
                raise wrong_width(f"more than {self._width}", self._width)


def wrong_width(fields: int | str, width: int) -> Fault:
    return Fault(f"{fields} fields where the header has {width}")


def split_fields(record: bytes, delimiter: bytes) -> list[bytes]:
    """The fields of a whole record; raises Fault."""
    if b'"' not in record:
        return record.removesuffix(b"\r").split(delimiter)
    fields = Fields(delimiter)
    if not fields.feed(record):
        raise Fault("a quote is never closed")
    return fields.fields


class Lines(Protocol):
    """Lines that are read onward and can be given back, such as a :class:`LineReader`."""

    @property
    def byte(self) -> int: ...
    def take(self, limit: int) -> list[bytes]: ...
    def give_back(self, lines: list[bytes]) -> None: ...


class RecordReader:
    """The records of a CSV file, their bytes as they are (without the last newline).

    Blank lines between records, and those that begin with `comment`, are no records.
    A record of several lines that is broken (its quote never closes, or the number of fields is wrong)
    gives up its first line only: the lines after it are read afresh, so that a stray quote costs no good
    record.
    """

    def __init__(
        self,
        lines: Lines,
        delimiter: bytes,
        width: int | None,
        max_record_bytes: int,
        comment: bytes | None = None,
    ):
        self._lines = lines
        self._comment = comment
        self._delimiter = delimiter
        self._width = width
        self._max_bytes = max_record_bytes

    @property
    def byte(self) -> int:
        return self._lines.byte

    def take(self, limit: int) -> tuple[list[bytes], dict[int, Fault]]:
        """Between 1 and `limit` records (none at the end) and, by index, what is wrong with the quotes."""
        faults: dict[int, Fault] = {}
        records: list[bytes] = []
        while not records:
            lines = self._lines.take(limit)
            if not lines:
                return records, faults
            if not any(map(contains, lines, repeat(b'"'))):
                records = self._present(lines)
            else:
                self._quoted(lines, limit, records, faults)
        return records, faults

    def _present(self, lines: list[bytes]) -> list[bytes]:
        if b"" in lines or any(map(bytes.isspace, lines)) or self._comment is not None:
            return [line for line in lines if not self._is_none(line)]
        return lines

    def _is_none(self, line: bytes) -> bool:
        """Whether a line that begins a record is none: blank (a row of tabs has fields), or a comment."""
        if self._comment is not None and line.startswith(self._comment):
            return True
        return not line or (line.isspace() and self._delimiter not in line)

    def _quoted(self, lines: list[bytes], limit: int, records: list[bytes], faults: dict[int, Fault]) -> None:
        at = 0
        while at < len(lines) and len(records) < limit:
            line = lines[at]
            at += 1
            if self._is_none(line):
                continue
            if b'"' in line and len(line) <= self._max_bytes:
                fields = Fields(self._delimiter, self._width)
                try:
                    if not fields.feed(line):
                        line, at = self._grow(fields, lines, at)
                except Fault as fault:
                    faults[len(records)] = fault
            records.append(line)
        if at < len(lines):
            self._lines.give_back(lines[at:])

    def _grow(self, fields: Fields, lines: list[bytes], at: int) -> tuple[bytes, int]:
        """Add lines (`lines[at:]`, then more of the file) to the one before `at` until its quote closes."""
        first = at - 1
        size = len(lines[first])
        while True:
            if at == len(lines):
                lines += self._lines.take(1)
            if at == len(lines) or size > self._max_bytes:
                raise Fault("a quote is never closed")
            line = lines[at]
            at += 1
            size += 1 + len(line)
            if _CLOSES.match(line):
                record = b"\n".join(lines[first:at])
                if fields.feed(record):
                    break
        if len(record) > self._max_bytes:
            raise Fault("a quote is never closed within max_record_bytes")
        if self._width is not None and len(fields.fields) != self._width:
            raise wrong_width(len(fields.fields), self._width)
        return record, at
