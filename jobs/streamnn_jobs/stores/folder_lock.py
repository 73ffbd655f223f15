"""The lock on a folder of checkpoints: one job at a time writes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamnn.errors import StateError


def unwritable(path: Path, error: OSError) -> StateError:
    """What is said when a checkpoint can't be written."""
    return StateError(f"{path}: the checkpoint can't be written: {error.strerror or error}")


@contextmanager
def owning(directory: Path, warn: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold a folder while a job writes its checkpoints there.

    The lock is the kernel's (``flock`` on the folder itself): it leaves no file behind and ends with its
    process, however that ends. Where the file system knows no such locks the job goes on with a warning.
    A folder that was made for nothing, as by a job that is refused, is taken away again.

    Parameters
    ----------
    directory : Path
        Made when it is missing.
    warn : callable
        Told, in words, that nothing could be locked.

    Raises
    ------
    StateError
        When another job has it, or it can't be made.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with owning(folder), owning(folder):
    ...     pass
    Traceback (most recent call last):
        ...
    streamnn.errors.StateError: ...: another job is writing its checkpoints here. ...
    """
    try:
        import fcntl
    except ImportError:  # no POSIX
        yield
        return
    missing = [p for p in (directory, *directory.parents) if not p.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except (NotADirectoryError, FileExistsError) as e:
        raise StateError(f"{directory}: can't be read as a folder of checkpoints: it is a file") from e
    except OSError as e:
        raise unwritable(directory, e) from e
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise StateError(
                f"{directory}: another job is writing its checkpoints here. Stop it, or name another "
                "checkpoint folder"
            ) from e
        except OSError as e:
            warn(f"{directory}: can't be locked ({e.strerror or e}): see to it that no other job writes here")
        yield
    finally:
        with suppress(OSError):  # a checkpoint is in it
            for made in missing:
                made.rmdir()
        os.close(folder)
