"""Parquet files as sources."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streamnn.errors import SourceError

from ._arrow import kept_columns, metadata_of, to_block
from ._blocks import Block, BlockPartition, skip_to, start_of
from ._lines import check_file
from .base import Partition, Resume, SourceInfo
from .table import NO_KINDS, Table
from .wanted import EVERYTHING, Wanted

_READ_ROWS = 1 << 16


class ParquetSource:
    """A Parquet file, one record a row.

    Floats and decimals become float64, durations seconds, dictionaries their values; integers, booleans, strings and
    times (in UTC) stay, but what a declared kind asks for. Structs, lists and maps become columns such as ``cart.price`` and ``x[0]``.
    Binary columns are dropped and named in ``info().metadata["dropped"]``.

    Parameters
    ----------
    path : str or path
    kinds : mapping of str to str, optional
        What columns are, where it is not what their types say: see :class:`Table`.
    wanted : Wanted
        The columns that are looked at, all by default.

    Raises
    ------
    SourceError
        When the file is missing, empty, damaged, has a column twice or none that can be used.

    Examples
    --------
    >>> import tempfile, pyarrow as pa, pyarrow.parquet as pq
    >>> path = tempfile.mkdtemp() + "/prices.parquet"
    >>> pq.write_table(pa.table({"price": [1.5, 2.5], "y": [0, 1]}), path)
    >>> source = ParquetSource(path)
    >>> source.info().records
    2
    >>> partition = source.open("0", {"position": 1})
    >>> partition.next_batch(100).rows.to_pylist()
    [{'price': 2.5, 'y': 1}]
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kinds: Mapping[str, str] = NO_KINDS,
        wanted: Wanted = EVERYTHING,
    ):
        self._path = Path(path)
        self._kinds, self._wanted = kinds, wanted
        check_file(self._path)
        with self._file() as file:
            schema = file.schema_arrow
            self._groups = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        self._kept, dropped = kept_columns(str(self._path), schema, wanted)
        self._select = list(self._kept) if len(self._kept) < len(schema) else None
        self._info = SourceInfo(
            self._path.stem, sum(self._groups), metadata_of(schema, dropped), str(self._path)
        )

    def info(self) -> SourceInfo:
        return self._info

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._kept)

    def beginning(self, kinds: Mapping[str, Any]) -> Resume:
        """The token of the first record, with what is known of columns from files before this one."""
        return {"position": 0, "kinds": [list(pair) for pair in kinds.items()]}

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        position = start_of(str(self._path), partition, resume, self._info.records)
        table = Table(self._kinds)
        if resume is None or "kinds" not in resume:
            opened = BlockPartition(self._blocks(0, table), 0, table)
            skip_to(str(self._path), opened, position)
            return opened
        table.load(resume["kinds"])
        return BlockPartition(self._blocks(position, table), position, table)

    def _file(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._path)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from error

    def _blocks(self, position: int, table: Table) -> Iterator[Block]:
        first = 0
        with self._file() as file:
            for group, rows in enumerate(self._groups):
                end = first + rows
                if end <= position:
                    first = end
                    continue
                try:
                    for batch in file.iter_batches(
                        _READ_ROWS, row_groups=[group], columns=self._select, use_threads=False
                    ):
                        # before the start nothing is converted: a resumed run goes to its row group and on
                        if first + batch.num_rows > position:
                            yield to_block(batch, self._kept, first, table, self._wanted)
                        first += batch.num_rows
                except (pa.ArrowException, OSError, ValueError) as error:
                    raise self._damaged(error, f" at row {first}") from error
                if first != end:
                    raise self._damaged(f"row group {group} has fewer rows than it says", f" at row {first}")

    def _damaged(self, error: Exception | str, where: str = "") -> SourceError:
        return SourceError(
            f"{self._path} can't be read as Parquet{where}: {error}. Is it whole? Copy or write it again."
        )
