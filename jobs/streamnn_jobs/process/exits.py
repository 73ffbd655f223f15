"""How a program ends: exit codes, and a reader such as ``head`` that stops reading."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console

from streamnn import errors

TOO_MANY_DEAD = 7
"""Exit code of a run of whose records too many could not be used."""
LOGGED = "_streamnn_logged"
"""Marks an error that the log has told already."""
EXIT_CODES = (
    (0, "done"),
    (1, "internal error: a bug, please report it"),
    (2, "wrong usage, job spec or column"),
    (3, "the source can't be read, or none of its records can be used"),
    (4, "the saved state does not fit or can't be written"),
    (5, "an output can't be written"),
    (6, "a running job can't be reached, or refuses"),
    (7, "done, but more records than limits.dead_share were dead letters"),
    (129, "hung up (SIGHUP), after a clean checkpoint where there is a checkpoint folder"),
    (130, "interrupted (Ctrl-C), likewise"),
    (143, "terminated (SIGTERM), likewise"),
)


def exit_code(error: BaseException) -> int:
    """The documented exit code of an error.

    Examples
    --------
    >>> exit_code(errors.SourceError("x")), exit_code(errors.SpecError("x")), exit_code(ZeroDivisionError())
    (3, 2, 1)
    """
    for kind, code in (
        (errors.SourceError, 3),
        (errors.StateError, 4),
        (errors.SinkError, 5),
        (errors.JobError, 6),
        (errors.StreamnnError, 2),
    ):
        if isinstance(error, kind):
            return code
    return 1


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
