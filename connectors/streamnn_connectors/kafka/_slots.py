"""Records read ahead of their use, one bounded buffer a partition."""

from __future__ import annotations

from collections import deque
from typing import Any

from streamnn.errors import SourceError


class Slot:
    """What has been read of a partition and not been taken yet. Guarded by the lock of its loop.

    Parameters
    ----------
    position : int
        Offset of the first message wanted.
    end : int, optional
        Offset before which reading ends; None for a stream without end.
    epoch : int
        Which assignment of the partition this is.
    backlog : int
        Offset before which messages were there already.
    """

    def __init__(self, position: int, end: int | None, epoch: int, backlog: int):
        self.position = position
        self.end = end
        self.epoch = epoch
        self.backlog = backlog
        self.reached = position
        self.paused = False
        self.revoking = False
        self.failure: SourceError | None = None
        self.ended = end is not None and position >= end
        self.highwater = position
        self.count = self.bytes = 0
        self._chunks: deque[list[Any]] = deque()

    def add(self, records: list[Any]) -> None:
        """Records that the consumer gave, in order."""
        if self.end is not None and records[-1].offset >= self.end - 1:
            records = [r for r in records if r.offset < self.end]
            self.ended = True
        if records:
            self._chunks.append(records)
            self.count += len(records)
            self.bytes += sum([r.serialized_value_size for r in records])

    def take(self, limit: int) -> list[Any]:
        """At most `limit` records; none while the partition is being given up."""
        if self.revoking or not self._chunks:
            return []
        out: list[Any] = []
        while self._chunks and len(out) < limit:
            chunk = self._chunks[0]
            room = limit - len(out)
            if len(chunk) <= room:
                out += chunk
                self._chunks.popleft()
            else:
                out += chunk[:room]
                self._chunks[0] = chunk[room:]
        self.count -= len(out)
        self.bytes -= sum([r.serialized_value_size for r in out])
        self.position = out[-1].offset + 1
        return out

    @property
    def behind(self) -> bool:
        """Whether some of what was there at the start was not read yet."""
        return not self.ended and (bool(self._chunks) or self.reached < self.backlog)

    @property
    def ready(self) -> bool:
        """Whether `take` would give something, a failure or the end."""
        return bool(self._chunks) or self.failure is not None or self.ended
