"""What the contracts of sources and sinks need more for a live, shared log with transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from ..base import Partition, Resume, Source

ROW_BITS = 20
"""Of messages with many rows a position is ``offset << 20 | row``: rows below 2**20, offsets below 2**43."""


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Offset(NamedTuple):
    """Where to go on: the offset of a message, and the row in it (0 but in messages of many rows)."""

    offset: int
    row: int = 0


@dataclass(slots=True, frozen=True)
class Message:
    """A message as the broker has it.

    Parameters
    ----------
    topic, partition, offset
        Where it is; offset -1 where it is not written yet.
    key, value : bytes or None
        A null value is a tombstone.
    headers : tuple of (str, bytes)
        A value may be null.
    timestamp_ms : int
        Milliseconds since 1970.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int = -1

    def header(self, name: str) -> bytes | None:
        """The last header of that name."""
        return next((value for key, value in reversed(self.headers) if key == name), None)


@dataclass(slots=True, frozen=True)
class Change:
    """Partitions that came or went.

    Parameters
    ----------
    kind : str
        ``"assigned"``: open them. ``"revoked"``: still ours until `deadline_s`; commit, save, close, then
        call ``release``. ``"lost"``: no longer ours; drop their state.
    partitions : tuple of str
    deadline_s : float
        On the monotonic clock; infinite but for ``"revoked"``.
    """

    kind: Literal["assigned", "revoked", "lost"]
    partitions: tuple[str, ...]
    deadline_s: float = float("inf")


@runtime_checkable
class LivePartition(Partition, Protocol):
    """A partition of a log that others write to while we read."""

    @property
    def resume(self) -> Resume:
        """Token of the place the next batch begins at, also before the first batch."""

    def wait(self, timeout_s: float) -> bool:
        """Leave the processor alone until there is something to read; False when time is up."""

    def offset(self, resume: Resume) -> Offset:
        """The offset a token stands for: what a transaction commits."""

    def original(self, position: int) -> Message | None:
        """The message of a position in the batch last handed out, with key, headers and bytes."""

    def lag(self) -> int:
        """How many messages there are beyond the place."""

    def membership(self) -> Any:
        """Proof that the partition is ours, to be sent within a transaction; Fenced when it is not."""


@runtime_checkable
class SharedSource(Source, Protocol):
    """A source whose partitions are shared out among the members of a group."""

    def changes(self) -> list[Change]:
        """What came and went since the last call. Never blocks."""

    def release(self, partitions: Sequence[str]) -> None:
        """Revoked partitions are committed, saved and closed: the next owner may have them."""


@runtime_checkable
class TransactionalSink(Protocol):
    """Outputs and input offsets that become visible together or not at all."""

    def begin(self) -> None:
        """Open a transaction. Nothing is sent yet."""

    def send(self, topic: str, values: Sequence[bytes | None], **how: Any) -> None:
        """Add messages to it, in order."""

    def commit(self, offsets: Mapping[Place, Offset] | None = None, membership: Any = None) -> None:
        """Make outputs and offsets visible; Fenced, OutcomeUnknown or TransactionFailed otherwise."""

    def abort(self) -> None:
        """Drop what was sent since `begin`."""

    def close(self) -> None:
        """Give up sockets; an open transaction is dropped. Safe to call twice."""
