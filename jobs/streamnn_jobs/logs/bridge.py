"""What libraries log, through the job's log."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from .log import Log


class _Bridge(logging.Handler):
    def __init__(self, log: Log):
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._log.event("library", record.getMessage(), level=level, library=record.name)


@contextlib.contextmanager
def bridged(log: Log) -> Iterator[None]:
    """Warnings and errors of libraries go to `log` inside; in plain words they stay where they were."""
    if log.plain:
        yield
        return
    bridge, root = _Bridge(log), logging.getLogger()
    root.addHandler(bridge)
    try:
        yield
    finally:
        root.removeHandler(bridge)
