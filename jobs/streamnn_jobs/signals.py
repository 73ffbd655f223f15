"""Ctrl-C and SIGTERM as a wish to stop."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def stopping(stop: Callable[[], None], what: str = "finishing the batch") -> Iterator[list[int]]:
    """The first signal calls `stop` and is noted in the list; a second one ends the program at once."""
    caught: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def handle(number: int, frame: Any) -> None:
        caught.append(number)
        stop()
        signal.signal(number, before[signal.Signals(number)])
        print(f"{what}; once more to stop at once", file=sys.stderr)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, handle)
    try:
        yield caught
    finally:
        for caught_by, old in before.items():
            signal.signal(caught_by, old)
