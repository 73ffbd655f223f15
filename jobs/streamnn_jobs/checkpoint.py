"""A folder of checkpoints: one atomic file each, the newest valid one wins."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from streamnn.errors import StateError
from streamnn.state import from_bytes, state_hash, to_bytes

_NAME = re.compile(r"checkpoint-(\d{12,})\.safetensors")


class CheckpointStore:
    """Checkpoints of one job in a folder of its own.

    A file is written under a temporary name, synced and renamed, so it is there as a whole or not at all.
    It holds no clock time: the same state gives the same bytes.

    Parameters
    ----------
    directory : path
    keep : int
        How many checkpoints stay.
    warn : callable
        Told, in words, of damaged checkpoints.
    """

    def __init__(self, directory: str | Path, keep: int = 2, warn: Callable[[str], None] = lambda text: None):
        self.directory = Path(directory)
        self.keep = keep
        self._warn = warn

    def files(self) -> list[Path]:
        """Checkpoints, the newest first.

        Raises
        ------
        StateError
            When the folder can't be read.
        """
        try:
            found = [(int(m[1]), p) for p in self.directory.iterdir() if (m := _NAME.fullmatch(p.name))]
        except FileNotFoundError:
            return []
        except OSError as e:
            raise StateError(
                f"{self.directory}: can't be read as a folder of checkpoints: {e.strerror or e}"
            ) from e
        return [p for _, p in sorted(found, reverse=True)]

    def save(self, position: int, arrays: Mapping[str, np.ndarray], manifest: Mapping[str, Any]) -> Path:
        """Write a checkpoint; older ones beyond `keep` go.

        Parameters
        ----------
        position : int
            Position of the next record.

        Raises
        ------
        StateError
            When it can't be written; those before it are untouched.
        """
        path = self.directory / f"checkpoint-{position:012d}.safetensors"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        # safetensors has no check-sum of its own: a flipped bit would be loaded
        plain = json.loads(json.dumps(manifest))
        data = to_bytes(arrays, {**plain, "hash": state_hash(arrays, plain)})
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            _write(temporary, path, data)
            folder = os.open(self.directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            for old in self.files()[self.keep :]:
                old.unlink(missing_ok=True)
            for torn in self.directory.glob("checkpoint-*.tmp"):  # of a killed process
                torn.unlink(missing_ok=True)
        except OSError as e:
            raise StateError(f"{path}: the checkpoint can't be written: {e.strerror or e}") from e
        return path

    def load(self, at_most: int | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any], Path] | None:
        """Arrays, manifest and path of the newest valid checkpoint; None when there is none at all.

        Parameters
        ----------
        at_most : int, optional
            Only those at this position or before it.

        Raises
        ------
        StateError
            When there are checkpoints and all are damaged.
        """
        complaints = []
        for path in self.files():
            if at_most is not None and int(path.stem.partition("-")[2]) > at_most:
                continue
            try:
                arrays, manifest = read_checkpoint(path)
            except OSError as e:
                complaints.append(f"{path}: can't be read: {e.strerror or e}")
            except StateError as e:
                complaints.append(str(e))
            else:
                for text in complaints:
                    self._warn(f"{text}; going on from {path.name}, the one before it")
                return arrays, manifest, path
        if complaints:
            raise StateError(
                "no checkpoint can be used:\n"
                + "\n".join(complaints)
                + "\nmove them away to start at the beginning of the stream"
            )
        return None


def _write(temporary: Path, path: Path, data: bytes) -> None:
    """Write and rename; once more when the next owner of a partition swept the file away meanwhile."""
    for last in (False, True):
        try:
            with temporary.open("wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            temporary.replace(path)
            return
        except FileNotFoundError:
            if last:
                raise
        finally:
            temporary.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and manifest of one file, with its check-sum checked.

    Raises
    ------
    StateError
        When it is damaged or of another format.
    OSError
        When it can't be read.
    """
    arrays, manifest = from_bytes(path.read_bytes(), where=str(path))
    plain = {k: v for k, v in manifest.items() if k not in ("format", "hash")}
    if manifest.get("hash") != state_hash(arrays, plain):
        raise StateError(f"{path}: damaged: its check-sum does not match")
    return arrays, plain
