"""Checkpoints of a job: each there as a whole or not at all, the newest valid one wins."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from streamnn.errors import StateError
from streamnn.state import from_bytes, state_hash, to_bytes

from ..spec.job import CheckpointSpec
from ..stores import Saved, Store, open_store
from ..stores.opening import LEASE_S, STORE_TIMEOUT_S, split_place


class CheckpointStore:
    """Checkpoints of one job in a place of its own: a folder, or a prefix of an object store.

    One is there as a whole or not at all. It holds no clock time: the same state gives the same bytes.

    Parameters
    ----------
    place : path, URL or Store
    keep : int
        How many checkpoints stay.
    warn : callable
        Told, in words, of damaged checkpoints.
    lease_s, timeout_s : float
        Of an object store: see :func:`open_store`.
    """

    def __init__(
        self,
        place: str | Path | Store,
        keep: int = 2,
        warn: Callable[[str], None] = lambda text: None,
        lease_s: float = LEASE_S,
        timeout_s: float = STORE_TIMEOUT_S,
    ):
        self.store: Store
        if isinstance(place, str | Path):
            self.store = open_store(place, warn, lease_s, timeout_s)
        else:
            self.store = place
        self.keep = keep
        self._warn = warn
        self._unusable: list[str] = []

    def files(self) -> list[Saved]:
        """Checkpoints, the newest first.

        Raises
        ------
        StateError
            When the place can't be read.
        """
        return self.store.saved()

    def save(self, position: int, arrays: Mapping[str, np.ndarray], manifest: Mapping[str, Any]) -> Saved:
        """Write a checkpoint; older ones beyond `keep` go. Those that :meth:`load` passed over are set aside first: they
        would count for ones to go on from, and one of a newer format must not be written over.

        Parameters
        ----------
        position : int
            Position of the next record.

        Raises
        ------
        StateError
            When it can't be written; those before it are untouched.
        """
        # safetensors has no check-sum of its own: a flipped bit would be loaded
        plain = json.loads(json.dumps(manifest))
        data = to_bytes(arrays, {**plain, "hash": state_hash(arrays, plain)})
        for name in self._unusable:
            if (aside := self.store.set_aside(name)) is not None:
                self._warn(f"{name} can't be used and is set aside as {aside}: no job will read or delete it")
        self._unusable = []
        return self.store.write(position, data, self.keep)

    def load(self, at_most: int | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any], Saved] | None:
        """Arrays, manifest and place of the newest valid checkpoint; None when there is none at all.

        Parameters
        ----------
        at_most : int, optional
            Only those at this position or before it.

        Raises
        ------
        StateError
            When there are checkpoints and all are damaged, or the place does not answer.
        """
        complaints, unusable = [], []
        for saved in self.files():
            if at_most is not None and saved.position > at_most:
                continue
            try:
                data = self.store.read(saved.name)
            except OSError as e:
                complaints.append(f"{saved}: can't be read: {e.strerror or e}")
                unusable.append(saved.name)
                continue
            try:
                arrays, manifest = parse_checkpoint(data, str(saved))
            except StateError as e:
                complaints.append(str(e))
                unusable.append(saved.name)
            else:
                self._unusable = unusable
                for text in complaints:
                    self._warn(f"{text}; going on from {saved.name}, the one before it")
                return arrays, manifest, replace(saved, size_bytes=len(data))
        if complaints:
            raise StateError(
                "no checkpoint can be used:\n"
                + "\n".join(complaints)
                + "\nmove them away to start at the beginning of the stream"
            )
        return None


class CheckpointCadence:
    """When the next checkpoint is due: after so many records or seconds, whichever is reached first.

    Parameters
    ----------
    spec : CheckpointSpec
    records : int
        Read up to now.
    clock : callable
        Seconds that only go up.
    """

    def __init__(self, spec: CheckpointSpec, records: int, clock: Callable[[], float]):
        self._spec, self._clock = spec, clock
        self.saved(records)

    def saved(self, records: int) -> None:
        """A checkpoint was written after `records`."""
        self._records, self._saved_s = records, self._clock()

    def due(self, records: int) -> bool:
        """Whether one is due after `records`; never without a folder, or when nothing was read since the last."""
        c, fresh = self._spec, records - self._records
        if c.directory is None or fresh == 0:
            return False
        if c.every_events is not None and fresh >= c.every_events:
            return True
        return c.every_s is not None and self._clock() - self._saved_s >= c.every_s


def parse_checkpoint(data: bytes, where: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and manifest of a checkpoint's bytes, with its check-sum checked.

    Raises
    ------
    StateError
        When it is damaged or of another format.
    """
    arrays, manifest = from_bytes(data, where=where)
    plain = {k: v for k, v in manifest.items() if k not in ("format", "hash")}
    if manifest.get("hash") != state_hash(arrays, plain):
        raise StateError(f"{where}: damaged: its check-sum does not match")
    return arrays, plain


def read_checkpoint(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any], Saved]:
    """Arrays, manifest and place of one file or object.

    Raises
    ------
    StateError
        When it is damaged or of another format.
    OSError
        When it can't be read.
    """
    place, name = split_place(path)
    data = open_store(place).read(name)
    return *parse_checkpoint(data, str(path)), Saved(0, name, str(path), len(data))
