"""Exit codes of the command line."""

from __future__ import annotations

from streamnn import errors

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
