"""The right to write to an object store: one owner at a time, by replacing one object under a condition."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence

from streamnn.errors import StateError

from .bucket import Bucket, Conflict, StoreError, Tag
from .ledger import OWNER_FILE, Ledger


class LeaseLost(StateError):
    """Another job has taken the checkpoints over: nothing more may be written."""


class Lease:
    """Holds the owner object.

    An owner is gone when an observer has seen the object unchanged for its lease time, by the observer's own
    clock, which only goes up: clocks of two machines are never compared. The owner changes it three times in that
    time from a thread. Whatever the clocks do, no two jobs can write one state: each checkpoint counts only by
    a replacement of the object under the condition that it is still what this owner has left there.

    Parameters
    ----------
    bucket : Bucket
    lease_s : float
    say : callable
        Told, in words, what a person should know.
    clock, sleep : callable
        Seconds that only go up, and waiting for some.
    """

    def __init__(
        self,
        bucket: Bucket,
        lease_s: float,
        say: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._bucket = bucket
        self._lease_s = lease_s
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._me = f"{socket.gethostname()} process {os.getpid()} {secrets.token_hex(8)}"
        self._where = f"{bucket.where}/{OWNER_FILE}"
        self._lock = threading.Lock()
        self._held: tuple[Ledger, Tag] | None = None
        self._lost: LeaseLost | None = None
        self._trouble: StateError | None = None
        self._seen_s = 0.0
        self._beating = self._at_once = False
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def ledger(self) -> Ledger:
        """What this owner has left there.

        Raises
        ------
        StateError
            When it owns nothing.
        """
        self.check()
        return self._mine()[0]

    def look(self) -> tuple[Ledger, Tag] | None:
        """The owner object as it is now; None where there is none."""
        try:
            data, tag = self._bucket.get(OWNER_FILE)
        except FileNotFoundError:
            return None
        return Ledger.from_bytes(data, self._where), tag

    def take(
        self,
        first: Callable[[], Ledger],
        *,
        at_once: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Become the owner.

        Parameters
        ----------
        first : callable
            What the object holds where there is none yet.
        at_once : bool
            Do not wait until an owner is gone: it is fenced by other means. The next one does not wait either.
        stopping : callable
            Asked while it waits, whether to give up.

        Raises
        ------
        StateError
            When another job is the owner and lives, or the store does not do as it is told.
        """
        self._lost, self._trouble = None, None
        self._at_once = at_once
        for _ in range(10 if at_once else 1):
            found = self.look()
            if found is not None and found[0].owner is not None and not at_once:
                found = self._outwait(*found, stopping)
            before = first() if found is None else found[0]
            mine = before.next(owner=self._me, epoch=before.epoch + 1, lease_s=self._lease_s)
            asked_s = self._clock()
            try:
                tag = self._replace(mine, None if found is None else found[1])
            except Conflict:
                continue
            self._held, self._seen_s = (mine, tag), asked_s
            self._prove()
            return
        raise self._busy(self.look())

    def beat(self) -> None:
        """Go on being seen to live, from a thread, until :meth:`release`."""
        self._beating = True
        self._over.clear()
        self._thread = threading.Thread(target=self._beats, name="lease", daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """Be seen to live.

        Raises
        ------
        LeaseLost
        StoreError
            When the store does not answer; the lease may hold.
        """
        self._change(lambda ledger: ledger.next())

    def commit(self, checkpoints: Sequence[str]) -> None:
        """These checkpoints count from now on, and no others; raises as :meth:`renew` does."""
        self._change(lambda ledger: ledger.next(checkpoints=tuple(checkpoints)))

    def release(self) -> None:
        """Let the next owner in at once. Where the store does not answer, it has to wait instead."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._beating = False
        try:
            if self._held is not None and not (self._lost or self._trouble or self._at_once):
                self._change(lambda ledger: ledger.next(owner=None))
        except LeaseLost:
            return
        except StateError as e:
            self._say(f"{e}; whoever comes next waits {self._lease_s:g} s")
        finally:
            self._held = None

    def drop(self) -> None:
        """The store does not answer: do not ask it again at :meth:`release`."""
        self._trouble = self._trouble or StoreError(f"{self._where}: not asked")

    def check(self) -> None:
        """Costs nothing.

        Raises
        ------
        LeaseLost
            When another job is the owner.
        StoreError
            When the store has not answered for so long that another job may be.
        """
        if self._lost is not None:
            raise self._lost
        if self._beating and self._trouble is not None and self._clock() - self._seen_s > self._lease_s:
            raise StoreError(
                f"{self._trouble}. That lasts for more than the lease of {self._lease_s:g} s, and another "
                "job may take over by now: this one ends. Once the store answers, start it again"
            )

    def _beats(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            try:
                self.renew()
            except StoreError:
                continue  # check says so when it lasts
            except StateError:
                return

    def _change(self, change: Callable[[Ledger], Ledger]) -> None:
        with self._lock:
            if self._lost is not None:
                raise self._lost
            for _ in range(3):
                ledger, tag = self._mine()
                after, asked_s = change(ledger), self._clock()
                try:
                    self._held = after, self._replace(after, tag)
                    self._seen_s, self._trouble = asked_s, None
                    return
                except StoreError as e:
                    self._trouble = e
                    raise
                except Conflict:
                    found = self.look()
                    # a change of ours whose reply was lost may have come through after all
                    if found is None or found[0].owner != self._me or found[0].epoch != ledger.epoch:
                        break
                    self._held = found
            found = self.look()
            who = "was removed" if found is None else f"is {found[0].owner or 'nobody'}'s by now"
            self._lost = LeaseLost(
                f"{self._where}: {who}: this job stood still for longer than its lease of {self._lease_s:g} "
                "s, or was started twice. It writes nothing more; the other one goes on"
            )
            raise self._lost

    def _mine(self) -> tuple[Ledger, Tag]:
        if self._held is None:
            raise StateError(
                f"{self._where}: checkpoints are written by their owner only, and this job is not"
            )
        return self._held

    def _replace(self, ledger: Ledger, tag: Tag | None) -> Tag:
        data = ledger.to_bytes()
        try:
            return self._bucket.put(OWNER_FILE, data, tag)
        except Conflict:
            try:
                found, now = self._bucket.get(OWNER_FILE)
            except FileNotFoundError:
                found, now = b"", {}
            if found != data:  # else it was put by an earlier try
                raise
            return now

    def _outwait(self, ledger: Ledger, tag: Tag, stopping: Callable[[], bool]) -> tuple[Ledger, Tag] | None:
        """Until the owner has released it or is seen to be gone."""
        begun_s = self._clock()
        self._say(
            f"{self._where}: {ledger.owner} is the owner; if it gives no sign of life for {ledger.lease_s:g} "
            "s, this job takes over"
        )
        while self._clock() - begun_s < ledger.lease_s:
            if stopping():
                raise StateError(
                    f"{self._where}: told to stop while waiting for {ledger.owner}; nothing was done"
                )
            self._sleep(min(1.0, ledger.lease_s / 10))
            found = self.look()
            if found is None or found[0].owner is None:
                return found
            if found[1] != tag:
                raise self._busy(found)
        return ledger, tag

    def _busy(self, found: tuple[Ledger, Tag] | None) -> StateError:
        who = "somebody" if found is None or found[0].owner is None else found[0].owner
        return StateError(
            f"{self._bucket.where}: another job is writing its checkpoints here ({who}). Stop it, or name "
            "another place for checkpoints"
        )

    def _prove(self) -> None:
        """A store that puts whatever the condition would let two jobs write one state."""
        old = self._mine()[1]
        self.renew()
        again = self._mine()[0].next().to_bytes()
        for match in (None, old):
            try:
                self._bucket.put(OWNER_FILE, again, match)
            except Conflict:
                continue
            raise StateError(
                f"{self._bucket.where}: this store ignores the condition of a put (If-None-Match, If-Match), "
                "so nothing would keep two jobs from writing one state. Take one that heeds it, or a local "
                "folder"
            )
