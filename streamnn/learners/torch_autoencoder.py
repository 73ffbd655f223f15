"""A torch autoencoder of one's own that finds anomalies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .._kernels.jit import Hole, recorded
from .._kernels.program import Program
from ..alarms import DriftMonitor
from ..alarms._scan import scan as _watch
from ..errors import SpecError, StateError
from ..features.encoder import Encoder, columns_of
from ..features.frames import Table, row_of, table_of
from ..features.inputs import CONTEXT_SPANS, MAX_MEANS, PAIRS, SINGLES, Inputs
from ..features.layout import Layout
from ..features.schema import Schema
from ..guests.choosing import guest_member
from ..guests.guest import Guest, Mirror, Mirrored
from ..lowered.reconstruction import log_error
from ..members.member import Member, Room, Segment
from ..state import Arrays, state_hash
from ..types import LEARN, LOOK, OBSERVE, Alarm
from .estimator import Estimator, Parameter
from .learner import KEPT_ALARMS
from .turns import Turns

if TYPE_CHECKING:
    from ..guests.explain import Explanation

f4 = np.float32
_NAME = "autoencoder"


class TorchAutoencoder(Turns, Estimator):
    """A torch autoencoder, or any such network of one's own, that learns rows event by event and says how odd one is.

    Columns are standardised as they come, and the score of a row is the mean squared error of its reconstruction: in
    variances of a column, as a rule 1 for a network that has learnt nothing. A missing value is 0 to the network, the mean,
    and is not compared; so new columns change no score of rows that do not have them. Columns of text are not read. The module becomes compiled
    kernels where it can, and :meth:`explain` says which road it took and why.

    Parameters
    ----------
    make : callable
        ``make(inputs)`` gives a new module with as many outputs. It is called at the first event, and again when there
        are more columns: what was learnt keeps its place, with the optimiser's moments. Where more columns can't be had
        so, those of the first event are all there are; others are counted in `columns_refused`.
    optimizer : str or callable
        ``"sgd"``, ``"adam"``, ``"adamw"``, ``"rmsprop"``, or ``optimizer(parameters)`` that makes one of torch's.
    lr : float
        Step size.
    batch : int
        Events to a step of the optimiser.
    road : {"auto", "lowered", "traced", "eager"}
        Auto takes the fastest that can take the module.
    optimizer_options : mapping, optional
        Further ones as torch names them.
    seed : int
        Of the module's first weights.
    max_columns : int
        Input columns beyond this are ignored and counted.
    categories : sequence of str
        Number columns whose values are names, which are not read.
    events_per_false_alarm : float
        Budget of the alarms on the logarithm of the score, see :class:`streamnn.alarms.DriftMonitor`.
    alarms : bool
        Whether to watch it.

    Raises
    ------
    SpecError
        Names the option that is wrong; at the first event, when the module can't be such a network.
    MissingPackage
        At the first event, where torch is not installed.

    Examples
    --------
    >>> from torch import nn
    >>> def make(inputs):
    ...     return nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, inputs))
    >>> model = TorchAutoencoder(make, lr=0.003)
    >>> model
    TorchAutoencoder(make=make, lr=0.003)
    """

    _supervised = False
    make, optimizer, lr, batch, road = Parameter(), Parameter(), Parameter(), Parameter(), Parameter()
    optimizer_options, seed, max_columns, categories = Parameter(), Parameter(), Parameter(), Parameter()
    events_per_false_alarm = Parameter()

    def __init__(
        self,
        make: Callable[[int], Any],
        optimizer: str | Callable[[Any], Any] = "adam",
        lr: float = 0.01,
        batch: int = 1,
        road: str = "auto",
        optimizer_options: Mapping[str, Any] | None = None,
        seed: int = 1,
        max_columns: int = 4096,
        categories: Sequence[str] = (),
        events_per_false_alarm: float = 10_000.0,
        alarms: bool = True,
    ) -> None:
        self._given_options = {
            "make": make,
            "optimizer": optimizer,
            "lr": lr,
            "batch": batch,
            "road": road,
            "optimizer_options": optimizer_options,
            "seed": seed,
            "max_columns": max_columns,
            "categories": categories,
            "events_per_false_alarm": events_per_false_alarm,
            "alarms": alarms,
        }
        if not callable(make):
            raise SpecError(
                f"make is {make!r}: a function of the number of inputs that makes a module is needed"
            )
        options = optimizer_options or {}
        self._guest: Guest = Mirror(Mirrored(make), optimizer, lr, options, batch=batch, road=road)
        self._schema = Schema(max_columns, categories)
        self._inputs = Inputs()
        self._inputs.context = False
        self._layout = _layout(0)
        self._member: Member | None = None
        self._monitor = DriftMonitor(["surprise"], events_per_false_alarm)
        self._alarms: deque[Alarm] = deque(maxlen=KEPT_ALARMS)
        self._event = np.zeros(2, np.int64)  # ticket of the next event
        self._clear()

    def _clear(self) -> None:
        self._encoder = Encoder(self._schema)
        self._store: Arrays = {}
        self._look: Program | None = None
        self._learn: Program | None = None

    @property
    def _given(self) -> dict[str, Any]:
        return self._given_options

    @property
    def alarms(self) -> list[Alarm] | None:
        """The last 1,000 alarms that this object saw fire, the newest last; None where it does not watch for any."""
        return list(self._alarms) if self._given["alarms"] else None

    @property
    def columns_refused(self) -> int:
        """Columns beyond ``max_columns``, which are ignored."""
        return self._schema.refused

    def learn_one(self, x: Mapping[str, Any]) -> None:
        """Learn a row.

        Raises
        ------
        SchemaError
            When a column has a value that it can't have; nothing has changed then.
        """
        if type(x) is not dict:
            x = row_of(x)
        if self._learn is None or not self._encoder.write(x, True):
            columns = self._schema.prepare(columns_of(x), 1)  # the last that may refuse
            row = self._schema.encode(columns, 1)
            self._grow()
            self._encoder.row[:] = row
        assert self._learn is not None
        stop = self._learn.run()
        while stop is not None:
            fired = self._learn.answers(_watch)[0]
            self._alarms.extend(self._monitor.report(self._watched, fired, self._schema.names))
            stop = self._learn.run(stop.place)
        self._event += 1

    def score_one(self, x: Mapping[str, Any]) -> float:
        """How odd a row is: the mean squared error of its reconstruction, at most 100; 0 before the first event. Changes
        nothing."""
        if type(x) is not dict:
            x = row_of(x)
        if self._look is None:
            return 0.0
        if not self._encoder.write(x, False):
            self._encoder.row[:] = self._schema.encode(self._schema.prepare(columns_of(x), 1), 1, learn=False)
        self._look.run()
        return float(self._store["p"][0, 0, 0])

    def learn_many(self, X: Any) -> None:
        """:meth:`learn_one` row by row.

        Parameters
        ----------
        X : table
            As for :meth:`Classifier.learn_many`.

        Raises
        ------
        SchemaError
            As there; nothing has been learnt then.
        """
        table = table_of(X)
        self._schema.prepare(table.columns, table.rows)  # refuses what no row may hold
        for x in _rows(table):
            self.learn_one(x)

    def score_many(self, X: Any) -> Any:
        """The same answers as :meth:`score_one` row by row, in a Series where `X` is a frame. Changes nothing."""
        table = table_of(X)
        self._schema.prepare(table.columns, table.rows)
        return table.series([self.score_one(x) for x in _rows(table)])

    def explain(self) -> Explanation:
        """Which road the module takes and why, and what it is made of; printed, it is what a user reads.

        Raises
        ------
        StateError
            Before the first event: until then nobody knows how wide the module is.
        """
        from ..guests.explain import explain

        if self._member is None:
            raise StateError("there is no network before the first event")
        inputs = max(self._layout.columns, 1)
        return explain(self._guest, inputs, inputs)

    def _grow(self) -> None:
        """Make room for the schema's columns, and record the calls anew."""
        before, d = self._layout, self._schema.width
        self._inputs.grow(self._schema.text_in_width, self._schema.first)
        if self._learn is not None and before.columns == d:
            return
        self._layout = now = _layout(d)
        room = Room(now, before, before.positions_in(now), 1, 0, False, self._given["seed"])
        if self._member is None:
            self._member = guest_member(self._guest, _NAME)(room._replace(before=now, places=np.arange(d)))
            if not self._member.grows:
                self._schema.close()
        else:
            self._member.make_room(room)
        self._record()

    def _record(self) -> None:
        member, d = self._member, self._layout.columns
        assert member is not None
        self._encoder = Encoder(self._schema)
        store: Arrays = {
            "row": np.zeros((1, d), f4),
            "ids": np.full((1, max(d, 1)), -1, np.int32),
            "mean_ids": np.zeros((1, MAX_MEANS), np.int32),
            "pairs": np.zeros((1, PAIRS + SINGLES), np.int32),
        }
        no_names = np.full((1, max(d, 1)), -1, np.int32)
        self._store = {"row": store["row"], "names": no_names, "p": np.zeros((1, 1, 1), f4)}
        programs = []
        for op in (np.array([LOOK], np.int8), np.array([OBSERVE, LEARN], np.int8)):
            m = len(op)
            segment = _segment(op, self._event[:m])
            step = partial(member.step, segment, self._layout, self._store)
            with recorded() as calls:
                self._inputs.scan(op, segment.slot, self._encoder.row, self._layout.offsets, store)
                (step if member.compiled else Hole(step, _NAME))()
                if m == 2 and self._given["alarms"]:
                    signals, tags = np.zeros((1, m)), np.zeros((1, m), np.int32)
                    log_error(self._store["p"], signals)
                    self._watched = self._monitor.segment(signals, tags[0], op, self._event)
                    self._watched.take()
            programs.append(Program(calls, (_watch,)))
        self._look, self._learn = programs

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Everything a later score depends on: arrays, and JSON-able data."""
        watched, monitor = self._monitor.state_dict()
        arrays = self._inputs.state_dict() | {f"alarms/{k}": v for k, v in watched.items()}
        if self._member is not None:
            arrays |= self._member.state_dict()
        meta = {
            "learner": type(self).__name__,
            "options": self._saved_options(),
            "schema": self._schema.state(),
            "events": int(self._event[0]),
            "alarms": monitor,
        }
        return arrays, meta

    def _saved_options(self) -> dict[str, Any]:
        said = {
            k: v
            for k, v in self._given.items()
            if k not in ("make", "road", "optimizer", "optimizer_options")
        }
        return said | {"categories": sorted(self._given["categories"])}

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a saved state; the learner must be new and of the same options.

        Raises
        ------
        StateError
            Names what does not fit.
        """
        if self._member is not None:
            raise StateError("a state is loaded into a new learner only: this one has seen events")
        mine = self.state_dict()[1]
        for k in ("learner", "options"):
            if meta.get(k) != mine[k]:
                raise StateError(f"{k} is {mine[k]!r} here and {meta.get(k)!r} in the state")
        fresh = type(self)(**self._given)
        fresh._schema.load(meta["schema"])
        fresh._event[:] = meta["events"]
        watched = {k.removeprefix("alarms/"): v for k, v in arrays.items() if k.startswith("alarms/")}
        fresh._monitor.load_state_dict(watched, meta["alarms"])
        if fresh._schema.names or meta["events"]:
            fresh._grow()
            fresh._inputs.load_state_dict(arrays)
            assert fresh._member is not None
            fresh._member.load_state_dict(arrays)
            fresh._record()
        self.__dict__.update(fresh.__dict__)

    def state_hash(self) -> str:
        """Hash of the whole state: equal means the same bits from here on."""
        return state_hash(*self.state_dict())

    def _kept(self) -> dict[str, Any]:
        addresses: dict[str, Any] = {
            "_look": None,
            "_learn": None,
            "_encoder": None,
            "_store": {},
            "_watched": None,
        }
        return {**self.__dict__, **addresses}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clear()
        if self._member is not None:
            self._record()


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    names = list(table.columns)
    values = [list(v) if v.dtype.kind in "mM" else v.tolist() for v in table.columns.values()]
    for row in zip(*values, strict=True):
        yield dict(zip(names, row, strict=True))


def _layout(columns: int) -> Layout:
    return Layout(columns, 0, len(CONTEXT_SPANS), 0, 1, 0, 0, 0)


def _segment(op: np.ndarray, ticket: np.ndarray) -> Segment:
    """An event that is looked at, or one that is observed and learnt at once; there is no label."""
    m = len(op)
    return Segment(
        op=op,
        slot=np.zeros(m, np.int64),
        ticket=ticket,
        y=np.zeros(m),
        weight=np.ones(m, f4),
        target=np.zeros(m, f4),
        time=np.full(m, np.nan),
        unit=np.zeros((m, 2)),
        latent=np.zeros((0, 0), f4),
        losses=np.zeros((m, 0)),
    )
