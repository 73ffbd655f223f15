"""The default pool for number targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._kernels.jit import kernel
from ..errors import SchemaError
from ..features.frames import row_of, table_of
from ..features.inputs import LARGEST_INPUT
from ..features.layout import Layout
from ..features.targets import TargetHistory
from ..members.member import Factory, Leaves, Room, Segment
from ..mixing.value_mixer import ValueMixer
from ..pool.options import Options
from ..pool.task import Task
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..state import Arrays
from ..types import LEARN
from ..uncertainty import ValueDensity
from .learner import Learner
from .recipes import find_recipe

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
    options : Options
    """

    classify = False
    history_kind = TargetHistory
    history: TargetHistory
    mixer: ValueMixer
    density: ValueDensity

    def __init__(self, options: Options) -> None:
        self.recipe = find_recipe(options.preset, False, options.reaction != "off")

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


class Regressor(Learner):
    """A pool of small networks and linear members that learns a number event by event, with targets that come late.

    Targets are learnt with the Huber loss in units of their running mean and deviation, so their scale need not
    be known; members and least-squares stackers are mixed by exponential weights with fixed share.

    Parameters
    ----------
    seed : int
        Of the networks' initial weights.
    max_columns : int
        Input columns beyond this are ignored and counted.
    max_pending : int
        Most events that may wait for their target.
    events_per_false_alarm : float
        Budget of the drift alarms.
    categories : sequence of str
        Number columns whose values are names, not quantities. Columns with few values are found by themselves.
    coverage : float
        Share of the labels that prediction intervals shall hold; 0 for none.
    p_values : bool
        Say of every event how rarely the recent past was as surprising.
    threads : int
        Over which the members of a chunk are spread. The results are the same bits for any number, so a state may
        go on with another.
    preset : {"default"}
        More units bring forecasts of numbers nothing, so there is no other.
    reaction : {"off", "young"}
        To an alarm. Young adds a network that is restarted within 512 events; the ledger shows what it brings.
    alarms : bool
        Watch for drift. Without it an event costs less, and there are no alarms; all else is the same.
    members : sequence
        Members of your own beside the others: classes derived from :class:`streamnn.members.Member` or
        :class:`streamnn.members.EventMember`, or functions that make one of a :class:`streamnn.members.Room`.

    Examples
    --------
    >>> model = Regressor()
    >>> for i in range(500):
    ...     model.learn_one({"a": i % 5}, 10.0 + 2.0 * (i % 5))
    >>> round(model.predict_one({"a": 0}))  # what comes next
    10
    """

    def __init__(
        self,
        seed: int = 1,
        max_columns: int = 4096,
        max_pending: int = 100_000,
        events_per_false_alarm: float = 10_000.0,
        categories: Sequence[str] = (),
        coverage: float = 0.0,
        p_values: bool = False,
        threads: int = 1,
        preset: str = "default",
        reaction: str = "off",
        alarms: bool = True,
        members: Sequence[Factory] = (),
    ):
        options = seed, max_columns, max_pending, events_per_false_alarm, categories, coverage, p_values
        super().__init__(Options(*options, threads, preset, reaction, alarms, members))

    _task = Number

    @property
    def classes(self) -> list[Any]:
        """None: a number has no classes."""
        return []

    def predict_one(self, x: Mapping[str, Any]) -> float:
        """Forecast of the mean. Changes nothing.

        The row is taken for the event that comes next, right after the last one observed. Where its target comes
        later, and others before it are still to come, :meth:`observe` it: then that is taken into account.
        """
        single = self._single()
        if type(x) is not dict:
            x = row_of(x)
        if single is not None and single.look(x) is not None:
            store = self._pool.pending.a
            m, sd, _ = store["scale"][single.slot].tolist()
            return float(m + sd * store["forecast"][single.slot, 1])
        out = self._look_one(x).mean
        return float(out[0]) if out is not None else 0.0

    def predict_many(self, X: Any) -> Any:
        """The same answers as :meth:`predict_one` row by row, in a Series where `X` is a frame. Changes nothing.

        Parameters
        ----------
        X : table
            As for :meth:`learn_many`.
        """
        table = table_of(X)
        mean = self.look(table.columns, table.rows).mean
        assert mean is not None
        return table.series(mean.tolist() if self._pool.started else [0.0] * table.rows)
