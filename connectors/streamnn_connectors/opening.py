"""Sources and sinks by the suffix of their path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from streamnn.errors import SinkError, SourceError

from .base import Source
from .csv import CsvSource
from .csv_sink import CsvSink
from .jsonl import JsonLinesSource
from .jsonl_sink import JsonLinesSink
from .parquet import ParquetSource
from .parquet_sink import ParquetSink

PARQUET_SUFFIXES = (".parquet", ".pq")
"""What the path of a Parquet file ends with."""
_JSON = (".jsonl", ".ndjson", ".json")
SINK_SUFFIXES = (*_JSON, ".csv", *PARQUET_SUFFIXES)
"""What a path of :func:`open_sink` may end with."""


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
    name = Path(path).name.lower()
    if name.endswith(PARQUET_SUFFIXES):
        return ParquetSource
    name = name.removesuffix(".gz")
    if name.endswith(".csv"):
        return CsvSource
    if name.endswith(_JSON):
        return JsonLinesSource
    raise SourceError(
        f"{path}: the suffix says no format that can be read. Use .parquet, .pq, .csv, .jsonl, .ndjson or "
        ".json (the last four also with .gz)."
    )


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
    if name.endswith((*PARQUET_SUFFIXES, "/", os.sep)) or Path(path).is_dir():
        return ParquetSink(path)
    if name.endswith(".csv"):
        return CsvSink(path)
    if name.endswith(_JSON):
        return JsonLinesSink(path)
    raise SinkError(
        f"{path}: the suffix says no format that can be written. Use .jsonl, .ndjson, .json, .csv, or "
        ".parquet for a folder of parts."
    )
