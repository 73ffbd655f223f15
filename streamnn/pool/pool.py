"""What a pool has, and how its parts make room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..alarms import DriftMonitor, FeatureWatch
from ..errors import SpecError
from ..features.delays import DELAY_VALUES, DUE_DEVIATIONS, Delays
from ..features.history import KnownLabels
from ..features.inputs import CONTEXT_SPANS, MAX_MEANS, PAIRS, SINGLES, Inputs
from ..features.layout import Layout
from ..features.schema import Schema
from ..features.targets import TargetHistory
from ..members.member import Leaves, Member, Room
from ..members.network_member import NetworkMember
from ..mixing.alone import AloneClasses, AloneValues
from ..mixing.mixer import Mixer
from ..mixing.value_mixer import ValueMixer
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..stage import Stage
from ..uncertainty import LatentDensity, ValueDensity
from .calibration import Calibration
from .curves import UncertaintyCurves
from .options import Options
from .pending import Pending
from .reaction import RESTARTED, Reaction
from .recent import Recent
from .signals import SIGNALS
from .task import Task
from .threads import WorkerThreads

f4 = np.float32
_FILL = {"ids": -1.0, "names": -1.0, "logs": -5.0}
"""What new places of pending events hold, where it is not 0."""


class Pool:
    """Features, members, mixer, ledger, uncertainty and alarms, over a store of pending events.

    The scan that leads an event through them is :mod:`streamnn.pool.scan`. Parts whose arrays are as wide as a row
    exist from the first event on.

    Parameters
    ----------
    task : Task
        Classes or a number, with the recipe of members.
    options : Options

    Attributes
    ----------
    events : int
        Observed so far; the next event's ticket.
    layout : Layout
        Of a row, as it is now.
    members : list of Member
    early, late : list of Member
        Those that run before labels not known yet are imputed, and those that read what is imputed.
    units : int
        Of the layer whose latents are the ground of surprise.
    experts : list of str
        Names of the members' predictions, as they lie in ``pending.a["p"]``.
    grown : int
        How often arrays were exchanged for larger ones.
    """

    layout: Layout
    members: list[Member]
    early: list[Member]
    late: list[Member]
    experts: list[str]
    units: int
    history: KnownLabels | TargetHistory
    mixer: Mixer | ValueMixer | AloneClasses | AloneValues
    scores: Scores
    ledger: Ledger
    density: LatentDensity | ValueDensity

    def __init__(self, task: Task, options: Options) -> None:
        self.task, self.options = task, options
        self.events = 0
        self.started = False
        self.timed = False  # whether events and labels have times
        # from columns to rows
        self.schema = Schema(options.max_columns, options.categories)
        self.inputs = Inputs(steady=not task.classify)
        self.delays: Delays | None = None  # of streams with times
        self.pending = Pending({})
        # beside predictions
        self.calibration = Calibration(task.classify, options.coverage, options.p_values, task.declared)
        self.curves = UncertaintyCurves()
        self.recent = Recent()
        self.feature_watch = FeatureWatch()
        self.monitor = DriftMonitor(SIGNALS, options.events_per_false_alarm)
        self.reaction = Reaction() if options.reaction != "off" else None
        self.workers = WorkerThreads(options.threads)
        # growth
        self.grown = 0
        self._wide: tuple[
            int, ...
        ] = ()  # columns, values of a label and columns with means that there is room for
        self._known = (0, 0)  # columns and category rows
        self._room = 0  # category rows that the smallest of the tables can hold
        self._tables: list[dict[str, int]] = []  # of each stage, how many are in use
        self._buffers: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def networks(self) -> list[NetworkMember]:
        """The members that are networks."""
        return [m for m in self.members if isinstance(m, NetworkMember)]

    @property
    def stages(self) -> list[Stage]:
        """Every part with a state of its own, but the density, the monitor, the curves and the recent rows."""
        return [
            self.inputs,
            self.feature_watch,
            *filter(None, [self.delays, self.reaction]),
            *self.members,
            self.mixer,
            self.history,
            self.scores,
            self.ledger,
            *self.calibration.stages,
        ]

    @property
    def other_parts(self) -> list[str]:
        """Names under which the state holds what is none of :attr:`stages`."""
        return ["alarms", self.curves.name, self.recent.name, "density", "pending"]

    def start(self, timed: bool, saved: frozenset[str] = frozenset()) -> None:
        """Make the parts whose width the first event decides.

        Parameters
        ----------
        timed : bool
            Whether events and labels have times.
        saved : frozenset of str
            Names of the arrays of the state that is loaded next, if one is.

        Raises
        ------
        SpecError
            When a member is none, reads no block of the row, has the name of another part, or keeps an array of
            pending events under a name that is taken.
        """
        task, first = self.task, self.schema.first
        self.timed = timed
        self.inputs.grow(self.schema.text[:first], first)
        self.layout = self._new_layout()
        self.recent.grow(np.zeros(0, np.int64), self._row_width)
        self.delays = Delays(self.layout.columns) if timed else None
        room = self._new_room(self.layout, np.arange(self._row_width))
        self.members, self.experts = [], []
        for factory in (*task.recipe.members, *self.options.members):
            member = factory(room._replace(place=len(self.experts), saved=saved))
            if not isinstance(member, Member):
                raise SpecError(
                    f"learner option members: {factory!r} makes a {type(member).__name__}, no Member"
                )
            self.layout.span(*member.reads)  # refuses a block that no row has
            self.members.append(member)
            self.experts += member.names
        _check_names("members of a pool", [m.name for m in self.members])
        self.early = [m for m in self.members if m.early]
        self.late = [m for m in self.members if not m.early]
        watched = [m for m in self.members if m.watched]
        missing = {*task.recipe.imputers, *task.recipe.controls} - set(self.experts)
        if missing or not watched:
            what = (
                f"a member that predicts {sorted(missing)[0]!r}" if missing else "a network that is watched"
            )
            raise SpecError(f"the recipe of this pool lacks {what}")
        self.units = watched[0].units
        task.make(self.experts, [m.begins for m in self.members for _ in m.names], self.units)
        self.history, self.mixer, self.density = task.history, task.mixer, task.density
        self.scores = Scores(task.classify)
        self.ledger = Ledger(self.scores.names, [*self.experts, *self.mixer.stackers])
        _check_names("experts of a pool", self.ledger.experts)
        _check_names("parts of a pool", [*(stage.name for stage in self.stages), *self.other_parts])
        _check_names("arrays of pending events", [leaf for some in self._leaves_of(room) for leaf in some])
        self.pending = Pending(self._leaves(room))
        if not all(m.grows for m in self.members):
            self.schema.close()
        self.started = True

    def widen(self) -> None:
        """Make room for columns, classes and categories that have come since. Predictions of what was there stay."""
        if not self.started:
            return
        d, values, rows = self.schema.width, self.task.width, self.inputs.category_rows
        wide, known = (d, values, self.inputs.mean_columns), (len(self.schema.names), rows)
        if (wide, known) == (self._wide, self._known):
            return
        had, self._wide, (columns, _), self._known = self._wide, wide, self._known, known
        if d > self.inputs.columns or 0 < columns < known[0]:  # not those of the first event, or of a state
            self.inputs.grow(self.schema.text_in_width, self.schema.first)
        if columns < known[0]:
            self.feature_watch.grow(self.schema.text_in_width)
        if wide == had and rows <= self._room:
            for used in self._tables:  # a new value of a category, the common case: no array changes
                used.update(dict.fromkeys(used, rows))
            return
        self.grown += 1
        old, new = self.layout, self._new_layout()
        places = old.positions_in(new)
        if new != old:
            self.layout = new
            self.recent.grow(places, self._row_width)
            if self.density.classes < values:
                self.density.grow(values)
        if self.delays is not None:
            self.delays.grow(d, rows, new.mean_columns)
        room = self._new_room(old, places)
        moved = {"row": places}
        for member in self.members:
            moved |= member.moved(room)
            member.make_room(room)
        self.history.grow(values, rows)
        self.mixer.grow(values)
        for leaf, (_, shape) in self._leaves(room).items():
            self.pending.reshape(leaf, shape, moved.get(leaf), _FILL.get(leaf, 0.0))
        tables = [stage for stage in self.stages if stage.used]
        self._tables = [stage.used for stage in tables]
        self._room = min((len(stage.s[k]) for stage in tables for k in stage.used), default=0)

    def react(self) -> None:
        """There was an alarm: the young network is restarted if there is one, and members may reopen what they closed."""
        for net in self.networks:
            if net.spec.name == RESTARTED:
                assert self.reaction is not None
                net.restart(self.options.seed + self.reaction.count)
        for member in self.members:
            member.reopen()
        self.grown += 1  # arrays may be others now

    def buffers(self, m: int) -> tuple[np.ndarray, np.ndarray]:
        """Zeros for latents and losses of `m` operations; the same memory every time."""
        widths = self.units, self.ledger.width
        if self._buffers is None or len(self._buffers[0]) < m or self._buffers[1].shape[1] != widths[1]:
            self._buffers = np.empty((m, widths[0]), f4), np.empty((m, widths[1]))
        latent, losses = self._buffers[0][:m], self._buffers[1][:m]
        latent.fill(0.0)
        losses.fill(0.0)
        return latent, losses

    @property
    def _row_width(self) -> int:
        return int(self.layout.offsets[-1])

    def _new_layout(self) -> Layout:
        i, task = self.inputs, self.task
        delays = (DELAY_VALUES, len(DUE_DEVIATIONS)) if self.timed else (0, 0)
        return Layout(
            i.columns,
            i.context_columns,
            len(CONTEXT_SPANS),
            task.history_kind.rows,
            task.width,
            i.mean_columns,
            task.codes,
            task.history_kind.residuals,
            task.lags,
            *delays,
        )

    def _new_room(self, before: Layout, places: np.ndarray) -> Room:
        task, rows = self.task, self.inputs.category_rows
        return Room(self.layout, before, places, task.width, rows, task.classify, self.options.seed)

    def _leaves(self, room: Room) -> Leaves:
        return {leaf: kept for part in self._leaves_of(room) for leaf, kept in part.items()}

    def _leaves_of(self, room: Room) -> list[Leaves]:
        columns = max(self.layout.columns, 1)
        wanted = {want for m in self.members for want in m.wants}
        return [
            {
                "row": (f4, (self._row_width,)),
                "ids": (np.int32, (columns,)),
                "mean_ids": (np.int32, (MAX_MEANS,)),
                "pairs": (np.int32, (PAIRS + SINGLES,)),
                "clock": (np.int64, ()),
                "p": (f4, (len(self.experts), room.values)),
            },
            {"names": (np.int32, (columns,))} if "names" in wanted else {},
            self.task.leaves(room),
            *(member.leaves(room) for member in self.members),
            self.calibration.leaves,
            {"usual": (np.float64, (3,)), "record": (np.int64, ())} if self.timed else {},
        ]


def _check_names(what: str, names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SpecError(f"two {what} are named {twice[0]!r}: names must differ")
