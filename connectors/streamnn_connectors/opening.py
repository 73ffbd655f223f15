"""Sources and sinks by what they are called."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from streamnn.errors import SinkError, SourceError

from .base import Source
from .csv_sink import CsvSink
from .formats import FORMATS, Format, format_of, suffix_format
from .jsonl_sink import JsonLinesSink
from .parquet_sink import ParquetSink
from .parts import PartsSource
from .places import STANDARD_INPUT, is_pattern, is_remote, places_of
from .table import NO_KINDS

Name = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
_JSON, _FOLDERS = (".jsonl", ".ndjson", ".json"), FORMATS["parquet"].suffixes
SINK_SUFFIXES = (*_JSON, ".csv", *_FOLDERS)
"""What a path of :func:`open_sink` may end with."""


def says_file(name: str) -> bool:
    """Whether a name says by itself that it is that of recorded files: by a suffix, a pattern, or as ``-`` or a URL.

    Examples
    --------
    >>> [says_file(p) for p in ("a.csv.gz", "orders/*", "-", "s3://bucket/a", "~/orders", "flights")]
    [True, True, True, True, True, False]
    """
    begins = name == STANDARD_INPUT or is_remote(name) or name.startswith("~")
    return begins or suffix_format(name) is not None or is_pattern(name)


class Recorded:
    """The files that a name stands for, and their format.

    Parameters
    ----------
    name : path, or sequence of paths
        As of :func:`~streamnn_connectors.places.places_of`.
    format : str, default "auto"
        One of :data:`~streamnn_connectors.formats.FORMATS`; "auto" is told by names and content.

    Raises
    ------
    SourceError
        When there are no such files, or they have several formats.
    MissingPackage
        For an object store, without the extra ``s3``.
    """

    def __init__(self, name: Name, format: str = "auto"):
        self._places = places_of(name)
        self._name = name
        self.files = [p.path for p in self._places]
        for place in self._places:
            if place.temporary:
                weakref.finalize(self, place.remove)
        self.format: Format = FORMATS[format] if format != "auto" else self._told()

    def _told(self) -> Format:
        if len(self.files) > 1:
            # beside the parts of a table there may be a README
            told = [p for p in self._places if suffix_format(p.path) is not None]
            if told:
                self._places = told
            self._places = [p for p in self._places if p.path.stat().st_size] or self._places
            self.files = [p.path for p in self._places]
        formats = {format_of(path).source: path for path in self.files}
        if len(formats) > 1:
            one, other = list(formats.values())[:2]
            raise SourceError(
                f"{self._name}: {one.name} and {other.name} are of different formats. Name those of one, as "
                f"'{one.parent}/*{one.suffix}'."
            )
        return format_of(self.files[0])

    def open(self, **options: Any) -> Source:
        """The source that reads them; `options` are those of the format."""
        kind: Callable[..., Source] = self.format.source
        make = partial(kind, **options)
        if len(self._places) > 1 or self._places[0].keys:
            folder = self.files[0].resolve().parent
            named = isinstance(self._name, str | os.PathLike) and Path(self._name).expanduser()
            title = named.resolve().name if named and named.is_dir() else folder.name
            return self._kept_for(PartsSource(self._places, make, title, options.get("kinds", NO_KINDS)))
        return self._kept_for(make(self.files[0]))

    def _kept_for(self, source: Source) -> Source:
        """A source, with which these files live as long."""
        weakref.finalize(source, _let_go, self)
        return source


def _let_go(recorded: Recorded) -> None:
    """Called when a source is no longer used: it held on to the files that it reads."""


def has_open_columns(source: Source) -> bool:
    """Whether a column may come at any record of a source; otherwise the first ones show which there are."""
    one = source.first if isinstance(source, PartsSource) else source
    return any(f.open_columns and isinstance(one, f.source) for f in FORMATS.values())


def open_source(name: Name, format: str = "auto", **options: Any) -> Source:
    """The source that reads what `name` stands for: a file, several, a folder, a pattern, ``-``, a URL.

    ``.parquet`` and ``.pq`` are Parquet; ``.csv``, ``.tsv`` and ``.tab`` delimited text; ``.jsonl``, ``.ndjson`` and
    ``.json`` one object a line; those of text may be packed (gzip, bz2, xz, zstd, lz4, or zip with one file in it).
    Other names are told by what is in the file. `options` go to the source.

    Raises
    ------
    SourceError
        When it can't be read.

    Examples
    --------
    >>> open_source("prices.csv")
    Traceback (most recent call last):
    ...
    streamnn.errors.SourceError: prices.csv: no such file. Check the path.
    """
    return Recorded(name, format).open(**options)


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
