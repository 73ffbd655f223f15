"""Writes files into a folder, each there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from streamnn.errors import SinkError
from streamnn_connectors.files import replacing


def make_folder(folder: Path, field: str) -> None:
    """Make a folder, with those it lies in.

    Parameters
    ----------
    folder : Path
    field : str
        What named it, for the error.

    Raises
    ------
    SinkError
        When it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise _error(folder, field, e) from e


def write_files(folder: Path, files: Mapping[str, bytes], field: str) -> None:
    """Write files in their order; a name may have folders in it. What is there of other names stays.

    Raises
    ------
    SinkError
        When one can't be written; those before it are.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_files(folder, {"a": b"1", "b/c": b"2"}, "--to")
    >>> sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))
    ['a', 'b', 'b/c']
    """
    for name, data in files.items():
        path = folder / name
        make_folder(path.parent, field)
        try:
            with replacing(path, path.with_name(f".{path.name}.{os.getpid()}.tmp")) as file:
                file.write(data)
        except OSError as e:
            raise _error(path, field, e) from e


def _error(path: Path, field: str, error: OSError) -> SinkError:
    return SinkError(f"{field}: {path}: {error.strerror or error}; name a folder that can be written")
