"""What surrounds every job that the command line runs: signals, log, and the HTTP side where it is asked for."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol

from ..live.job_monitor import JobMonitor
from ..logs import JobLog, Log, Stopping
from ..process.signals import stopping
from ..run.control import Control
from ..run.observer import Audience
from ..spec.job import JobSpec


class Operable(Protocol):
    """A job that is looked at and told what to do."""

    control: Control
    audience: Audience


@contextlib.contextmanager
def operated(job: Operable, spec: JobSpec, log: Log, title: str) -> Iterator[list[int]]:
    """Signals stop the job, what it does is logged, and it is served, while inside.

    Yields
    ------
    list of int
        Signals that came.
    """
    if not log.plain:
        job.audience.add(JobLog(log, spec, job.control))
    end = Stopping(log, job.control, spec, lambda text: print(text, file=sys.stderr))
    with contextlib.ExitStack() as stack:
        caught = stack.enter_context(
            stopping(end.stop, tell=end.tell, timeout_s=end.timeout_s, too_late=end.too_late)
        )
        if spec.http.address is not None:
            from ..http import JobServer

            monitor = JobMonitor()
            job.audience.add(monitor)
            server = stack.enter_context(JobServer(spec.http.address, monitor, job.control, title))
            log.note(f"live page {server.url}")
        yield caught
