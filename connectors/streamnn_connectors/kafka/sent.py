"""Where a message went."""

from __future__ import annotations

from typing import Any


class Sent:
    """The last message of a call that sent some."""

    def __init__(self, future: Any):
        self._future = future

    @property
    def offset(self) -> int | None:
        """Its offset; None while the broker has not said, or where nothing was sent."""
        done = self._future is not None and self._future.succeeded()
        return int(self._future.value.offset) if done else None
