"""What differs between learning classes and learning a number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..features.history import KnownLabels
from ..features.layout import Layout
from ..features.targets import TargetHistory
from ..members.member import Factory, Leaves, Room, Segment
from ..mixing.alone import AloneClasses, AloneValues
from ..mixing.mixer import Mixer
from ..mixing.value_mixer import ValueMixer
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..state import Arrays
from ..types import Output
from ..uncertainty import LatentDensity, ValueDensity


class Recipe(NamedTuple):
    """What a pool is mixed from.

    Parameters
    ----------
    members : sequence of Factory
        In their order. One of them is watched: its latents are the ground of surprise.
    imputers : sequence of str
        Predictions that stand in for labels not known yet.
    controls : sequence of str
        Predictions that the scores set the pool beside.
    options : mapping
        What else a state must be loaded with.
    """

    members: Sequence[Factory]
    imputers: Sequence[str]
    controls: Sequence[str]
    options: Mapping[str, Any] = MappingProxyType({})


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
    history_kind : type
        Of the label history.
    history, mixer, density
        What takes in labels, what makes one prediction of the members', and the ground of surprise and entropy; there
        from the first event on.
    """

    classify: bool
    recipe: Recipe
    width: int = 1
    codes: int = 1
    lags: int = 0
    declared: int = 0
    history_kind: type[KnownLabels] | type[TargetHistory]
    history: KnownLabels | TargetHistory
    mixer: Mixer | ValueMixer | AloneClasses | AloneValues
    density: LatentDensity | ValueDensity

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
    def make(self, experts: list[str], begins: list[int], units: int) -> None:
        """Make history, mixer and density, once the members are there.

        Parameters
        ----------
        experts : list of str
            The members' predictions.
        begins : list of int
            The event from which on there is each.
        units : int
            Of the hidden layer that is the ground of surprise.
        """

    @abstractmethod
    def leaves(self, room: Room) -> Leaves:
        """What history and mixer keep of a pending event."""

    # the scan's steps that differ, in their order

    @abstractmethod
    def take_labels(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Write what is known of earlier labels into rows; take in labels that come."""

    @abstractmethod
    def mix(self, segment: Segment, store: Arrays, scores: Scores) -> None:
        """From the members' predictions to the pool's; losses and scores of both into ``segment.losses``."""

    @abstractmethod
    def uncertainty(self, segment: Segment, store: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Surprise, entropy and deviation of operations; no column of the last where there are classes."""

    # answers

    @abstractmethod
    def fields(self, store: Arrays, slot: np.ndarray) -> dict[str, np.ndarray]:
        """Fields of an output about the events in these slots. Before the first event store and `slot` are empty."""

    @abstractmethod
    def answer(self, store: Arrays, slot: int) -> np.ndarray:
        """Where the prediction of the event in a slot lies."""

    @abstractmethod
    def summary(self, ledger: Ledger, scores: Scores) -> dict[str, Any]:
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
