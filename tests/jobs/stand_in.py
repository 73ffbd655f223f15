"""An object store in memory that fails on demand, and a clock turned by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable

from streamnn_jobs.stores.bucket import Conflict, StoreError, Tag


class MemoryBucket:
    """What several jobs see of one prefix; each operation is one moment."""

    def __init__(self, where: str = "s3://bucket/job") -> None:
        self.where = where
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.asked: list[str] = []
        self.dead = False
        self.refused = 0
        self.heeds_conditions = True
        self.before: Callable[[str, str], None] = lambda what, name: None
        """Called before an operation comes to pass: may raise, or have others act."""
        self.after: Callable[[str, str], None] = lambda what, name: None
        """Called when it has come to pass, before the reply."""
        self._count = 0
        self._lock = threading.RLock()

    def _ask(self, what: str, name: str = "") -> None:
        self.asked.append(f"{what} {name}".strip())
        self.before(what, name)
        if self.dead:
            self.refused += 1
            raise StoreError(f"{self.where}/{name}: can't be asked: no connection")

    def get(self, name: str) -> tuple[bytes, Tag]:
        self._ask("get", name)
        if name not in self.objects:
            raise FileNotFoundError(2, "no such object", name)
        data, number = self.objects[name]
        return data, {"e_tag": str(number)}

    def put(self, name: str, data: bytes, match: Tag | None) -> Tag:
        self._ask("put", name)
        with self._lock:
            now = self.objects.get(name)
            fits = now is None if match is None else now is not None and match == {"e_tag": str(now[1])}
            if self.heeds_conditions and not fits:
                raise Conflict(name)
            self._count += 1
            self.objects[name] = (data, self._count)
            tag = {"e_tag": str(self._count)}
        self.after("put", name)
        return tag

    def delete(self, name: str) -> None:
        self._ask("delete", name)
        self.objects.pop(name, None)

    def sizes(self) -> dict[str, int]:
        self._ask("list")
        return {name: len(data) for name, (data, _) in self.objects.items()}

    def folders(self) -> list[str]:
        return []


class Clock:
    """Time goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()
