"""One input of a job, cut wherever it is needed."""

from __future__ import annotations

import numpy as np

from streamnn_connectors.base import Batch, Resume
from streamnn_connectors.kafka import KafkaPartition, Message, Offset


class Stream:
    """A partition with one batch read ahead, handed out in pieces of any size.

    Parameters
    ----------
    partition : KafkaPartition
    limit : int
        Most records read ahead.
    """

    def __init__(self, partition: KafkaPartition, limit: int):
        self.partition = partition
        self.limit = limit
        self.ended = False
        self._floor = 0
        self._batch: Batch | None = None
        self._every = np.zeros(0, np.int64)
        self._at = 0
        self.passed = 0
        """Position after the last record taken."""

    def __len__(self) -> int:
        return len(self._every) - self._at

    def fill(self) -> int:
        """Read when there is nothing left; how many records there are now."""
        if len(self) == 0 and not self.ended:
            batch = self.partition.next_batch(self.limit)
            if batch is None:
                self.ended = True
            elif len(batch.position) or batch.bad:
                self._batch, self._at = batch, 0
                self._every = batch.position
                if batch.bad:
                    bad = np.array([b.position for b in batch.bad], np.int64)
                    self._every = np.sort(np.concatenate([batch.position, bad]))
        return len(self)

    def take(self, count: int) -> Batch:
        """The next `count` of the records that there are; none gives an empty batch."""
        assert self._batch is not None
        start, self._at = self._at, self._at + count
        whole = self._batch
        if count:
            self.passed = int(self._every[self._at - 1]) + 1
        if start == 0 and count == len(self._every):
            return whole
        if count == 0:
            return Batch(whole.rows.slice(0, 0), whole.position[:0], {})
        first, last = self._every[start], self._every[self._at - 1]
        i, j = np.searchsorted(whole.position, [first, last + 1])
        bad = [b for b in whole.bad if first <= b.position <= last]
        return Batch(whole.rows.slice(i, j - i), whole.position[i:j], {}, bad)

    def before(self, position: int) -> int:
        """How many of the records that there are lie before a position."""
        return int(np.searchsorted(self._every, position)) - self._at

    def times(self) -> np.ndarray:
        """Times of the records that there are, in milliseconds."""
        return self.partition.times(self._every[self._at :])

    @property
    def next(self) -> int:
        """Position of the next record, or one before it that is of no record."""
        if len(self):
            return max(self._floor, int(self._every[self._at]))
        return max(self._floor, int(self.partition.resume["position"]))

    def skip_to(self, position: int) -> None:
        """There is no record before `position` any more."""
        self._floor = position

    @property
    def resume(self) -> Resume:
        """Token of the place of the next record."""
        return {**self.partition.resume, "position": self.next}

    @property
    def offset(self) -> Offset:
        """What is committed for the place of the next record."""
        return self.partition.offset({"position": self.next})

    def original(self, position: int) -> Message | None:
        """The message of a record taken last."""
        return self.partition.original(position)

    def lag(self) -> int:
        """Records that are there, and not taken."""
        return len(self) + self.partition.lag()
