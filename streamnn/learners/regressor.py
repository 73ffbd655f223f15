"""The default pool for number targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._kernels.jit import kernel
from ..errors import SchemaError
from ..features.inputs import CONTEXT_SPANS, LARGEST_INPUT
from ..features.layout import Layout
from ..features.targets import TargetHistory
from ..members.least_squares import LeastSquares
from ..members.segment import Segment
from ..members.value_neighbours import ValueNeighbours
from ..members.wide import Wide
from ..mixing.value_mixer import STACKER_FADING, ValueMixer
from ..network.network import Network
from ..pool.pending import Pending
from ..pool.river import Pool
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..stage import Stage
from ..types import LEARN, Output
from ..uncertainty import ValueDensity

f4 = np.float32
WIDE = ("x", "residual")


@kernel
def _controls(op, slot, member, scale, controls, p):
    # last target and mean as members; the linear member as a control
    for e in range(len(op)):
        if op[e] == 0 or op[e] == 3:
            s = slot[e]
            m, sd = scale[s, 0], scale[s, 1]
            for i in range(2):
                p[s, member + 1 + i, 0] = (controls[s, i] - m) / sd
            controls[s, 2] = m + sd * p[s, member, 0]


@kernel
def _errors(op, slot, y, scale, forecast, error):
    # targets less the forecasts of their means
    for e in range(len(op)):
        if op[e] == 1:
            s = slot[e]
            error[e] = y[e] - (scale[s, 0] + scale[s, 1] * forecast[s, 1])


class Regressor(Pool):
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
        To an alarm. Young adds a network that starts anew within 512 events; the ledger shows what it brings.
    alarms : bool
        Watch for drift. Without it an event costs less, and there are no alarms; all else is the same.

    Examples
    --------
    >>> model = Regressor()
    >>> for i in range(500):
    ...     model.learn_one({"a": i % 5}, 10.0 + 2.0 * (i % 5))
    >>> round(model.predict_one({"a": 0}))  # what comes next
    10
    """

    classify = False
    watched = "net-row"

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
    ):
        options = seed, max_columns, max_pending, events_per_false_alarm, categories, coverage, p_values
        super().__init__(*options, threads, preset, reaction, alarms)
        self.classes: list[Any] = []

    def _labels(self, op: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
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

    def _set_width(self, width: int) -> None:
        pass  # a number is one value wide

    def _mask(self, out: Output, at: np.ndarray | None) -> None:
        pass  # no classes to hide

    def _values(self) -> int:
        return 1

    def _layout(self) -> Layout:
        i = self.inputs
        return Layout(
            i.columns,
            i.context_columns,
            len(CONTEXT_SPANS),
            TargetHistory.rows,
            1,
            i.mean_columns,
            1,
            TargetHistory.residuals,
            0,
            *self._delay_rows(),
        )

    def _make(self) -> None:
        lay = self.layout

        self.networks_: list[Network] = []
        self.members: list[str] = []
        for spec in self._preset.networks:
            self.networks_.append(
                Network(spec, lay.width(spec.reads), 1, False, self.seed, len(self.members))
            )
            self.members += spec.members
        M = self._free_at = len(self.members)  # place of the first member that is no network
        self.linear = LeastSquares(lay.width(("context", "means")), M)
        self.members += ["linear", "last", "mean", "neighbours", "wide"]
        self.neighbours = ValueNeighbours(lay.columns, M + 3)
        self.wide = Wide("wide", WIDE, lay.width(WIDE), 0, True, M + 4)
        self.mixer = ValueMixer(len(self.members))
        self.history_ = TargetHistory()
        self.scores_ = Scores(False)
        self.ledger = Ledger(self.scores_.names, self.members + [f"stack-{s:g}" for s in STACKER_FADING])
        self.density: ValueDensity = ValueDensity(self._hidden())
        self.pending_ = Pending(
            {
                **self._leaves(),
                "steady": (f4, (self.layout.columns,)),
                "p": (f4, (len(self.members), 1)),
                "expert": (np.float64, (self.mixer.experts,)),
                "scale": (np.float64, (2,)),
                "forecast": (np.float64, (2,)),
                "controls": (np.float64, (3,)),
            }
        )

    def _grow_rest(self, old: Layout, new: Layout, places: np.ndarray) -> None:
        a, b = old.span("context", "means")
        start, stop = new.span("context", "means")
        self.linear.grow(places[a:b] - start, stop - start)
        self.pending_.reshape("steady", (new.columns,))
        self.neighbours.grow(new.columns)
        a, b = old.span(*WIDE)
        start, stop = new.span(*WIDE)
        self.wide.grow(places[a:b] - start, stop - start, 1, self.inputs.category_rows, new.columns)
        self.history_.grow(1, self.inputs.category_rows, new.columns)

    def _stage_list(self) -> list[Stage]:
        return [
            *self._front(),
            *self.networks_,
            self.linear,
            self.neighbours,
            self.wide,
            self.mixer,
            self.history_,
            self.scores_,
            self.ledger,
            *self.calibration.stages,
        ]

    def _stages(self, part: Segment, book: np.ndarray, latent: np.ndarray) -> None:
        op, slot, ticket, value, weight, target, _ = part
        self._delays(part)
        a, lay = self.pending_.a, self.layout
        offsets, M, start = lay.offsets, self._free_at, lay.span("context", "means")[0]
        unit = np.zeros((len(op), 2))
        self.history_.scan_known(op, slot, value, offsets, a, target, unit)
        first, *rest = self._network_tasks(part, latent)
        first()
        self.history_.impute(op, slot, ticket, value, offsets, lay.mean_columns, a)
        self.crew.run(
            [
                partial(self.linear.scan, op, slot, target, weight, unit, start, *lay.span("x", "x"), a),
                *rest,
                partial(self.neighbours.scan, op, slot, value, lay.span("x", "x")[0], a),
                partial(self.wide.scan, op, slot, target, weight, lay.span(*WIDE)[0], a),
            ],
            len(op),
        )
        _controls(op, slot, M, a["scale"], a["controls"], a["p"])
        self.mixer.scan(op, slot, value, weight, unit, a, len(self.scores_.names), book)
        self.scores_.scan_values(op, slot, value, a, book)

    def _doubt(self, part: Segment, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a, error = self.pending_.a, np.zeros(len(part.op))
        _errors(part.op, part.slot, part.y, a["scale"], a["forecast"], error)
        return self.density.scan(part.op, error, latent)

    def _result(self, slot: np.ndarray) -> dict[str, np.ndarray]:
        if not self._started:
            return {"mean": np.zeros(0), "median": np.zeros(0)}
        scale, forecast = self.pending_.a["scale"][slot], self.pending_.a["forecast"][slot]
        return {"mean": scale[:, 0] + scale[:, 1] * forecast[:, 1], "median": forecast[:, 0]}

    def _answer(self, slot: int) -> np.ndarray:
        return self.pending_.a["forecast"][slot]

    def _label(self, y: Any) -> float | None:
        return float(y) if isinstance(y, (int, float)) and abs(y) < LARGEST_INPUT else None

    def _scores(self) -> dict[str, Any]:
        g = self.ledger
        return {
            "mae": g.mean("mae"),
            "rmse": float(np.sqrt(g.mean("squared_error"))),
            "no_change": g.mean("mae_no_change"),
            "majority": g.mean("mae_mean"),
            "linear": {"mae": g.mean("mae_linear")},
        }

    def predict_one(self, x: Mapping[str, Any]) -> float:
        """Forecast of the mean. Changes nothing."""
        steps = self._single()
        if steps is not None and steps.look(x) is not None:
            m, sd = self.pending_.a["scale"][steps.slot].tolist()
            return float(m + sd * self.pending_.a["forecast"][steps.slot, 1])
        out = self.look(self._one(x), 1).mean
        return float(out[0]) if out is not None else 0.0

    def predict_many(self, columns: Mapping[str, np.ndarray]) -> list[float]:
        """The same answers as :meth:`predict_one` row by row. Changes nothing."""
        mean = self.look(columns).mean
        assert mean is not None
        return list(mean.tolist()) if self._started else [0.0] * len(mean)
