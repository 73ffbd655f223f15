"""Members that do not read each other, run side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

WORTH = 128
"""Operations from which handing work to other threads pays (`benchmarks/scaling.py`)."""


class WorkerThreads:
    """Runs tasks, on other threads too if there are any. Each task writes to places of its own, so the bits are those
    of one thread.

    Parameters
    ----------
    threads : int
        This one included.

    Examples
    --------
    >>> found = []
    >>> WorkerThreads(1).run([lambda: found.append(1), lambda: found.append(2)], 1000)
    >>> found
    [1, 2]
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0  # that has its threads: a fork takes none along

    def run(self, tasks: Sequence[Callable[[], None]], size: int) -> None:
        """Run them all; `size` operations are little work for a thread when there are few."""
        if self.threads == 1 or size < WORTH:
            for task in tasks:
                task()
            return
        if self._pool is None or self._process != os.getpid():
            self._pool = ThreadPoolExecutor(self.threads - 1, "streamnn-member")
            self._process = os.getpid()
        left = iter(tasks)  # a shared list to take from: one `next` at a time, under the interpreter's lock

        def work() -> None:
            for task in left:
                task()

        others = [self._pool.submit(work) for _ in range(min(self.threads, len(tasks)) - 1)]
        try:
            work()
        finally:
            for other in others:
                other.result()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}  # threads are no state
