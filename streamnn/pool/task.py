"""What differs between learning classes and learning a number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..features.history import LabelHistory
from ..features.targets import TargetHistory
from ..members.member import Factory, Leaves, Segment
from ..mixing.mixer import Mixer
from ..mixing.value_mixer import ValueMixer
from ..types import Output
from ..uncertainty import LatentDensity, ValueDensity

if TYPE_CHECKING:
    from .pool import Pool


class Recipe(NamedTuple):
    """What a pool is mixed from.

    Parameters
    ----------
    members : sequence of Factory
        In their order. One of them is a network that is watched: its last hidden layer is the ground of surprise.
    imputers : sequence of str
        Predictions that stand in for labels not known yet.
    controls : sequence of str
        Predictions that the scores set the pool beside.
    """

    members: Sequence[Factory]
    imputers: Sequence[str]
    controls: Sequence[str]


class Task(ABC):
    """Labels, the parts that depend on their kind, and the answer to an event.

    Attributes
    ----------
    classify : bool
    recipe : Recipe
    width : int
        Values of a label: classes that there is room for, or 1.
    codes : int
        Values of a label mean: one less than classes, or 1.
    lags : int
        Labels that a row holds one by one.
    declared : int
        Classes known before the first event.
    """

    classify: bool
    recipe: Recipe
    width: int = 1
    codes: int = 1
    lags: int = 0
    declared: int = 0
    history: type[LabelHistory] | type[TargetHistory]

    # labels

    @abstractmethod
    def encode(self, op: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Labels as numbers; the operations before which a chunk must be cut, each with the width from there on.

        Raises
        ------
        SchemaError, LimitError
            When a label does not fit; nothing has changed then.
        """

    @abstractmethod
    def code(self, y: Any) -> float | None:
        """One label as a number; None where there is more to be done about it."""

    def widen(self, width: int) -> None:  # noqa: B027
        """Labels are at least so many values wide from here on."""

    # parts

    @abstractmethod
    def make(self, pool: Pool) -> tuple[LabelHistory | TargetHistory, Mixer | ValueMixer]:
        """Label history and mixer, once the members are there."""

    @abstractmethod
    def density(self, units: int) -> LatentDensity | ValueDensity:
        """The density of surprise and entropy over so many hidden units."""

    @abstractmethod
    def leaves(self, pool: Pool) -> Leaves:
        """What history and mixer keep of a pending event."""

    # the scan's steps that differ, in their order

    @abstractmethod
    def take_labels(self, pool: Pool, segment: Segment) -> None:
        """Write what is known of earlier labels into rows; take in labels that come."""

    @abstractmethod
    def mix(self, pool: Pool, segment: Segment) -> None:
        """From the members' predictions to the pool's; losses and scores of both into ``segment.losses``."""

    @abstractmethod
    def uncertainty(self, pool: Pool, segment: Segment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Surprise, entropy and deviation of operations; no column of the last where there are classes."""

    # answers

    @abstractmethod
    def fields(self, pool: Pool, slot: np.ndarray) -> dict[str, np.ndarray]:
        """Fields of an output about the events in these slots. Before the first event `slot` is empty."""

    @abstractmethod
    def answer(self, pool: Pool, slot: int) -> np.ndarray:
        """Where the prediction of the event in a slot lies."""

    @abstractmethod
    def scores(self, pool: Pool) -> dict[str, Any]:
        """Prequential scores of the pool and the controls."""

    def hide_unknown(self, out: Output, at: np.ndarray | None) -> None:  # noqa: B027
        """Hide classes not known yet at the operations `at` of the last chunk (None: all that are known count)."""

    # state

    def options(self) -> dict[str, Any]:
        """Options of its own."""
        return {}

    def state(self) -> dict[str, Any]:
        """What it remembers, as plain data."""
        return {}

    def load(self, meta: Mapping[str, Any]) -> None:  # noqa: B027
        """Take over what it remembered."""
