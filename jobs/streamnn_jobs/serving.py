"""The HTTP side of a job, where it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from .control import Control
from .live.watch import Watch


@contextlib.contextmanager
def serving(
    address: str | None, watch: Watch | None, control: Control, title: str, say: Callable[[str], None]
) -> Iterator[None]:
    """Metrics, status and the live page, while inside."""
    if address is None or watch is None:
        yield
        return
    from .http import JobServer

    with JobServer(address, watch, control, title) as server:
        say(f"live page {server.url}")
        yield
