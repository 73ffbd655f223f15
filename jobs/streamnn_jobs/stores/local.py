"""Checkpoints in a local folder: temporary name, sync, rename, sync of the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from streamnn.errors import StateError
from streamnn_connectors.files import replacing

from .folder_lock import owning, unwritable
from .store import UNUSABLE, Saved

_FILE_NAME = re.compile(r"checkpoint-(\d{12,})\.safetensors")


class LocalStore:
    """A :class:`Store` in a folder.

    Parameters
    ----------
    directory : path
        Made when something is written.
    warn : callable
        Told, in words, when the folder can't be locked.
    """

    def __init__(self, directory: str | Path, warn: Callable[[str], None] = lambda text: None):
        self.directory = Path(directory)
        self.where = str(self.directory)
        self._warn = warn

    def saved(self) -> list[Saved]:
        try:
            found = [(int(m[1]), p) for p in self.directory.iterdir() if (m := _FILE_NAME.fullmatch(p.name))]
        except FileNotFoundError:
            return []
        except OSError as e:
            raise StateError(
                f"{self.directory}: can't be read as a folder of checkpoints: {e.strerror or e}"
            ) from e
        return [_saved(position, path) for position, path in sorted(found, reverse=True)]

    def read(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def write(self, position: int, data: bytes, keep: int) -> Saved:
        path = self.directory / f"checkpoint-{position:012d}.safetensors"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            _write(temporary, path, data)
            for old in [saved for saved in self.saved() if saved.position <= position][keep:]:
                (self.directory / old.name).unlink(missing_ok=True)
            for torn in self.directory.glob("checkpoint-*.tmp"):  # of a killed process
                torn.unlink(missing_ok=True)
        except OSError as e:
            raise unwritable(path, e) from e
        return Saved(position, path.name, str(path), len(data))

    def set_aside(self, name: str) -> str | None:
        path = self.directory / name
        try:
            before = len(list(self.directory.glob(f"{name}{UNUSABLE}*")))
            aside = path.with_name(name + UNUSABLE + (f"-{before + 1}" if before else ""))
            path.rename(aside)
        except FileNotFoundError:
            return None
        except OSError as e:
            raise StateError(f"{path}: can't be set aside: {e.strerror or e}") from e
        return aside.name

    def folders(self) -> list[str]:
        try:
            return sorted(p.name for p in self.directory.iterdir() if p.is_dir())
        except OSError:
            return []

    def own(self, stopping: Callable[[], bool] = lambda: False) -> AbstractContextManager[None]:
        return owning(self.directory, self._warn)

    def take_over(self) -> None:
        """Nothing to do: files are not locked where transactions fence."""

    def release(self) -> None:
        """Nothing was taken."""

    def check(self) -> None:
        """The kernel's lock is not lost while the process lives."""


def _saved(position: int, path: Path) -> Saved:
    try:
        size = path.stat().st_size
    except OSError:  # reading it will say why, if it comes to that
        size = 0
    return Saved(position, path.name, str(path), size)


def _write(temporary: Path, path: Path, data: bytes) -> None:
    """Write and rename; again when the next owner of a partition swept the file away meanwhile."""
    for last in (False, True):
        try:
            with replacing(path, temporary) as file:
                file.write(data)
            return
        except FileNotFoundError:
            if last:
                raise
