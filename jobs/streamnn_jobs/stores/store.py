"""What is asked of a place for checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Saved:
    """One checkpoint in a store.

    Parameters
    ----------
    position : int
        Of the next record.
    name : str
        Within its store.
    path : str
        Path or URL; also what ``str`` gives.
    size_bytes : int
    """

    position: int
    name: str
    path: str
    size_bytes: int

    def __str__(self) -> str:
        return self.path


UNUSABLE = ".unusable"
"""Ends the names of those set aside."""


class Store(Protocol):
    """Checkpoints of one job, or of one partition, as bytes. Knows names and owners, nothing of what is inside.

    Every method raises StateError when the place does not answer or refuses; reading needs no owner.
    """

    where: str
    """Path or URL."""

    def saved(self) -> list[Saved]:
        """Checkpoints that count, the newest first; empty where nothing is."""

    def read(self, name: str) -> bytes:
        """Bytes of one; OSError when that one can't be read, though the store answers."""

    def write(self, position: int, data: bytes, keep: int) -> Saved:
        """A new one, as a whole or not at all; then the oldest go, down to `keep` of those at this position or before
        it. Later ones, which this owner did not write, neither count nor go."""

    def set_aside(self, name: str) -> str | None:
        """From the next :meth:`write` on one that can't be used counts no more; its bytes stay, under the name given
        back, and nobody but a person deletes them. None when there are none."""

    def folders(self) -> list[str]:
        """Names of stores within this one, such as those of partitions."""

    def own(self, stopping: Callable[[], bool] = ...) -> AbstractContextManager[None]:
        """Be the only one who writes; StateError when another job is, or `stopping` while that is not clear yet."""

    def take_over(self) -> None:
        """Own at once, until :meth:`release`: whoever did is known to be fenced by other means."""

    def release(self) -> None:
        """Own no more. Safe to call twice."""

    def check(self) -> None:
        """Costs nothing; StateError when what was owned is known to be another's."""
