"""What a pool is made of, and how it makes room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..alarms import DriftMonitor, FeatureWatch
from ..features.delays import DELAY_VALUES, DUE_DEVIATIONS, Delays
from ..features.inputs import MAX_MEANS, PAIRS, SINGLES, Inputs
from ..features.layout import Layout
from ..features.schema import Schema
from ..learners.options import check_options
from ..learners.presets import find_preset
from ..members.segment import Segment
from ..network.network import Network
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..stage import Stage
from ..uncertainty import LatentDensity, ValueDensity
from .coverage import Calibration
from .curves import Trace
from .pending import Pending
from .reaction import find_reaction
from .recent import Recent
from .threads import Crew
from .watched import SIGNALS

f4 = np.float32


class Growing(ABC):
    """Stages of a pool and the layout of its rows, which grow with columns, classes and categories."""

    classify: bool
    watched: str  # network whose latent is the ground of surprise

    def __init__(
        self,
        seed: int,
        max_columns: int,
        max_pending: int,
        events_per_false_alarm: float,
        categories: Sequence[str],
        coverage: float,
        p_values: bool,
        threads: int,
        preset: str,
        reaction: str,
        alarms: bool,
    ):
        check_options(
            seed,
            max_columns,
            max_pending,
            events_per_false_alarm,
            categories,
            coverage,
            p_values,
            threads,
            alarms,
        )
        self.crew = Crew(threads)
        self.reaction = find_reaction(reaction, alarms)
        self.watches = alarms
        self.preset = preset
        self._preset = find_preset(preset, self.classify, self.reaction is not None)
        self.calibration = Calibration(self.classify, coverage, p_values)
        self.seed = seed
        self.schema = Schema(max_columns, categories)
        self.inputs = Inputs(steady=not self.classify)
        self.max_pending = max_pending
        self.events = 0
        self._started = False
        self.monitor = DriftMonitor(SIGNALS, events_per_false_alarm)
        self.feature_watch = FeatureWatch()
        self.trace = Trace()
        self.recent = Recent()
        self._waste: list[np.ndarray] = []
        self._sizes: tuple[int, ...] | None = None  # for which there is room
        self._room = 0  # category rows that the smallest of the tables can hold
        self._tables: list[dict[str, int]] = []  # of each stage, how many are in use
        self._grown = 0  # how often room was made
        self._timed = False
        self.delays: Delays | None = None  # of streams with times

    networks_: list[Network]
    pending_: Pending
    layout: Layout
    scores_: Scores
    ledger: Ledger
    density: LatentDensity | ValueDensity
    mixer: Any

    @property
    def begins(self) -> tuple[int, ...]:
        """The event from which on each network is in the pool."""
        return self._preset.begins

    @abstractmethod
    def _make(self) -> None:
        """Build stages for ``self.layout``."""

    @abstractmethod
    def _grow_rest(self, old: Layout, new: Layout, places: np.ndarray) -> None:
        """Let stages other than networks make room."""

    @abstractmethod
    def _set_width(self, width: int) -> None:
        """A label is so many values wide from here on."""

    @abstractmethod
    def _stage_list(self) -> list[Stage]:
        """Every stage but the density and the monitor."""

    @abstractmethod
    def _values(self) -> int:
        """Width of a label: classes, or 1."""

    def _hidden(self) -> int:
        return next(n.sizes[-1] for n in self.networks_ if n.spec.name == self.watched)

    def _start(self) -> None:
        first = self.schema.first
        self.inputs.grow(self.schema.text[:first], first)
        self.layout = self._layout()
        self.recent.grow(np.zeros(0, np.int64), int(self.layout.offsets[-1]))
        if self._timed:
            self.delays = Delays(self.layout.columns)
        self._make()
        self._started = True

    @abstractmethod
    def _layout(self) -> Layout:
        """Layout of a row as it should be now."""

    def _widen(self) -> None:
        if not self._started:
            return
        d = len(self.schema.names)
        sizes = (d, self._values(), self.inputs.category_rows, self.inputs.mean_columns)
        if sizes == self._sizes:
            return
        rows, had, self._sizes = self.inputs.category_rows, self._sizes, sizes
        if had is not None and sizes[:2] + sizes[3:] == had[:2] + had[3:] and rows + d <= self._room:
            for used in self._tables:  # a new value of a category, the common case: no array changes
                used.update(dict.fromkeys(used, rows))
            return
        self._grown += 1
        if d > self.inputs.columns:
            self.inputs.grow(self.schema.text, self.schema.first)
        self.feature_watch.grow(self.schema.text)
        old, new = self.layout, self._layout()
        places = old.positions_in(new)
        if new != old:
            self.layout = new
            self.pending_.reshape("row", (int(new.offsets[-1]),), places)
            self.recent.grow(places, int(new.offsets[-1]))
            self.pending_.reshape("ids", (max(d, 1),), fill=-1)
            if self.density.classes < self._values():
                self.density.grow(self._values())
        if self.delays is not None:
            self.delays.grow(d, rows, new.mean_columns, d)
        for net in self.networks_:
            a, b = old.span(*net.spec.reads)
            start, stop = new.span(*net.spec.reads)
            net.grow(places[a:b] - start, stop - start, self._values(), rows, d)
        self._grow_rest(old, new, places)
        tables = [stage for stage in self._stage_list() if stage.used]
        self._tables = [stage.used for stage in tables]
        self._room = min((len(stage.s[k]) for stage in tables for k in stage.used), default=0)

    def _front(self) -> list[Stage]:
        """Stages that see a row before the members do."""
        return [self.inputs, self.feature_watch, *filter(None, [self.delays, self.reaction])]

    def _delay_rows(self) -> tuple[int, int]:
        return (DELAY_VALUES, len(DUE_DEVIATIONS)) if self._timed else (0, 0)

    def _delays(self, part: Segment) -> None:
        if self.delays is not None:
            lay = self.layout
            self.delays.scan(
                part.op, part.slot, part.ticket, part.time, lay.offsets, lay.mean_columns, self.pending_.a
            )

    def _leaves(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        return {
            "row": (f4, (int(self.layout.offsets[-1]),)),
            "ids": (np.int32, (max(self.layout.columns, 1),)),
            "mean_ids": (np.int32, (MAX_MEANS,)),
            "pairs": (np.int32, (PAIRS + SINGLES,)),
            "clock": (np.int64, ()),
            **self.calibration.leaves,
            **({"usual": (np.float64, (3,)), "record": (np.int64, ())} if self._timed else {}),
        }
