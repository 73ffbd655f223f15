"""Partitions that are cut from larger decoded blocks: Parquet files and tables in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from streamnn.errors import SourceError

from .base import BadRecord, Batch, Partition, Resume
from .table import Table


@dataclass(slots=True)
class Block:
    """Decoded records at positions `first` to `end` (exclusive)."""

    rows: pa.RecordBatch
    position: np.ndarray
    bad: list[BadRecord]
    first: int
    end: int
    left_out: Counter[str] = field(default_factory=Counter)
    odd: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: list[Any] = field(default_factory=list)
    """What its table knew before it was decoded."""


class BlockPartition:
    """Hands out `blocks` in pieces of at most `limit` records, from `position` on; `table` decodes them."""

    def __init__(self, blocks: Iterator[Block], position: int, table: Table):
        self._blocks = blocks
        self._table = table
        self._block: Block | None = None
        self._position = position
        self._closed = False

    def next_batch(self, limit: int) -> Batch | None:
        if self._closed:
            raise closed_partition()
        while self._block is None or self._position >= self._block.end:
            self._block = next(self._blocks, None)
            if self._block is None:
                return None
        block = self._block
        start, self._position = self._position, min(block.end, self._position + limit)
        i, j = np.searchsorted(block.position, [start, self._position])
        bad = [b for b in block.bad if start <= b.position < self._position] if block.bad else []
        rows = block.rows.slice(i, j - i)
        if self._position < block.end:
            resume = {"position": int(self._position), "kinds": block.kinds}
            return Batch(rows, block.position[i:j], resume, bad, columns=self._table.columns)
        # told with the last piece: once, wherever reading goes on within the block
        resume = {"position": int(self._position), "kinds": self._table.state()}
        return Batch(
            rows, block.position[i:j], resume, bad, block.left_out, block.odd, columns=self._table.columns
        )

    def close(self) -> None:
        self._closed = True
        self._block = None
        self._blocks = iter(())


def closed_partition() -> SourceError:
    return SourceError("The partition is closed. Open it again.")


def position_of(name: str, resume: Resume) -> int:
    """The position a resume token names, checked."""
    position = resume.get("position")
    if not isinstance(position, int) or position < 0:
        raise SourceError(f"{name}: the resume token {resume} has no position. Start again without it.")
    return position


def start_of(name: str, partition: str, resume: Resume | None, records: int | None = None) -> int:
    """The position a resume token names (0 without one), checked."""
    if partition != "0":
        raise SourceError(f"{name} has no partition {partition!r}. It has one: '0'.")
    position = 0 if resume is None else position_of(name, resume)
    if records is not None and position > records:
        raise SourceError(
            f"{name} has {records} records, reading was to go on at {position}. It has changed since the "
            "checkpoint was written: start again without it."
        )
    return position


def skip_to(name: str, partition: Partition, position: int) -> None:
    """Read on to `position`: for a token that says no more than that."""
    at = 0
    while at < position:
        batch = partition.next_batch(min(4096, position - at))
        if batch is None:
            partition.close()
            start_of(name, "0", {"position": position}, at)
            return
        at = batch.resume["position"]
