"""Ctrl-C, SIGTERM and SIGHUP as a wish to stop, with a deadline where there is one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


def _tell(number: int, text: str) -> None:
    print(text, file=sys.stderr)


@contextlib.contextmanager
def stopping(
    stop: Callable[[], None],
    what: str = "finishing the batch",
    *,
    tell: Callable[[int, str], None] = _tell,
    timeout_s: float | None = None,
    too_late: Callable[[], None] = lambda: None,
) -> Iterator[list[int]]:
    """The first signal calls `stop` and is noted in the list; a second one ends the program at once.

    SIGHUP is a signal like the others, for nothing is read again while a program runs: what a job learns
    must not depend on when. Where it is ignored, as under nohup, it stays ignored.

    Parameters
    ----------
    stop : callable
    what : str
        What is being done, for the person that waits.
    tell : callable
        Takes the number of the signal and the words.
    timeout_s : float, optional
        What has not ended by then is ended hard, with the exit code of the signal.
    too_late : callable
        Called just before that.
    """
    caught: list[int] = []
    before: dict[signal.Signals, Any] = {}
    over = threading.Event()

    def watch(number: int) -> None:
        if not over.wait(timeout_s):
            too_late()
            os._exit(128 + number)

    def handle(number: int, frame: Any) -> None:
        caught.append(number)
        stop()
        signal.signal(number, before[signal.Signals(number)])
        tell(number, f"{what}; once more to stop at once")
        if timeout_s is not None and len(caught) == 1:
            threading.Thread(target=watch, args=(number,), name="streamnn-stop", daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield caught
    finally:
        over.set()
        for caught_by, old in before.items():
            signal.signal(caught_by, old)
