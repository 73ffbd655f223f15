"""A small network that learns beside a pool from what a device can measure, and is published as integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import SchemaError
from ...features.class_labels import known_codes
from ...pool.pending import Pending
from ...types import LEARN, OBSERVE, Chunk, Output
from ..artefact import Artefact
from ..cost import cost
from ..input_stage import HISTORY_BLOCKS, HISTORY_SPANS, INPUT_SPANS
from ..integers import NO_READING
from . import saved
from .arms import Devices, predict_and_learn
from .field import ARMS, BIAS, LAYER, LONG, MAJORITY, OFF, POOL, SHORT, Field
from .following import take_in
from .options import StudentOptions
from .publishing import Publisher
from .reservoir import Reservoir, shifted_readings
from .schedule import CHANGED_UNIT, Schedule
from .sensing import Sensing, moved
from .stage_fit import SPARSE_FROM

f4 = np.float32


@dataclass(frozen=True, slots=True)
class Publication:
    """An artefact was made.

    Parameters
    ----------
    event : int
        Labels learnt before it.
    reason : str
        ``"schedule"``, or the cause of an alarm.
    artefact : Artefact
    refused : str
        Why it is not to be used; empty where it is.
    scores : dict
        Of the window before it, by arm.
    """

    event: int
    reason: str
    artefact: Artefact
    refused: str = ""
    scores: dict[str, Any] = field(default_factory=dict)


class Student:
    """Learns beside a pool, in the integers of a device, and is published as an artefact.

    Give it each chunk after the pool has run it. It keeps a reservoir of labelled events; at each publication it fits
    the feature stage, replays the reservoir, quantises, and from then on scores the artefact frozen on what comes next.

    Parameters
    ----------
    classify : bool
    options : StudentOptions

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn import Classifier
    >>> from streamnn.types import Chunk
    >>> model, student = Classifier(), Student(True, StudentOptions())
    >>> x, n = np.random.default_rng(0).normal(size=400), 400
    >>> op, ticket = np.tile(np.array([0, 1], np.int8), n), np.arange(n).repeat(2)
    >>> chunk = Chunk({"a": x}, op, ticket, np.where(x > 0, "up", "down").repeat(2).astype(object))
    >>> [p.event for p in student.run(chunk, model.run(chunk), model.classes)]
    [64, 128, 256]
    >>> student.artefact.classes == tuple(model.classes)
    True
    """

    def __init__(self, classify: bool, options: StudentOptions | None = None):
        self.classify = classify
        self.options = options or StudentOptions()
        self.sensing = Sensing(self.options.sensors, label=self.options.history and not classify)
        self.field = Field(classify)
        self.publisher = Publisher(classify, self.options, self.sensing)
        self.pending = Pending({})
        self.reservoir: Reservoir | None = None
        self.spans: tuple[int, ...] = ()
        self.classes: tuple[Any, ...] = ()
        self.known = 0
        """Classes that have come, in the order of their numbers."""
        self.s: dict[str, np.ndarray] = {}
        self.schedule = Schedule(self.options)
        self.cut = 0
        """Ticket of the first event that is replayed."""
        self.converted = -1
        """Since when the units hold in which everything was counted last."""
        self.last_label = float("nan")
        self.begins = 0
        """Ticket of the first event that was observed."""
        self.devices = Devices.none()

    # what it says

    @property
    def artefact(self) -> Artefact | None:
        """The newest that was not refused."""
        return self.publisher.accepted

    @property
    def learnt(self) -> int:
        """Labels so far."""
        return self.reservoir.learnt if self.reservoir else 0

    # the log

    def run(self, chunk: Chunk, output: Output, classes: Sequence[Any] = ()) -> list[Publication]:
        """Go through a chunk that the pool has gone through.

        Parameters
        ----------
        chunk : Chunk
            Weights are passed over: each label counts once.
        output : Output
            What the pool said.
        classes : sequence
            The pool's, by number.

        Returns
        -------
        list of Publication
        """
        seen = chunk.op == OBSERVE
        values = self.sensing.values(chunk.columns, int(seen.sum()))
        self.classes = tuple(classes)
        label = self._labels(chunk)
        forecast = self._forecasts(output)
        self.make_room()
        self.schedule.note(output.alarms)
        out: list[Publication] = []
        at = 0
        while at < len(chunk.op):
            asked = self.schedule.asked(chunk, at)
            if asked is not None:
                out += self._publish(asked.cause, asked.began, asked.cut)
                continue
            end, due = self.schedule.end(chunk, at, self.learnt)
            part = slice(at, end)
            rows = slice(int(seen[:at].sum()), int(seen[:end].sum()))
            self._segment(chunk.op[part], chunk.ticket[part], label[part], values[rows], forecast[rows])
            if due:
                out += self._publish("schedule")
            at = end
        return out

    def _labels(self, chunk: Chunk) -> np.ndarray:
        out = np.full(len(chunk.op), np.nan)
        learn = np.flatnonzero(chunk.op == LEARN)
        if self.classify:
            codes = known_codes(chunk.label[learn], {c: i for i, c in enumerate(self.classes)})
            if codes is None:
                raise SchemaError(
                    "a label is none of the classes: give the pool's classes as they are after the chunk"
                )
            out[learn] = codes
        else:
            out[learn] = chunk.label[learn].astype(np.float64)
        return out

    def _forecasts(self, output: Output) -> np.ndarray:
        if not self.classify:
            assert output.median is not None
            return output.median[:, None].astype(f4)
        assert output.proba is not None
        out = np.zeros((len(output.ticket), self.outputs), f4)
        out[:, : output.proba.shape[1]] = output.proba[:, : self.outputs]
        return out

    @property
    def outputs(self) -> int:
        """Classes, or 1."""
        return max(len(self.classes), 2) if self.classify else 1

    def make_room(self) -> None:
        """Room for the sensors and classes that there are."""
        d, C, new = self.sensing.count, self.outputs, self.reservoir is None
        if self.reservoir is None:
            self.spans = INPUT_SPANS if self.sensing.first <= SPARSE_FROM else ()
            self.reservoir = Reservoir(self.options.reservoir, 1 + len(self.spans), self.sensing.first)
            self.publisher.start(self.reservoir, self.spans)
            leaves = {
                "v": (np.int32, (1 + len(self.spans), 0)),
                "history": (np.int16, (HISTORY_BLOCKS, 0)),
                "p": (f4, (len(ARMS), 0)),
                "q15": (np.int32, (2, 0)),
                "z": (np.int16, (0,)),
                "window": (np.int64, ()),
            }
            self.pending = Pending(leaves)
            self.s = {
                "mean": np.zeros((len(self.spans), 0), np.int64),
                "seen": np.zeros(0, np.bool_),
                "fade": np.zeros((len(HISTORY_SPANS), 0), np.int64),
                "last": np.full(1, -1, np.int64),
                "majority": np.zeros(1 if self.classify else 2),
            }
        s, known = self.s, C if self.options.history and self.classify else 0
        if not new and s["mean"].shape[1] == d and len(s["majority"]) == (C + 1 if self.classify else 2):
            return
        s["mean"] = _widened(s["mean"], len(self.spans), d)
        s["seen"] = _widened(s["seen"], d)
        s["fade"] = _widened(s["fade"], len(HISTORY_SPANS), known)
        if self.classify:
            total = s["majority"][-1]
            s["majority"] = _widened(s["majority"][:-1], C + 1)
            s["majority"][C] = total
        self.reservoir.widen(d, known, C)
        a = self.pending
        fresh = a.a["v"].shape[2]
        a.reshape("v", (1 + len(self.spans), d))
        a.a["v"][:, :, fresh:] = NO_READING
        a.reshape("history", (HISTORY_BLOCKS, known))
        a.reshape("p", (len(ARMS), C))
        a.reshape("q15", (2, C))

    # a piece of the log

    def _segment(
        self, op: np.ndarray, ticket: np.ndarray, label: np.ndarray, values: np.ndarray, forecast: np.ndarray
    ) -> None:
        assert self.reservoir is not None
        s, seen, learn = self.s, op == OBSERVE, op == LEARN
        if self.classify and learn.any():
            self.known = max(self.known, int(label[learn].max()) + 1)
        if self.sensing.label:
            values = np.concatenate([self._known_numbers(seen, learn, label)[:, None], values], 1)
        first = int(ticket[seen][0]) if seen.any() else int(ticket.max(initial=0)) + 1
        if not self.sensing.s["observed"][0]:
            self.begins = first
        raw = self.sensing.read(values)
        slot = self.pending.slots(seen, ticket, first)
        a = self.pending.a
        history_known, context = (
            (s["fade"], s["last"]),
            (np.array(self.spans, np.int64), s["mean"], s["seen"]),
        )
        a["window"][slot[seen]] = self.field.current
        take_in(
            op,
            slot,
            raw,
            label,
            self.classify,
            history_known,
            context,
            s["majority"],
            a["v"],
            a["history"],
            a["p"],
        )
        a["p"][slot[seen], POOL] = forecast
        if self.publisher.current is not None:
            predict_and_learn(self.publisher, self.pending, self.devices, self.field.current, op, slot, label)
        ls = slot[learn]
        self.field.score(a["p"][ls], label[learn], a["window"][ls])
        self.reservoir.add(a["v"][ls], a["history"][ls], label[learn], a["p"][ls, POOL], ticket[learn])
        self.pending.give_back(self.pending.release(seen, ticket, first, slot))

    def _known_numbers(self, seen: np.ndarray, learn: np.ndarray, label: np.ndarray) -> np.ndarray:
        """The last number known before each event."""
        known = np.concatenate([[self.last_label], label])
        at = np.maximum.accumulate(np.where(learn, np.arange(1, len(label) + 1), 0))
        self.last_label = float(known[at[-1]]) if len(at) else self.last_label
        return known[at[seen]]

    # publication

    def _publish(self, reason: str, since: int = 0, cut: int = 0) -> list[Publication]:
        assert self.reservoir is not None
        if not self._can_publish():
            return []
        shift = self.sensing.redeclare()
        if shift.any():
            self.publisher.fit.shift_format(shift)
            self.reservoir.shift_format(shift)
            self.pending.a["v"] = shifted_readings(self.pending.a["v"], shift)
            self.s["mean"] = moved(self.s["mean"], shift)
        losses = self.field.losses()
        scores = self.field.rows()[-1]["arms"] if self.field.windows else {}
        learning = self._learning()
        if reason != "schedule" and (since == self.converted or self._change_units(reason, since)):
            self.converted = since
            since = cut = 0
        change = self.publisher.fit.fit(self.sensing, self._observed_before(since))
        if reason != CHANGED_UNIT or change.moved:
            self.cut = max(self.cut, cut)
        artefact = self.publisher.publish(
            change, self.cut, self._memory(), self.classes[: self.known], learning, reason
        )
        refused = self._refusal(losses, learning)
        if not refused:
            self.publisher.accepted = artefact
        self.field.begin(
            {"event": self.learnt, "reason": reason, "refused": refused, "learning": learning,
             "bytes": cost(artefact).total.table_bytes,
             "flip_rate": getattr(self.publisher.networks["live"], "flip_rate", None)}
        )  # fmt: skip
        self.devices = Devices.of(artefact)
        return [Publication(self.learnt, reason, artefact, refused, scores)]

    def _can_publish(self) -> bool:
        enough = self.learnt >= min(self.options.first, default=self.options.every)
        return enough and self.sensing.read_so_far > 0 and (not self.classify or self.known >= 2)

    def _observed_before(self, ticket: int) -> int:
        return max(ticket - self.begins, 0)

    def _change_units(self, reason: str, began: int) -> bool:
        """Whether sensors changed their units by powers of two when an alarm says that something began: what was read
        before then counts in the new ones, and all goes on."""
        shift = self.sensing.changed_units(self._observed_before(began))
        if not shift.any() or self.publisher.current is None:
            return False
        alive = self.publisher.fit.s["alive"]
        together = 2 * np.unique(shift[shift != 0], return_counts=True)[1].max() >= alive.sum() > 1
        better = True if together else self.publisher.better_in_units(shift, began)
        if not (reason == CHANGED_UNIT if better is None else better):
            return False
        assert self.reservoir is not None
        self.sensing.change_units(shift, self._observed_before(began))
        self.publisher.fit.shift_format(shift)
        self.reservoir.change_units(shift, began)
        tickets = np.array(self.pending.tickets, np.int64)
        old = self.pending.find(tickets[tickets < began])
        self.pending.a["v"][old] = shifted_readings(self.pending.a["v"][old], shift)
        return True

    def _learning(self) -> str:
        """What the next device is to learn: what had the least loss in the field."""
        if not self.classify or self.options.learning != "auto":
            return self.options.learning if self.classify else "off"
        losses = self.field.losses(3)
        if losses is None:
            return "off"
        return ("off", "bias", "layer")[int(np.argmin(losses[[OFF, BIAS, LAYER]]))]

    def _memory(self) -> str:
        """The memory that was better in the field, where both have been there."""
        if "short" not in self.publisher.frozen:
            return "long"
        return "short" if self.field.better(SHORT, LONG) else "long"

    def _refusal(self, losses: np.ndarray | None, learning: str) -> str:
        if losses is None:
            return ""
        arm = {"off": OFF, "bias": BIAS, "layer": LAYER}[learning]
        mine, majority, limit = losses[arm], losses[MAJORITY], self.options.limit
        if limit is not None and mine > limit:
            return f"its loss in the field was {mine:.4f}, above the limit {limit:g}"
        if mine > majority:
            return f"its loss in the field was {mine:.4f}, above the majority's {majority:.4f}"
        return ""

    # state

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Everything that later answers depend on: arrays, and JSON-able data."""
        return saved.state_of(self)

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a state saved by :meth:`state_dict`; the student must be new and have the same options.

        Raises
        ------
        StateError
            Names the option or leaf that does not fit.
        """
        saved.load(self, arrays, meta)


def _widened(a: np.ndarray, *shape: int) -> np.ndarray:
    out = np.zeros(shape, a.dtype)
    out[tuple(slice(0, n) for n in a.shape)] = a
    return out
