"""The default pool for classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import SpecError
from ..features.history import LabelHistory
from ..features.inputs import CONTEXT_SPANS
from ..features.layout import Layout
from ..members.frequencies import Frequencies
from ..members.neighbours import NEAREST, WINDOWS, Neighbours
from ..members.segment import Segment
from ..members.wide import Wide
from ..mixing.mixer import STACKS, Mixer
from ..network.network import Network
from ..pool.coverage import Calibration
from ..pool.pending import Pending
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..stage import Stage
from ..types import LEARN, Output
from ..uncertainty import LatentDensity
from .chances import Chances
from .class_labels import known_codes, new_labels
from .presets import FILLERS, odds

f4 = np.float32


class Classifier(Chances):
    """A pool of small networks and cheap members that learns classes event by event, with labels that come late.

    Five spline networks over different memories and paces, two linear members, nearest neighbours over nested
    windows and label frequencies, mixed by exponential weights with fixed share over members and stackers.
    No step size needs tuning; one set of defaults serves every label delay.

    Parameters
    ----------
    classes : sequence, optional
        Labels known beforehand; others are added as they come. Labels that compare equal (1, 1.0 and True) are
        one class.
    seed : int
        Of the networks' initial weights.
    max_columns : int
        Input columns beyond this are ignored and counted.
    max_pending : int
        Most events that may wait for their label.
    events_per_false_alarm : float
        Budget of the drift alarms.
    categories : sequence of str
        Number columns whose values are names, not quantities. Columns with few values are found by themselves.
    coverage : float
        Share of the labels that prediction sets shall hold; 0 for none.
    p_values : bool
        Say of every event how rarely the recent past was as surprising.
    threads : int
        Over which the members of a chunk are spread. The results are the same bits for any number, so a state may
        go on with another.
    preset : {"default", "large"}
        Large has twice the units and two more networks, joining at events 2,048 and 4,096; 1.7 times the time.
    reaction : {"off", "young"}
        To an alarm. Young adds a network that starts anew within 512 events; the ledger shows what it brings.
    alarms : bool
        Watch for drift. Without it an event costs less, and there are no alarms; all else is the same.

    Examples
    --------
    >>> model = Classifier()
    >>> for i in range(200):
    ...     model.learn_one({"a": i % 2, "b": 1.0}, "odd" if i % 2 else "even")
    >>> model.predict_one({"a": 1, "b": 1.0})
    'odd'
    >>> round(model.predict_proba_one({"a": 0, "b": 1.0})["even"], 1)
    1.0
    """

    classify = True
    watched = "net-slow"

    def __init__(
        self,
        classes: Sequence[Any] = (),
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
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            raise SpecError(f"learner option classes is {classes!r}: allowed is a list of labels")
        self.classes: list[Any] = []
        self._known, self._fresh = 0, list[int]()  # classes before the last chunk; where new ones came in it
        self._class: dict[Any, int] = {}
        self._declare(classes)
        self._declared = list(self.classes)
        self._width = max(2, len(self.classes))
        self.calibration = Calibration(True, coverage, p_values, len(self.classes))

    def _declare(self, classes: Sequence[Any]) -> None:
        self.classes = new_labels(classes, self._class)
        self._class = {v: i for i, v in enumerate(self.classes)}

    def _labels(self, op: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
        y = np.zeros(len(op), np.int64)
        at = np.flatnonzero(op == LEARN)
        given = np.asarray(labels)[at]
        self._known, self._fresh = len(self.classes), list[int]()
        codes = known_codes(given, self._class)
        if codes is not None:
            y[at] = codes
            return y, []
        values = [v.item() if isinstance(v, np.generic) else v for v in given.tolist()]
        new = new_labels(values, self._class)
        self._class.update({v: len(self.classes) + i for i, v in enumerate(new)})
        self.classes += new
        cuts, width = [], self._width
        for i, v in zip(at.tolist(), values, strict=True):
            c = y[i] = self._class[v]
            if c == self._known + len(self._fresh):
                self._fresh.append(i)
            if c >= width:
                width = c + 1
                cuts.append((i, width))
        return y, cuts

    def _set_width(self, width: int) -> None:
        self._width = max(self._width, width)

    def _values(self) -> int:
        return self._width

    def _layout(self) -> Layout:
        i = self.inputs
        return Layout(
            i.columns,
            i.context_columns,
            len(CONTEXT_SPANS),
            LabelHistory.rows,
            self._width,
            i.mean_columns,
            self._width - 1,
            LabelHistory.residuals,
            LabelHistory.lags,
            *self._delay_rows(),
        )

    def _make(self) -> None:
        C, lay = self._width, self.layout
        self.networks_: list[Network] = []
        self.members: list[str] = []
        for spec in self._preset.networks:
            self.networks_.append(Network(spec, lay.width(spec.reads), C, True, self.seed, len(self.members)))
            self.members += spec.members
        M = self._free_at = len(self.members)  # place of the first member that is no network
        self.wide = Wide("wide", ("context", "residual"), lay.width(("context", "residual")), C, True, M)
        self.logistic = Wide("logistic", ("x", "x"), lay.width(("x", "x")), C, False, M + 1)
        self.neighbours = Neighbours(lay.columns, M + 2)
        self.frequencies = Frequencies(C, M + 2 + len(WINDOWS))
        near = [f"neighbours-{w}" for w in WINDOWS]
        self.members += ["wide", "logistic", *near, "majority", "frequency", "no-change"]
        prior = odds(self.members, len(STACKS))
        self.mixer = Mixer(len(self.members), C, bool(self._declared), prior, self._preset.members_begin)
        self.history_ = LabelHistory(C, [self.members.index(m) for m in FILLERS])
        self.scores_ = Scores(True)
        self.ledger = Ledger(self.scores_.names, [*self.members, *STACKS])
        self.density: LatentDensity = LatentDensity(self._hidden(), C)
        M, N = len(self.members), self.mixer.experts
        self.pending_ = Pending(
            {
                **self._leaves(),
                "p": (f4, (M, C)),
                "logs": (f4, (C, self.mixer.logs)),
                "expert": (f4, (N + 2, C)),  # and the mixer itself, and the top
                "mixed": (f4, (C,)),
                "fill": (f4, (C,)),
                "copy": (np.int64, ()),
                "reserve": (np.float64, (2,)),
                "near": (np.int64, (NEAREST, 2)),
                "was": (np.int64, (2,)),
            }
        )

    def _grow_rest(self, old: Layout, new: Layout, places: np.ndarray) -> None:
        C, rows, d = self._width, self.inputs.category_rows, new.columns
        for wide in (self.wide, self.logistic):
            a, b = old.span(*wide.reads)
            start, stop = new.span(*wide.reads)
            wide.grow(places[a:b] - start, stop - start, C, rows, d)
        self.neighbours.grow(d)
        self.history_.grow(C, rows, d)
        if old.values < C:
            self.frequencies.grow(C)
            self.mixer.grow(C)
            M, N = len(self.members), self.mixer.experts
            self.pending_.reshape("p", (M, C))
            self.pending_.reshape("logs", (C, self.mixer.logs), fill=-5.0)
            self.pending_.reshape("expert", (N + 2, C))
            self.pending_.reshape("mixed", (C,))
            self.pending_.reshape("fill", (C,))

    def _stage_list(self) -> list[Stage]:
        return [
            *self._front(),
            *self.networks_,
            self.wide,
            self.logistic,
            self.neighbours,
            self.frequencies,
            self.mixer,
            self.history_,
            self.scores_,
            self.ledger,
            *self.calibration.stages,
        ]

    def _stages(self, part: Segment, book: np.ndarray, latent: np.ndarray) -> None:
        op, slot, ticket, y, weight, target, _ = part
        self._delays(part)
        a, lay = self.pending_.a, self.layout
        offsets = lay.offsets
        self.history_.scan_known(op, slot, y, offsets, a["row"])
        first, *rest = self._network_tasks(part, latent)
        wide, logistic = (
            partial(w.scan, op, slot, target, weight, lay.span(*w.reads)[0], a)
            for w in (self.wide, self.logistic)
        )
        near = partial(self.neighbours.scan, op, slot, ticket, y, lay.span("x", "x")[0], a)
        self.crew.run([first, near, logistic], len(op))
        self.history_.impute(op, slot, ticket, y, offsets, lay.mean_columns, a)
        self.crew.run(
            [
                *rest,
                wide,
                partial(self.frequencies.scan, op, slot, y, a),
            ],
            len(op),
        )
        at = len(self.scores_.names)
        self.mixer.scan(op, slot, ticket, y, weight, a, at, book)
        self.scores_.scan_classes(op, slot, y, a, self._free_at + 1, at + self.mixer.experts, book)

    def _make_room(self, op: np.ndarray) -> bool:
        return self.mixer.make_room(op)

    def _doubt(self, part: Segment, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return *self.density.scan(part.op, part.y, latent), np.zeros((len(part.op), 0))

    def _mask(self, out: Output, at: np.ndarray | None) -> None:
        assert out.proba is not None
        if at is None:
            out.known = np.full(len(out.ticket), len(self.classes))
            return
        out.known = self._known + np.searchsorted(np.array(self._fresh, np.int64), at)
        if self._fresh:
            out.proba[np.arange(len(self.classes)) >= out.known[:, None]] = 0.0

    def _result(self, slot: np.ndarray) -> dict[str, np.ndarray]:
        if not self._started:
            return {"proba": np.zeros((0, 0), f4)}
        return {"proba": self.pending_.a["mixed"][slot, : len(self.classes)]}

    def _answer(self, slot: int) -> np.ndarray:
        return self.pending_.a["mixed"][slot]

    def _label(self, y: Any) -> int | None:
        try:
            return self._class.get(y)
        except TypeError:
            return None

    def _meta(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "width": self._width}

    def _load_meta(self, meta: Mapping[str, Any]) -> None:
        self.classes, self._class = [], {}
        self._declare(meta["classes"])

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "classes": list(self._declared)}
