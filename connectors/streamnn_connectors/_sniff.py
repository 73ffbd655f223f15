"""What the beginning of a CSV file shows of its dialect: where the header is, what stands between fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ._csv_records import RecordReader, split_fields
from ._faults import Fault, short

SAMPLE_LINES = 100
"""Lines that are looked at."""
DELIMITERS = (b"\t", b";", b"|", b",")
"""Characters that may stand between fields, the one that is rarest in text first."""
AGREE = 0.8
"""Share of records that must have the width of the header, or the kind of a column."""
_SEPARATOR = re.compile(rb'"?sep=(.|\\t)"?\s*', re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_SPOKEN = re.compile(r"\d[eE][-+]?\d|\d[tT]\d|\d[zZ]$")
"""Letters that numbers and times have."""
_YEARS = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class Preamble:
    """What stands before the first record.

    Parameters
    ----------
    lines : int
        How many lines it has.
    delimiter : bytes or None
        Named by a line ``sep=;``.
    remark : bytes or None
        The last line of ``#``, without the sign: some programs write the header there.
    """

    lines: int = 0
    delimiter: bytes | None = None
    remark: bytes | None = None


def preamble_of(lines: Sequence[bytes], comment: bytes) -> Preamble:
    """Blank lines, lines that begin with `comment`, and the line ``sep=`` of a spreadsheet.

    >>> preamble_of([b"# made by hand", b"", b"sep=;", b"a;b"], b"#")
    Preamble(lines=3, delimiter=b';', remark=b' made by hand')
    """
    delimiter = remark = None
    for at, line in enumerate(lines):
        if line.startswith(comment):
            remark = line[len(comment) :]
        elif separator := _SEPARATOR.fullmatch(line):
            delimiter = separator[1].replace(rb"\t", b"\t")
        elif line.strip(b" \r"):
            return Preamble(at, delimiter, remark)
    return Preamble(len(lines), delimiter, remark)


def records_of(lines: Sequence[bytes], delimiter: bytes) -> list[list[bytes]]:
    """The fields of the records in `lines`; those that can't be split are left out."""
    records, faults = RecordReader(_Held(list(lines)), delimiter, None, 1 << 20).take(len(lines) or 1)
    out = []
    for i, record in enumerate(records):
        try:
            if i not in faults:
                out.append(split_fields(record, delimiter))
        except Fault:
            continue
    return out


def delimiter_of(lines: Sequence[bytes]) -> bytes:
    """What stands between the fields of records; a comma where nothing shows it.

    It splits the first record, and nearly all others into as many fields (or one more). Of several that do, the one
    that is rarest in text: with `;` between fields a comma is a decimal sign.

    >>> delimiter_of([b"city;price", b"Bonn;1,50", b"Ulm;2,00"]), delimiter_of([b"text", b"one; two"])
    (b';', b',')
    """
    fallback, most = b",", 0.0
    for delimiter in DELIMITERS:
        widths = [len(fields) for fields in records_of(lines, delimiter)]
        if not widths or widths[0] < 2:
            continue
        width, rest = widths[0], widths[1:]
        fits = sum(w in (width, width + 1) for w in rest) / len(rest) if rest else 1.0
        if fits >= AGREE:
            return delimiter
        if fits > most:
            fallback, most = delimiter, fits
    return fallback


def header_doubt(names: Sequence[str], records: Sequence[Sequence[bytes]]) -> str | None:
    """Why the first record may be no header: its cells are of the kinds of the cells below; else None.

    One name over a column of numbers shows a header; without numbers below nothing shows it, and it is one. Numbers
    that count up, or years, are taken for names.
    """
    looked = numeric = 0
    for name, column in zip(names, zip(*records, strict=False), strict=False):
        cells = [c.decode("utf-8", "replace").strip() for c in column]
        cells = [c for c in cells if c]
        if not cells or sum(map(is_value, cells)) < AGREE * len(cells):
            continue
        looked += 1
        if not is_value(name):
            return None
        numeric += 1
    if not looked or not numeric or _counted([n for n in names if is_value(n)]):
        return None
    return f"{', '.join(short(n) for n in names[:4])} are of the kinds of the values below"


def is_value(cell: str) -> bool:
    """Whether a cell is a number, an amount or a time rather than a name.

    >>> [is_value(c) for c in ("1.234,5", "$3", "2024-01-05T10:00Z", "-1e5", "x1", "price", "")]
    [True, True, True, True, False, False, False]
    """
    text = cell.strip()
    return any(map(str.isdigit, text)) and not _LETTER.search(_SPOKEN.sub("0", text))


def _counted(names: Sequence[str]) -> bool:
    try:
        numbers = [int(n) for n in names]
    except ValueError:
        return False
    return len(numbers) > 1 and (
        all(b == a + 1 for a, b in pairwise(numbers))
        or (all(n in _YEARS for n in numbers) and numbers == sorted(set(numbers)))
    )


class _Held:
    """Lines in memory, read like those of a file."""

    byte = 0

    def __init__(self, lines: list[bytes]):
        self._lines = lines

    def take(self, limit: int) -> list[bytes]:
        taken, self._lines = self._lines[:limit], self._lines[limit:]
        return taken

    def give_back(self, lines: list[bytes]) -> None:
        self._lines = lines + self._lines
