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
from ._pixels import pixels_of
from .base import Partition, Resume, SourceInfo
from .table import NO_KINDS, Table
from .wanted import EVERYTHING, Wanted

_READ_ROWS = 1 << 16


class ParquetSource:
    """A Parquet file, one record a row.

    Floats and decimals become float64, durations seconds, dictionaries their values; integers, booleans, strings and
    times (in UTC) stay, but what a declared kind asks for. Structs, lists and maps become columns such as ``cart.price`` and ``x[0]``.
    Binary columns are dropped and named in ``info().metadata["dropped"]``, but for images: their pixels become columns
    ``p0``, ``p1``, ... of numbers from 0 to 255, a channel after the other. A file whose metadata say ``{"kind": "image",
    "shape": [28, 28]}`` under the key ``streamnn`` needs no option for it.

    Parameters
    ----------
    path : str or path
    kinds : mapping of str to str, optional
        What columns are, where it is not what their types say: see :class:`Table`.
    wanted : Wanted
        The columns that are looked at, all by default.
    image : str, optional
        Name of a column of images as raw bytes, a byte a value, row by row, the channels of a pixel side by side.
    image_shape : str, optional
        Height, width and channels, such as ``"28x28"`` or ``"32x32x3"``; a column of bytes of one length without it is
        one row of pixels.

    Raises
    ------
    SourceError
        When the file is missing, empty, damaged, has a column twice or none that can be used, or images of another size.

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
        image: str = "",
        image_shape: str = "",
    ):
        self._path = Path(path)
        self._kinds, self._wanted = kinds, wanted
        check_file(self._path)
        with self._file() as file:
            schema = file.schema_arrow
            self._groups = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        about = metadata_of(schema, {})
        self._pixels = pixels_of(str(self._path), schema, about, image, image_shape)
        if self._pixels is not None and not any(map(wanted.takes, self._pixels.columns)):
            self._pixels = None
        read = schema if self._pixels is None else self._pixels.schema(schema)
        self._kept, dropped = kept_columns(str(self._path), read, wanted)
        self._select = self._of_file(schema)
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
        rows_at_once = _READ_ROWS if self._pixels is None else self._pixels.rows
        with self._file() as file:
            for group, rows in enumerate(self._groups):
                end = first + rows
                if end <= position:
                    first = end
                    continue
                try:
                    for batch in file.iter_batches(
                        rows_at_once, row_groups=[group], columns=self._select, use_threads=False
                    ):
                        # before the start nothing is converted: a resumed run goes to its row group and on
                        if first + batch.num_rows > position:
                            yield self._block(batch, first, table)
                        first += batch.num_rows
                except (pa.ArrowException, OSError, ValueError) as error:
                    raise self._damaged(error, f" at row {first}") from error
                if first != end:
                    raise self._damaged(f"row group {group} has fewer rows than it says", f" at row {first}")

    def _of_file(self, schema: pa.Schema) -> list[str] | None:
        """Columns that are read of the file; None: all."""
        kept = {*self._kept, *([] if self._pixels is None else [self._pixels.column])}
        return None if kept.issuperset(schema.names) else [n for n in schema.names if n in kept]

    def _block(self, batch: pa.RecordBatch, first: int, table: Table) -> Block:
        wrong: dict[int, str] = {}
        if self._pixels is not None:
            batch, wrong = self._pixels.spread(batch)
        return to_block(batch, self._kept, first, table, self._wanted, wrong)

    def _damaged(self, error: Exception | str, where: str = "") -> SourceError:
        return SourceError(
            f"{self._path} can't be read as Parquet{where}: {error}. Is it whole? Copy or write it again."
        )
