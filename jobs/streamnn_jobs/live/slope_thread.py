"""Slope certificates, computed beside the job."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

CERTIFICATE_SHARE = 0.008
"""Most of a CPU that certificates take: those of large pools are made less often."""


class SlopeThread:
    """One computation at a time, in a thread of low priority, at a bounded share of the time.

    Examples
    --------
    >>> slopes = SlopeThread()
    >>> slopes.free(0.0)
    True
    >>> found = []
    >>> slopes.work(0.0, lambda: [1], found.extend)
    >>> slopes.join(); found
    [1]
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._began_s = float("-inf")
        self._spent_s = 0.0

    def free(self, now_s: float) -> bool:
        """Whether another may be taken on."""
        busy = self._thread is not None and self._thread.is_alive()
        return not busy and now_s - self._began_s >= self._spent_s / CERTIFICATE_SHARE

    def work(self, now_s: float, make: Callable[[], Any], take: Callable[[Any], None]) -> None:
        """Hand what `make` gives to `take`, from another thread."""

        def run() -> None:
            with contextlib.suppress(
                AttributeError, OSError
            ):  # of this thread alone, where there is such a thing
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
            begun_s = time.thread_time()
            take(make())
            self._spent_s = time.thread_time() - begun_s

        self._began_s = now_s
        self._thread = threading.Thread(target=run, name="streamnn-slopes", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.join()
