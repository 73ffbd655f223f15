"""Printing to a reader that may stop reading, such as ``head``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console


class Printed(Console):
    """A console that leaves a closed pipe to :func:`quiet_pipe`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextlib.contextmanager
def quiet_pipe() -> Iterator[None]:
    """What is printed inside goes out; when the reader has seen enough, the program ends with code 0."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still buffered must go nowhere, or the interpreter complains at its end
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
