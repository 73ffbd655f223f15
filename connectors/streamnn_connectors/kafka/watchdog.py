"""Calls that may wait for ever, waited for no longer than is good."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any


class Watchdog:
    """Runs calls one after another on a thread that is left behind when one does not come back.

    Examples
    --------
    >>> watchdog = Watchdog("example")
    >>> watchdog.start(lambda: 6 * 7)
    >>> watchdog.finish(10)
    (True, 42)
    >>> watchdog.close()
    """

    def __init__(self, name: str):
        self._work: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=f"streamnn-{name}", daemon=True).start()

    def start(self, work: Callable[[], Any]) -> None:
        """Begin a call; every one is finished before the next is begun."""
        self._work.put(work)

    @property
    def done(self) -> bool:
        """Whether `finish` would return at once."""
        return not self._done.empty()

    def finish(self, timeout_s: float) -> tuple[bool, Any] | None:
        """Whether the call went well, and its value or error; None when time is up."""
        try:
            return self._done.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None

    def close(self) -> None:
        """End the thread, at the latest when its call comes back."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                self._done.put((True, work()))
            except BaseException as error:
                self._done.put((False, error))
