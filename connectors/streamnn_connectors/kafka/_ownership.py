"""Which partitions are ours, since when, and which are being given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from ._client import client
from .contract import Change
from .errors import Fenced


class Ownership:
    """The partitions of a topic that this process may read and commit. Safe to use from several threads.

    Every assignment of a partition has an epoch of its own: work begun under an earlier one is not ours any
    more, even when the partition has come back.

    Parameters
    ----------
    topic : str
    lock : Condition
        Shared with those who wait for changes.
    revoke_timeout_s : float
        How long a revoked partition stays ours.
    forget : callable
        Told, under the lock, of partitions that are ours no more; says whether anybody read them.
    """

    def __init__(
        self, topic: str, lock: threading.Condition, revoke_timeout_s: float, forget: Callable[[int], None]
    ):
        self._topic = topic
        self._lock = lock
        self._timeout_s = revoke_timeout_s
        self._forget = forget
        self._epoch: dict[int, int] = {}
        self._last = 0
        self._revoking: dict[int, float] = {}
        self._changes: list[Change] = []

    @property
    def changed(self) -> bool:
        """Whether there are changes nobody was told of."""
        return bool(self._changes)

    def changes(self) -> list[Change]:
        """What came and went since the last call."""
        with self._lock:
            found, self._changes = self._changes, []
        return found

    def partitions(self) -> list[int]:
        """Ours, and not being given up."""
        with self._lock:
            return sorted(set(self._epoch) - set(self._revoking))

    def epoch(self, partition: int) -> int | None:
        """The current assignment of a partition; None when it is not ours."""
        with self._lock:
            return self._epoch.get(partition)

    def own(self, partitions: Iterable[int], tell: bool = True) -> None:
        """They are ours from now on."""
        partitions = sorted(partitions)
        with self._lock:
            for partition in partitions:
                self._last += 1
                self._epoch[partition] = self._last
            if tell:
                self._tell("assigned", partitions)

    def revoke(self, partitions: Iterable[int], in_use: Callable[[int], bool]) -> None:
        """They are to be given up; those nobody reads are given up at once."""
        partitions = sorted(partitions)
        deadline_s = time.monotonic() + self._timeout_s
        with self._lock:
            for partition in partitions:
                if in_use(partition):
                    self._revoking[partition] = deadline_s
                else:
                    self._epoch.pop(partition, None)
            self._tell("revoked", partitions, deadline_s)

    def lose(self, partitions: Iterable[int]) -> None:
        """They are somebody else's, perhaps for some time already."""
        partitions = sorted(partitions)
        with self._lock:
            for partition in partitions:
                self._epoch.pop(partition, None)
                self._revoking.pop(partition, None)
                self._forget(partition)
            self._tell("lost", partitions)

    def release(self, partitions: Iterable[int]) -> None:
        """Revoked partitions are done with."""
        with self._lock:
            for partition in partitions:
                if self._revoking.pop(partition, None) is not None:
                    self._epoch.pop(partition, None)
            self._lock.notify_all()

    def drop(self, partition: int | None = None) -> None:
        """One (or all of them) is ours no more, and nobody needs to be told."""
        with self._lock:
            for p in [partition] if partition is not None else list(self._epoch):
                self._epoch.pop(p, None)
                self._revoking.pop(p, None)
            self._lock.notify_all()

    def held(self, wait_s: float) -> bool:
        """Whether a revoked partition is still in use; waits a little, and loses those whose time is up."""
        with self._lock:
            now = time.monotonic()
            late = [p for p, deadline_s in self._revoking.items() if deadline_s <= now]
            if late:
                self.lose(late)
            if self._revoking:
                self._lock.wait(wait_s)
            return bool(self._revoking)

    def require(self, partition: int, epoch: int, proof: Any, managed: bool) -> None:
        """Fenced unless the partition is ours since `epoch` and `proof`, taken before, fits a group."""
        # a proof without generation would be taken by the broker without a look
        empty = managed and (proof.generation_id <= 0 or not proof.member_id)
        if empty or self.epoch(partition) != epoch:
            raise Fenced(
                f"{self._topic}: partition {partition} is no longer this member's: it was away too long, or "
                "did not give it up in time. Drop its state; it comes back by assignment."
            )

    def _tell(self, kind: Any, partitions: list[int], deadline_s: float = float("inf")) -> None:
        if partitions:
            self._changes.append(Change(kind, tuple(map(str, partitions)), deadline_s))
            self._lock.notify_all()


def listener(
    assigned: Callable[[list[int]], None], ownership: Ownership, in_use: Callable[[int], bool]
) -> Any:
    """A rebalance listener of kafka-python; it is called on the consumer's own thread, during a poll."""
    base: Any = client().ConsumerRebalanceListener

    class Listener(base):
        def on_partitions_assigned(self, partitions: Any) -> None:
            new = [tp.partition for tp in partitions]
            assigned(new)
            ownership.own(new)

        def on_partitions_revoked(self, partitions: Any) -> None:
            ownership.revoke([tp.partition for tp in partitions], in_use)

        def on_partitions_lost(self, partitions: Any) -> None:
            ownership.lose([tp.partition for tp in partitions])

    return Listener()
