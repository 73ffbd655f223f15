"""Files that are there as a whole or not at all, and still there after a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, so that a new file is still there after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path, temporary: Path) -> Iterator[BinaryIO]:
    """A file to write, which becomes `path` when all of it is safely on disk and not before.

    Parameters
    ----------
    path : Path
        What is there already is replaced.
    temporary : Path
        In the same folder; gone afterwards, whatever happens.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a", folder / "a.tmp") as file:
    ...     _ = file.write(b"whole")
    >>> [(p.name, p.read_bytes()) for p in folder.iterdir()]
    [('a', b'whole')]
    """
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
