"""What it is to learn with one guest alone: its prediction is the answer."""

from __future__ import annotations

import numpy as np

from ..features.history import KnownLabels
from ..features.targets import TargetHistory
from ..members.member import Leaves, Room, Segment
from ..mixing.alone import AloneClasses, AloneValues
from ..regret.scores import Scores
from ..state import Arrays
from ..uncertainty import LatentDensity, ValueDensity
from .class_task import Classes
from .number_task import Number

f4 = np.float32


class LoneClasses(Classes):
    """Classes by one guest. No label is imputed, as nothing reads them."""

    history_kind = KnownLabels
    history: KnownLabels  # type: ignore[assignment]
    mixer: AloneClasses  # type: ignore[assignment]
    lags = KnownLabels.lags

    def make(self, experts: list[str], begins: list[int], units: int) -> None:
        """History, no mixture, and a density a class."""
        self.history = KnownLabels(self.width)
        self.mixer = AloneClasses(len(experts), bool(self._declared))
        self.density = LatentDensity(units, self.width)
        self._logistic = experts.index(self.recipe.controls[0])

    def leaves(self, room: Room) -> Leaves:
        """What is kept of a pending event."""
        return {"mixed": (f4, (room.values,)), "reserve": (np.float64, (2,))}

    def mix(self, segment: Segment, store: Arrays, scores: Scores) -> None:
        """The guest's distribution over classes; losses and scores."""
        op, slot, y, losses = segment.op, segment.slot, segment.y, segment.losses
        at = len(scores.names)
        self.mixer.scan(op, slot, y, store, at, losses)
        scores.scan_classes(op, slot, y, store, self._logistic, at + self.mixer.experts, losses)


class LoneNumber(Number):
    """A number by one guest."""

    mixer: AloneValues  # type: ignore[assignment]

    def make(self, experts: list[str], begins: list[int], units: int) -> None:
        """History, no mixture, and the density of latents and of errors."""
        self.history, self.mixer = TargetHistory(), AloneValues(len(experts))
        self.density = ValueDensity(units)

    def leaves(self, room: Room) -> Leaves:
        """What is kept of a pending event."""
        leaves = super().leaves(room)
        del leaves["expert"]
        return leaves

    def mix(self, segment: Segment, store: Arrays, scores: Scores) -> None:
        """The guest's forecast; losses and scores."""
        op, slot, y, losses = segment.op, segment.slot, segment.y, segment.losses
        self.mixer.scan(op, slot, y, segment.unit, store, len(scores.names), losses)
        scores.scan_values(op, slot, y, store, losses)
