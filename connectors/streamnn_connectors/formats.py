"""The formats of recorded files, and how the format of a file is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from streamnn.errors import SourceError

from ._lines import check_file
from ._packing import PACKED_SUFFIXES, UNPACK_ERRORS, beginning, opened
from ._text_form import BOM, look_at
from .csv import CsvSource
from .jsonl import JsonLinesSource
from .parquet import ParquetSource

FileSource = type[CsvSource] | type[JsonLinesSource] | type[ParquetSource]


class Format(NamedTuple):
    """A format of recorded files.

    Parameters
    ----------
    source : type
        Reads it.
    suffixes : tuple of str
        Of its files.
    packed : bool
        Whether files may be packed.
    open_columns : bool
        Whether a column may come at any record; otherwise the first says which there are.
    """

    source: FileSource
    suffixes: tuple[str, ...]
    packed: bool = False
    open_columns: bool = False


FORMATS = {
    "parquet": Format(ParquetSource, (".parquet", ".pq")),
    "csv": Format(CsvSource, (".csv", ".tsv", ".tab"), packed=True),
    "jsonl": Format(JsonLinesSource, (".jsonl", ".ndjson", ".json"), packed=True, open_columns=True),
}
"""Every format that can be read, by its name in a job spec: the one place where they are listed."""
_BEGINNING_BYTES = 1 << 16
_CONTROL = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"})
"""Bytes that text does not have."""


def suffix_format(path: str | os.PathLike[str]) -> Format | None:
    """The format that the name of a file says.

    Examples
    --------
    >>> [suffix_format(p) is not None for p in ("a.csv.gz", "A.NDJSON", "a.tsv.zip", "a.parquet.gz", "a.txt")]
    [True, True, True, False, False]
    """
    name = Path(path).name.lower()
    bare = name
    while bare.endswith(PACKED_SUFFIXES):
        bare = bare[: bare.rindex(".")]
    for f in FORMATS.values():
        if name.endswith(f.suffixes) or (f.packed and bare.endswith(f.suffixes)):
            return f
    return None


def format_of(path: Path) -> Format:
    """The format of a file: by its name, else by its content.

    Raises
    ------
    SourceError
        When it is missing or empty, or neither says a format.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "orders")
    >>> _ = path.write_text('{"price": 3}')
    >>> format_of(path).source.__name__
    'JsonLinesSource'
    """
    check_file(path)
    if (said := suffix_format(path)) is not None:
        return said
    try:
        opened(path)[0].close()  # says what an archive is
    except UNPACK_ERRORS as error:
        raise SourceError(
            f"{path} can't be unpacked: {error}. Is it whole? Copy or write it again."
        ) from error
    head = beginning(path, _BEGINNING_BYTES)
    if head.startswith(b"PAR1"):
        return FORMATS["parquet"]
    text = head.removeprefix(BOM).decode(look_at(path).encoding, "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return FORMATS["jsonl"]
    if not text or any(chr(c) in text for c in _CONTROL):
        suffixes = [s for f in FORMATS.values() for s in f.suffixes]
        raise SourceError(
            f"{path}: neither its name nor its content says a format that can be read. Use "
            f"{', '.join(suffixes[:-1])} or {suffixes[-1]}, those of text also packed, or give source.format."
        )
    return FORMATS["csv"]
