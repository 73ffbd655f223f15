"""What others ask of a running job."""

from __future__ import annotations

import threading
import time


class Control:
    """Stop, pause, go on, save now. Safe to call from other threads; :meth:`stop` from signal handlers too.

    The job looks between batches; what it decides here changes no result.

    Examples
    --------
    >>> control = Control()
    >>> control.pause(); control.paused
    True
    >>> control.resume(); control.paused
    False
    """

    def __init__(self) -> None:
        self.stopping = False
        self.paused = False
        self._deadline_s: float | None = None
        self._asked = 0
        self._done = 0
        self._news = threading.Condition()

    def stop(self, timeout_s: float | None = None) -> None:
        """Finish the batch, save and end; outputs have `timeout_s` from now."""
        if timeout_s is not None and self._deadline_s is None:
            self._deadline_s = time.monotonic() + timeout_s
        self.stopping = True

    def remaining_s(self) -> float | None:
        """Time left to stop in; None where there is no deadline."""
        return None if self._deadline_s is None else max(self._deadline_s - time.monotonic(), 0.001)

    def pause(self) -> None:
        """Read nothing more until :meth:`resume`."""
        self.paused = True

    def resume(self) -> None:
        """Read on."""
        self.paused = False

    def save(self, timeout_s: float) -> bool:
        """Have outputs and state saved between two batches; False when that was not done in time."""
        with self._news:
            self._asked += 1
            mine = self._asked
            return self._news.wait_for(lambda: self._done >= mine, timeout_s)

    @property
    def save_wanted(self) -> int:
        """How many such wishes there have been, 0 when all were met."""
        return self._asked if self._asked > self._done else 0

    def saved(self, wishes: int) -> None:
        """Met the first `wishes` of them."""
        with self._news:
            self._done = max(self._done, wishes)
            self._news.notify_all()
