"""The log of a command: as the spec says, without the spec's and the environment's secrets."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator

from streamnn.errors import StreamnnError

from ..process.exits import LOGGED, exit_code
from ..redaction import Redactor
from ..run.control import Control
from ..spec.job import JobSpec
from .log import Log


def make_log(spec: JobSpec, say: Callable[[str], None]) -> Log:
    """A log as ``[log]`` says; `say` writes words for a person."""
    hide = Redactor([os.environ, spec.model_dump()])
    return Log(spec.log.format, spec.log.level, hide=hide, say=say)


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


@contextlib.contextmanager
def logging_all(log: Log) -> Iterator[None]:
    """Libraries and failures go to the log inside."""
    with bridged(log):
        try:
            yield
        except Exception as e:
            if not log.plain:
                kind = type(e).__name__
                words = str(e) if isinstance(e, StreamnnError) else f"{kind}: {e}"
                log.event("failed", words, error=kind, exit_code=exit_code(e))
                setattr(e, LOGGED, True)
            raise


class Stopping:
    """What a signal does to a job, told to the log. Goes into :func:`streamnn_jobs.process.signals.stopping`.

    Parameters
    ----------
    log : Log
    control : Control
    spec : JobSpec
    say : callable
        Writes words for a person at once.
    """

    def __init__(self, log: Log, control: Control, spec: JobSpec, say: Callable[[str], None]):
        self._log, self._control, self._say = log, control, say
        self.timeout_s = spec.run.stop_timeout_s

    def stop(self) -> None:
        """Ask the job to stop within the deadline."""
        self._control.stop(self.timeout_s)

    def tell(self, number: int, words: str) -> None:
        """Say that a signal came."""
        if self._log.plain:
            self._say(words)
        self._log.event("stopping", words, signal=number, timeout_s=self.timeout_s)

    def too_late(self) -> None:
        """Say that the deadline has passed."""
        words = (
            f"not done within run.stop_timeout_s, {self.timeout_s:g} s: ended hard; the last checkpoint holds"
        )
        if self._log.plain:
            self._say(words)
        self._log.event("stop_timeout", words)
