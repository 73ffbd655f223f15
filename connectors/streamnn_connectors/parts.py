"""Several files as one stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from streamnn.errors import SourceError
from streamnn.kinds import SETTLED_AFTER

from ._blocks import skip_to, start_of
from .base import Batch, Partition, Resume, Source, SourceInfo
from .places import Place
from .table import NO_KINDS, Table

_COMPARED = 200
"""Most files whose columns are compared before the first record is read."""


class PartsSource:
    """Files of one format, one after the other, as one stream.

    Positions go on from file to file. Columns are known by their names, whatever their order in a file, and each
    file of CSV has a header of its own. Folders such as ``country=DE`` on the way to a file are columns of its records,
    of the kind that a look at all of them shows. Files with nothing in them are passed over.

    Parameters
    ----------
    places : sequence of Place
        In their order.
    open_file : callable
        Makes the source of one file of its path.
    name : str
        Of the stream.
    kinds : mapping of str to str, optional
        What columns that folders give are, where a look is not to decide it.

    Raises
    ------
    SourceError
        When a file can't be read, or none has anything in it.

    Examples
    --------
    >>> import tempfile
    >>> from streamnn_connectors import CsvSource
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("x,y\\n1,up\\n"), (folder / "b.csv").write_text("y,x\\ndown,2\\n")
    >>> source = PartsSource([Place(folder / "a.csv"), Place(folder / "b.csv")], CsvSource, "orders")
    >>> partition = source.open("0")
    >>> [partition.next_batch(10).rows.to_pylist() for _ in range(2)]
    [[{'x': 1.0, 'y': 'up'}], [{'y': 'down', 'x': 2.0}]]
    """

    def __init__(
        self,
        places: Sequence[Place],
        open_file: Callable[[Path], Source],
        name: str,
        kinds: Mapping[str, str] = NO_KINDS,
    ):
        self._places = [p for p in places if p.path.stat().st_size]
        self._name = name
        if not self._places:
            raise SourceError(f"{name}: none of its {len(places)} files has anything in it.")
        self._make = open_file
        self._keys = _folders(self._places, kinds)
        self._notes: list[str] = []
        self._records: int | None = 0
        self.first = open_file(self._places[0].path)
        self._look()

    def info(self) -> SourceInfo:
        about = dict(self.first.info().metadata)
        about.pop("file_bytes", None)
        notes = [*about.get("notes", ()), *self._notes]
        return SourceInfo(self._name, self._records, about | {"files": len(self._places), "notes": notes})

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(self._name, partition, resume, self._records)
        if resume is None or "file" not in resume:
            opened = _PartsPartition(self._places, self._source, self._keys, 0, None, 0)
            skip_to(self._name, opened, position)
            return opened
        at = resume["part"]
        names = [p.path.name for p in self._places]
        if at >= len(names) or names[at] != resume["file"]:
            raise SourceError(
                f"{self._name}: file {at + 1} was {resume['file']} when the checkpoint was written and is "
                f"{names[at] if at < len(names) else 'not there'} now: start again without it."
            )
        return _PartsPartition(
            self._places, self._source, self._keys, at, resume["inner"], position, dict(resume["kinds"])
        )

    def _source(self, at: int) -> Source:
        return self.first if at == 0 else self._make(self._places[at].path)

    def _look(self) -> None:
        """Compare the columns of the files, where these are known before their records, and add up the records."""
        wanted = _names(self.first)
        for at in range(min(len(self._places), _COMPARED)):
            source = self._source(at)
            records = source.info().records
            self._records = None if records is None or self._records is None else self._records + records
            names = _names(source)
            if wanted is None or names is None or names == wanted:
                continue
            for words, differing in (("lacks", wanted - names), ("adds", names - wanted)):
                if differing:
                    shown = ", ".join(sorted(differing)[:5])
                    self._notes.append(
                        f"{self._places[at].path.name} {words} columns of {self._places[0].path.name}: {shown}"
                    )
        if len(self._places) > _COMPARED:
            self._records = None


class _PartsPartition:
    def __init__(
        self,
        places: Sequence[Place],
        source: Callable[[int], Source],
        keys: Table,
        at: int,
        inner: Resume | None,
        position: int,
        kinds: dict[str, Any] | None = None,
    ):
        self._places = places
        self._source = source
        self._keys = keys
        self._at = at
        self._inner = inner
        self._kinds = kinds or {}
        self._before = position - (0 if inner is None else int(inner["position"]))
        self._open: Partition | None = None
        self._closed = False
        self._current = self._opened(inner)

    def next_batch(self, limit: int) -> Batch | None:
        if self._closed:
            raise SourceError("The partition is closed. Open it again.")
        while True:
            batch = self._current.next_batch(limit)
            if batch is not None:
                return self._moved(batch)
            if self._at + 1 == len(self._places):
                return None
            self._current.close()
            if self._inner is not None:
                self._before += int(self._inner["position"])
                self._kinds |= dict(self._inner.get("kinds", ()))
            self._at, self._inner = self._at + 1, None
            self._current = self._opened(None)

    def close(self) -> None:
        self._closed = True
        self._current.close()

    def _opened(self, inner: Resume | None) -> Partition:
        self._file = self._source(self._at)
        begin: Callable[[dict[str, Any]], Resume] | None = getattr(self._file, "beginning", None)
        if inner is None and begin is not None and self._kinds:
            inner = begin(self._kinds)
        return self._file.open("0", inner)

    def _moved(self, batch: Batch) -> Batch:
        """A batch of the open file as one of the stream."""
        self._inner = batch.resume
        place = self._places[self._at]
        resume = {
            "position": self._before + int(batch.resume["position"]),
            "part": self._at,
            "file": place.path.name,
            "inner": batch.resume,
            "kinds": [list(pair) for pair in self._kinds.items()],
        }
        rows = batch.rows
        known = {name: column for name, column in self._keys.columns.items() if name not in rows.schema.names}
        for name in known:
            (value,) = self._keys.array(name, [place.keys.get(name)])
            rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
        odd = batch.odd + Counter(dict.fromkeys(self._keys.take_odd(), rows.num_rows))
        bad = [replace(b, position=b.position + self._before) for b in batch.bad]
        position = batch.position + self._before
        return Batch(rows, position, resume, bad, batch.left_out, odd, {**batch.columns, **known})


def _folders(places: Sequence[Place], kinds: Mapping[str, str]) -> Table:
    """The columns that folders give; all values are there to be looked at, so their kinds stay."""
    table = Table(kinds, typed=False)
    names = dict.fromkeys(name for place in places for name in place.keys)
    table.look({name: [place.keys.get(name) for place in places] for name in names})
    for column in table.columns.values():
        column.fits = SETTLED_AFTER
    return table


def _names(source: Source) -> set[str] | None:
    names: list[str] | None = getattr(source, "columns", None)
    return None if names is None else set(names)
