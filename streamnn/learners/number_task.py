"""What it is to learn a number: targets in running units, mixed by squared and by absolute error."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels.jit import kernel
from ..errors import SchemaError
from ..features.inputs import LARGEST_INPUT
from ..features.layout import Layout
from ..features.targets import TargetHistory
from ..members.member import Leaves, Room, Segment
from ..mixing.value_mixer import ValueMixer
from ..pool.task import Recipe, Task
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..state import Arrays
from ..types import LEARN
from ..uncertainty import ValueDensity

f4 = np.float32


@kernel
def _errors(op, slot, y, scale, forecast, error):
    # targets less the forecasts of their means
    for e in range(len(op)):
        if op[e] == LEARN:
            s = slot[e]
            error[e] = y[e] - (scale[s, 0] + scale[s, 1] * forecast[s, 1])


class Number(Task):
    """Labels are numbers, learnt in units of their running mean and deviation.

    Parameters
    ----------
    recipe : Recipe
    """

    classify = False
    history_kind = TargetHistory
    history: TargetHistory
    mixer: ValueMixer
    density: ValueDensity

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def encode(self, op: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Targets; a chunk is never cut for them."""
        y = np.zeros(len(op))
        at = np.flatnonzero(op == LEARN)
        given = np.asarray(labels)[at]
        if given.dtype.kind in "biuf" and (np.abs(given, dtype=float) < LARGEST_INPUT).all():
            y[at] = given
            return y, []
        for i, v in zip(at.tolist(), given.tolist(), strict=True):
            v = v.item() if isinstance(v, np.generic) else v
            if not isinstance(v, (int, float)) or not abs(v) < LARGEST_INPUT:
                raise SchemaError(f"a target is {v!r}: allowed are numbers up to {LARGEST_INPUT:g}")
            y[i] = v
        return y, []

    def code(self, y: Any) -> float | None:
        """A target that is allowed."""
        return float(y) if isinstance(y, (int, float)) and abs(y) < LARGEST_INPUT else None

    def make(self, experts: list[str], begins: list[int], units: int) -> None:
        """History, mixer, and the density of latents and of errors."""
        self.history, self.mixer, self.density = (
            TargetHistory(),
            ValueMixer(len(experts)),
            ValueDensity(units),
        )

    def leaves(self, room: Room) -> Leaves:
        """What history and mixer keep of a pending event."""
        return {
            "steady": (f4, (room.layout.columns,)),
            "expert": (np.float64, (self.mixer.experts,)),
            "scale": (np.float64, (3,)),
            "forecast": (np.float64, (2,)),
            "controls": (np.float64, (3,)),
        }

    def take_labels(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Write the history of known targets and their scale into rows; take in targets that come."""
        op, slot, y, units = segment.op, segment.slot, segment.y, (segment.target, segment.unit)
        self.history.scan_known(op, slot, y, layout.offsets, store, *units)

    def mix(self, segment: Segment, store: Arrays, scores: Scores) -> None:
        """Forecasts of mean and median from the members'; losses and scores."""
        op, slot, y, losses = segment.op, segment.slot, segment.y, segment.losses
        self.mixer.scan(op, slot, y, segment.weight, segment.unit, store, len(scores.names), losses)
        scores.scan_values(op, slot, y, store, losses)

    def uncertainty(self, segment: Segment, store: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Surprise, entropy and deviation."""
        error = np.zeros(len(segment.op))
        _errors(segment.op, segment.slot, segment.y, store["scale"], store["forecast"], error)
        return self.density.scan(segment.op, error, segment.latent)

    def fields(self, store: Arrays, slot: np.ndarray) -> dict[str, np.ndarray]:
        """Forecasts of mean and median."""
        if not store:
            return {"mean": np.zeros(0), "median": np.zeros(0)}
        scale, forecast = store["scale"][slot], store["forecast"][slot]
        return {"mean": scale[:, 0] + scale[:, 1] * forecast[:, 1], "median": forecast[:, 0]}

    def answer(self, store: Arrays, slot: int) -> np.ndarray:
        """Median, and mean in running units."""
        answer: np.ndarray = store["forecast"][slot]
        return answer

    def summary(self, ledger: Ledger, scores: Scores) -> dict[str, Any]:
        """Mean absolute and root mean squared error, and those of the controls."""
        return {
            "mae": ledger.mean("mae"),
            "rmse": float(np.sqrt(ledger.mean("squared_error"))),
            "no_change": ledger.mean("mae_no_change"),
            "majority": ledger.mean("mae_mean"),
            "linear": {"mae": ledger.mean("mae_linear")},
        }
