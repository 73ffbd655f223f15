"""A folder of Parquet parts as a sink."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streamnn.errors import SinkError

from ._columns import Columns, check_lengths, check_positions
from ._text_sink import cannot_write, closed_sink
from .files import replacing, sync_folder

_PART = re.compile(r"part-(\d{19})(?:-(\d+))?\.parquet")
_TEMPORARY = ".writing"
_ARROW_ERRORS = (pa.ArrowException, TypeError, ValueError, OverflowError)


class ParquetSink:
    """Writes each flush as one Parquet file into a folder, which is made when it is not there.

    Parts are named after their first position, ``part-<19 digits>.parquet``, and appear whole or not at
    all. Where one part ends and the next begins is decided by the calls of flush and nothing else; until
    then records wait in memory. A column keeps the type of the parts before.

    Parameters
    ----------
    directory : str or path

    Raises
    ------
    SinkError
        When the folder can't be written or its last part can't be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> sink = ParquetSink(tempfile.mkdtemp() + "/out.parquet")
    >>> sink.write_columns({"position": np.arange(3), "p": np.array([0.1, 0.2, 0.3])})
    >>> sink.committed()
    -1
    >>> sink.flush()
    >>> sink.committed()
    2
    """

    def __init__(self, directory: str | os.PathLike[str]):
        self._folder = Path(directory)
        self._types: dict[str, pa.DataType] = {}
        self._waiting: list[dict[str, Any] | pa.Table] = []
        self._closed = False
        try:
            if not self._folder.exists():
                self._folder.mkdir()
                sync_folder(self._folder.parent)
            for left in self._folder.glob("*" + _TEMPORARY):
                left.unlink()
            self._committed = self._last = self._recover()
        except OSError as error:
            raise cannot_write(self._folder, error) from error

    def committed(self) -> int:
        return self._committed

    def write(self, records: list[dict[str, Any]]) -> None:
        positions = [record.get("position") for record in records]
        last = check_positions(positions, self._last, str(self._folder))
        self._add(last, [dict(record) for record in records])

    def write_columns(self, columns: Columns) -> None:
        """Append records given as one array or list a field, ``position`` among them."""
        if check_lengths(columns, str(self._folder)):
            last = check_positions(columns["position"], self._last, str(self._folder))
            self._add(last, [self._table(columns)])

    def flush(self, timeout_s: float | None = None) -> None:
        """Write what waits as one part. A write to a file can't be called off: there is no time limit."""
        if not self._waiting:
            return
        table = self._gather()
        first = table.column("position")[0].as_py()
        path = self._folder / f"part-{first:019d}.parquet"
        again = 0
        while path.exists():  # the part before ended with the position this one starts with
            again += 1
            path = self._folder / f"part-{first:019d}-{again}.parquet"
        temporary = path.with_suffix(path.suffix + _TEMPORARY)
        try:
            with replacing(path, temporary) as file:
                pq.write_table(table, file)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._types.update(zip(table.schema.names, table.schema.types, strict=True))
        self._waiting = []
        self._committed = self._last

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.flush()

    def _add(self, last: int, waiting: list[Any]) -> None:
        if self._closed:
            raise closed_sink(self._folder)
        self._last = last
        self._waiting += waiting

    def _gather(self) -> pa.Table:
        tables: list[pa.Table] = []
        rows: list[dict[str, Any]] = []
        for item in [*self._waiting, None]:
            if isinstance(item, dict):
                rows.append(item)
                continue
            if rows:
                names = dict.fromkeys(name for row in rows for name in row)
                tables.append(self._table({name: [row.get(name) for row in rows] for name in names}))
                rows = []
            if item is not None:
                tables.append(item)
        try:
            table = pa.concat_tables(tables, promote_options="permissive")
            for i, field in enumerate(table.schema):
                known = self._types.get(field.name)
                if known is None and pa.types.is_null(field.type):
                    known = pa.float64()
                if known is not None and known != field.type:
                    table = table.set_column(i, field.name, table.column(i).cast(known))
        except _ARROW_ERRORS as error:
            raise self._unfit(error) from error
        return table.combine_chunks()

    def _table(self, columns: Mapping[str, Any]) -> pa.Table:
        arrays = {}
        for name, values in columns.items():
            try:
                arrays[name] = pa.array(values)
            except _ARROW_ERRORS as error:
                raise self._unfit(error, f"field {name!r}: ") from error
        return pa.table(arrays)

    def _unfit(self, error: Exception, where: str = "") -> SinkError:
        return SinkError(
            f"{self._folder}: {where}values of different types in one column: {error}. Write one type a "
            "field, or JSON lines."
        )

    def _recover(self) -> int:
        parts = [
            (int(m[1]), int(m[2] or 0), p) for p in self._folder.iterdir() if (m := _PART.fullmatch(p.name))
        ]
        if not parts:
            return -1
        path = max(parts)[2]
        try:
            with pq.ParquetFile(path) as part:
                schema = part.schema_arrow
                self._types = dict(zip(schema.names, schema.types, strict=True))
                group = part.read_row_group(part.num_row_groups - 1, columns=["position"])
                return group.column("position")[-1].as_py()
        except (pa.ArrowException, KeyError, IndexError) as error:
            raise SinkError(
                f"{path} can't be continued: {error}. Name another folder or remove the part."
            ) from error
