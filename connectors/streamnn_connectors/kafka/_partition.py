"""One partition of a topic as a stream of batches."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .._blocks import Block, closed_partition
from .._rows import record_batch
from ..base import BadRecord, Batch, Resume
from ._arrow_values import ArrowValues
from ._fields import MessageFields
from ._json_values import JsonValues, Tombstones
from ._loop import ConsumerLoop
from ._slots import Slot
from .contract import ROW_BITS, Message, Offset, Place
from .offsets import commit_offsets
from .registry import RegistryDown

_AHEAD = 64


class KafkaPartition:
    """Reads one partition; made by :meth:`KafkaSource.open`. It is a :class:`LivePartition`."""

    def __init__(
        self,
        loop: ConsumerLoop,
        partition: int,
        slot: Slot,
        values: JsonValues | ArrowValues,
        fields: MessageFields,
        tombstones: Tombstones,
        position: int,
    ):
        self._loop = loop
        self._partition = partition
        self._slot = slot
        self._values = values
        self._fields = fields
        self._tombstones = tombstones
        self._position = position
        self._handed: list[Any] = []
        self._messages: deque[Any] = deque()
        self._held: list[Any] = []
        self._block: tuple[Block, Any] | None = None
        self._closed = False
        self._nulls = 0

    @property
    def skipped(self) -> int:
        """Messages without a record that were passed over."""
        return self._nulls + (self._values.skipped if isinstance(self._values, JsonValues) else 0)

    @property
    def place(self) -> Place:
        """Topic and number."""
        return Place(self._loop.topic, self._partition)

    @property
    def rowwise(self) -> bool:
        """Whether messages hold many rows each."""
        return isinstance(self._values, ArrowValues)

    @property
    def resume(self) -> Resume:
        """Token of the place the next batch begins at."""
        return {"position": self._position, "kinds": self._values.table.state()}

    def next_batch(self, limit: int) -> Batch | None:
        """At most `limit` records that are there now; None at the end, where there is one."""
        if self._closed:
            raise closed_partition()
        if isinstance(self._values, ArrowValues):
            return self._arrow_batch(self._values, limit)
        return self._json_batch(self._values, limit)

    def wait(self, timeout_s: float) -> bool:
        """Until there is something to read, or a change of partitions; False when time is up."""
        return self._loop.wait(self._slot, timeout_s)

    def offset(self, resume: Resume) -> Offset:
        """The offset (and the row in its message) that a token stands for."""
        return _split(int(resume["position"]), isinstance(self._values, ArrowValues))

    def original(self, position: int) -> Message | None:
        """The message of a position in the batch last handed out."""
        offset = _split(position, isinstance(self._values, ArrowValues)).offset
        i = bisect_left(self._handed, offset, key=lambda r: r.offset)
        if i == len(self._handed) or self._handed[i].offset != offset:
            return None
        r = self._handed[i]
        return Message(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers), r.timestamp)

    def times(self, position: np.ndarray) -> np.ndarray:
        """Times, in milliseconds, of the messages at positions in the batch last handed out."""
        bits = ROW_BITS if self.rowwise else 0
        offsets = np.array([r.offset for r in self._handed], np.int64)
        stamps = np.array([r.timestamp for r in self._handed], np.int64)
        return stamps[np.searchsorted(offsets, position >> bits)]

    def commit(self, offsets: Mapping[Place, Offset]) -> None:
        """Commit places by themselves, for outputs without transactions; Fenced when the partition is not ours."""
        self.membership()
        self._loop.call(lambda consumer: commit_offsets(consumer, offsets))

    def lag(self) -> int:
        """Messages beyond the place; markers of transactions count."""
        return max(0, self._slot.highwater - self.offset({"position": self._position}).offset)

    @property
    def behind(self) -> bool:
        """Whether messages that were there when it was opened are still to be read."""
        return self._slot.behind

    def membership(self) -> Any:
        """Proof that the partition is ours, to be committed with; Fenced when it is not."""
        return self._loop.membership(self._partition, self._slot)

    def close(self) -> None:
        """Read no more. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._loop.shut(self._partition, self._slot)
            self._handed, self._held, self._block = [], [], None
            self._messages.clear()

    def _json_batch(self, values: JsonValues, limit: int) -> Batch | None:
        records = self._held or self._loop.take(self._partition, self._slot, limit)
        if not records:
            return None if self._slot.ended else self._nothing()
        records, self._held = records[:limit], records[limit:]
        texts = [r.value for r in records]
        at = np.array([r.offset for r in records], np.int64)
        dead: list[BadRecord] = []
        nulls = self._nulls
        if None in texts:
            texts, at, dead = self._without_tombstones(values, texts, at)
        skipped = values.skipped
        try:
            rows, position, bad = values.decode(texts, at)
        except RegistryDown:  # nothing has happened yet: the same again next time
            values.skipped, self._nulls = skipped, nulls
            self._held = [*records, *self._held]
            return self._nothing()
        self._handed = records
        if self._fields.wanted:
            rows = self._fields.add(rows, records, np.searchsorted([r.offset for r in records], position))
        if dead:
            bad = sorted([*bad, *dead], key=lambda b: b.position)
        self._position = records[-1].offset + 1
        table = values.table
        return Batch(rows, position, self.resume, bad, values.left_out(), table.take_odd(), table.columns)

    def _without_tombstones(
        self, values: JsonValues, texts: list[Any], at: np.ndarray
    ) -> tuple[list[bytes], np.ndarray, list[BadRecord]]:
        if self._tombstones == "row":
            return [values.empty if text is None else text for text in texts], at, []
        null = np.array([text is None for text in texts])
        dead = [_tombstone(int(i)) for i in at[null]] if self._tombstones == "bad" else []
        if self._tombstones == "skip":
            self._nulls += int(null.sum())
        return [text for text in texts if text is not None], at[~null], dead

    def _arrow_batch(self, values: ArrowValues, limit: int) -> Batch | None:
        rows: list[pa.RecordBatch] = []
        positions: list[np.ndarray] = []
        bad: list[BadRecord] = []
        handed: list[Any] = []
        left_out: Counter[str] = Counter()
        odd: Counter[tuple[str, str]] = Counter()
        left = limit
        while left and (found := self._next_block(values)):
            block, record = found
            start, end = (
                max(self._position, block.first),
                min(block.end, max(self._position, block.first) + left),
            )
            i, j = np.searchsorted(block.position, [start, end])
            part = block.rows.slice(i, j - i)
            if j > i:
                if self._fields.wanted:
                    part = self._fields.add(part, [record], np.zeros(j - i, np.intp))
                if rows and rows[0].schema != part.schema:
                    break
                rows.append(part)
                positions.append(block.position[i:j])
            bad += [b for b in block.bad if start <= b.position < end]
            left -= max(0, end - start)
            handed.append(record)
            left_out += block.left_out
            odd += block.odd
            block.left_out, block.odd = Counter(), Counter()
            self._position = end
            if end >= block.end:
                self._block = None
                self._position = (record.offset + 1) << ROW_BITS
        if not handed:
            return None if self._slot.ended and self._block is None else self._nothing()
        self._handed = handed
        whole = pa.concat_batches(rows) if len(rows) > 1 else rows[0] if rows else record_batch({}, 0)
        position = np.concatenate([np.zeros(0, np.int64), *positions])
        return Batch(whole, position, self.resume, bad, left_out, odd, values.table.columns)

    def _next_block(self, values: ArrowValues) -> tuple[Block, Any] | None:
        """The block the place is in, or the next one there is now."""
        while self._block is None:
            if not self._messages:
                self._messages += self._loop.take(self._partition, self._slot, _AHEAD)
            if not self._messages:
                return None
            record = self._messages.popleft()
            first = record.offset << ROW_BITS
            if record.value is not None:
                self._block = values.decode(record.value, record.offset), record
            elif self._tombstones == "skip":
                self._nulls += 1
            else:
                empty = record_batch({}, 0)
                self._block = (
                    Block(empty, np.zeros(0, np.int64), [_tombstone(first)], first, first + 1),
                    record,
                )
        return self._block

    def _nothing(self) -> Batch:
        return Batch(record_batch({}, 0), np.zeros(0, np.int64), self.resume)


def _split(position: int, arrow: bool) -> Offset:
    return Offset(position >> ROW_BITS, position & ((1 << ROW_BITS) - 1)) if arrow else Offset(position)


def _tombstone(position: int) -> BadRecord:
    return BadRecord(position, "a tombstone: the message has no value", "decode", b"")
