"""Sources and sinks by the suffix of their path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from streamnn.errors import SinkError, SourceError

from .base import Source
from .csv import CsvSource
from .csv_sink import CsvSink
from .jsonl import JsonLinesSource
from .jsonl_sink import JsonLinesSink
from .parquet import ParquetSource
from .parquet_sink import ParquetSink


class Format(NamedTuple):
    """A format of recorded files.

    Parameters
    ----------
    source : type
        Reads it.
    suffixes : tuple of str
        Of its files.
    packed : bool
        Whether files may be packed, with ``.gz`` behind the suffix.
    open_columns : bool
        Whether a column may come at any record; otherwise the first says which there are.
    """

    source: type[CsvSource] | type[JsonLinesSource] | type[ParquetSource]
    suffixes: tuple[str, ...]
    packed: bool = False
    open_columns: bool = False


FORMATS = {
    "parquet": Format(ParquetSource, (".parquet", ".pq")),
    "csv": Format(CsvSource, (".csv",), packed=True),
    "jsonl": Format(JsonLinesSource, (".jsonl", ".ndjson", ".json"), packed=True, open_columns=True),
}
"""Every format that can be read, by its name in a job spec: the one place where they are listed."""
_JSON, _FOLDERS = FORMATS["jsonl"].suffixes, FORMATS["parquet"].suffixes
SINK_SUFFIXES = (*_JSON, ".csv", *_FOLDERS)
"""What a path of :func:`open_sink` may end with."""
_COUNTS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def has_suffix(path: str | os.PathLike[str]) -> bool:
    """Whether the name of a file says its format.

    Examples
    --------
    >>> [has_suffix(p) for p in ("a.csv.gz", "A.NDJSON", "a.parquet.gz", "a.txt", "flights")]
    [True, True, False, False, False]
    """
    return _format(path) is not None


def open_source(path: str | os.PathLike[str], **options: Any) -> Source:
    """The source that reads the file `path`.

    ``.parquet`` and ``.pq`` are Parquet; ``.csv``, ``.jsonl``, ``.ndjson`` and ``.json`` (one object a
    line) may be packed as ``.gz``. `options` go to the source.

    Raises
    ------
    SourceError
        When the suffix is none of these, or the file can't be read.

    Examples
    --------
    >>> open_source("prices.xlsx")
    Traceback (most recent call last):
    ...
    streamnn.errors.SourceError: prices.xlsx: the suffix says no format that can be read. Use .parquet, .pq, \
.csv, .jsonl, .ndjson or .json (the last four also with .gz).
    """
    return source_class(path)(path, **options)


def source_class(
    path: str | os.PathLike[str],
) -> type[CsvSource] | type[JsonLinesSource] | type[ParquetSource]:
    """The class of the source that reads the file `path`; SourceError when its suffix says none.

    Examples
    --------
    >>> source_class("prices.csv.gz").__name__
    'CsvSource'
    """
    found = _format(path)
    if found is None:
        plain = [s for f in FORMATS.values() for s in f.suffixes if not f.packed]
        packed = [s for f in FORMATS.values() for s in f.suffixes if f.packed]
        *first, last = plain + packed
        raise SourceError(
            f"{path}: the suffix says no format that can be read. Use {', '.join(first)} or {last} "
            f"(the last {_COUNTS[len(packed)]} also with .gz)."
        )
    return found.source


def _format(path: str | os.PathLike[str]) -> Format | None:
    name = Path(path).name.lower()
    for f in FORMATS.values():
        if name.endswith(f.suffixes) or (f.packed and name.removesuffix(".gz").endswith(f.suffixes)):
            return f
    return None


def open_sink(path: str | os.PathLike[str]) -> CsvSink | JsonLinesSink | ParquetSink:
    """The sink that writes to `path`.

    ``.jsonl``, ``.ndjson`` and ``.json`` are JSON lines, ``.csv`` is CSV. ``.parquet`` and ``.pq`` are a
    *folder* of that name with Parquet parts, as is any path that ends in a slash or is a folder already.

    Raises
    ------
    SinkError
        When the suffix is none of these, or the path can't be written.

    Examples
    --------
    >>> import tempfile
    >>> sink = open_sink(tempfile.mkdtemp() + "/predictions.jsonl")
    >>> type(sink).__name__, sink.committed()
    ('JsonLinesSink', -1)
    >>> sink.close()
    """
    name = os.fspath(path).lower()
    if name.endswith((*_FOLDERS, "/", os.sep)) or Path(path).is_dir():
        return ParquetSink(path)
    if name.endswith(".csv"):
        return CsvSink(path)
    if name.endswith(_JSON):
        return JsonLinesSink(path)
    raise SinkError(
        f"{path}: the suffix says no format that can be written. Use .jsonl, .ndjson, .json, .csv, or "
        ".parquet for a folder of parts."
    )
