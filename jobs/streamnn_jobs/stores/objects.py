"""Checkpoints below a prefix of an object store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from streamnn.errors import StateError

from .bucket import Bucket, Conflict, StoreError
from .lease import Lease
from .ledger import Ledger
from .store import UNUSABLE, Saved

_OBJECT_NAME = re.compile(r"checkpoint-(\d{12,})(?:\.(\d+)-(\d+))?\.safetensors")


class ObjectStore:
    """A :class:`Store` whose checkpoints are objects, each put once and never replaced.

    The owner object says which of them count. What a former owner puts after it has lost the lease is not named
    there, by nobody: it counts for nothing, and the owner sweeps it away. Names carry the owner's epoch, so that no
    two owners ever mean the same name.

    Parameters
    ----------
    bucket : Bucket
    say : callable
        Told, in words, what a person should know.
    lease_s : float
    lease : Lease, optional
        With clocks of one's own.
    """

    def __init__(
        self,
        bucket: Bucket,
        say: Callable[[str], None] = lambda text: None,
        lease_s: float = 30.0,
        lease: Lease | None = None,
    ):
        self.where = bucket.where
        self._bucket = bucket
        self._say = say
        self._lease = lease or Lease(bucket, lease_s, say)
        self._owned = False
        self._writes = 0
        self._swept = False
        self._aside: set[str] = set()

    def saved(self) -> list[Saved]:
        found = self._lease.look()
        there = self._bucket.sizes()
        return self._saved(there if found is None else found[0].checkpoints, there)

    def read(self, name: str) -> bytes:
        return self._bucket.get(name)[0]

    def write(self, position: int, data: bytes, keep: int) -> Saved:
        before = self._lease.ledger
        self._writes += 1
        name = f"checkpoint-{position:012d}.{before.epoch}-{self._writes}.safetensors"
        path = f"{self.where}/{name}"
        self._put(name, path, data)
        saved = self._saved({*before.checkpoints, name} - self._aside)
        old = [s.name for s in saved if s.position <= position][keep:]
        kept = [s.name for s in saved if s.name not in old]
        self._lease.commit(kept)
        try:
            gone = set(before.checkpoints) if self._swept else self._former(before.epoch)
            self._swept = True
            for each in gone.difference(kept):
                self._bucket.delete(each)
            self._aside.clear()
        except StoreError as e:
            self._say(f"{e}; checkpoints that count no more stay until the next one is written")
        return Saved(position, name, path, len(data))

    def set_aside(self, name: str) -> str | None:
        self._aside.add(name)
        try:
            data = self._bucket.get(name)[0]
        except FileNotFoundError:
            return None
        with suppress(Conflict):  # an earlier owner was killed right here
            self._bucket.put(name + UNUSABLE, data, None)
        return name + UNUSABLE

    def folders(self) -> list[str]:
        return self._bucket.folders()

    @contextmanager
    def own(self, stopping: Callable[[], bool] = lambda: False) -> Iterator[None]:
        self._take(at_once=False, stopping=stopping)
        self._lease.beat()
        try:
            yield
        except StoreError:
            self._lease.drop()
            raise
        finally:
            self.release()

    def take_over(self) -> None:
        self._take(at_once=True)

    def release(self) -> None:
        if self._owned:
            self._owned = False
            self._lease.release()

    def check(self) -> None:
        self._lease.check()

    def _take(self, at_once: bool, stopping: Callable[[], bool] = lambda: False) -> None:
        self._lease.take(self._first, at_once=at_once, stopping=stopping)
        self._owned, self._swept = True, False

    def _put(self, name: str, path: str, data: bytes) -> None:
        try:
            self._bucket.put(name, data, None)
        except Conflict as e:
            try:
                same = self._bucket.get(name)[0] == data
            except FileNotFoundError:
                same = False
            if not same:  # else an earlier try came through, and only its reply was lost
                raise StateError(
                    f"{path}: is there already, and is another: who writes here beside the owner?"
                ) from e

    def _saved(self, names: Iterable[str], sizes: dict[str, int] | None = None) -> list[Saved]:
        """The newest first; among those of one position, the last one written."""
        found = [(int(m[1]), *_writer(m), m[0]) for name in names if (m := _OBJECT_NAME.fullmatch(name))]
        return [
            Saved(position, name, f"{self.where}/{name}", (sizes or {}).get(name, 0))
            for position, _, _, name in sorted(found, reverse=True)
        ]

    def _first(self) -> Ledger:
        """Where nobody has been the owner, what is there counts: it may have been copied from elsewhere."""
        names = [saved.name for saved in self._saved(self._bucket.sizes())]
        epochs = [_writer(m)[0] for name in names if (m := _OBJECT_NAME.fullmatch(name))]
        return Ledger(None, max(epochs, default=0), 0, 0.0, tuple(names))

    def _former(self, epoch: int) -> set[str]:
        """What is there of this owner and those before it; never of a later one, who may have come since."""
        there = self._bucket.sizes()
        return {name for name in there if (m := _OBJECT_NAME.fullmatch(name)) and _writer(m)[0] <= epoch}


def _writer(found: re.Match[str]) -> tuple[int, int]:
    return int(found[2] or 0), int(found[3] or 0)
