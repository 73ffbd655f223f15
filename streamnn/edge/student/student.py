"""A small network that learns beside a pool from what a device can measure, and is published as integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...network.network import Network
from ...pool.pending import Pending
from ...types import EXPIRE, LEARN, OBSERVE, Alarm, Chunk, Output
from ..artefact import Artefact
from ..device import top_weight
from ..input_stage import HISTORY_BLOCKS, HISTORY_SPANS, INPUT_SPANS, InputStage
from ..modules import run_modules
from ..probabilities import POWERS, RECIPROCALS
from .field import ARMS, BIAS, FLOAT, LAYER, LIVE, LONG, MAJORITY, OFF, POOL, SHORT, Field
from .following import learn_on_device, take_in
from .networks import predictions, rows_of
from .options import StudentOptions
from .publishing import Publisher, device_shifts
from .reservoir import Reservoir, readings, shifted_readings
from .sensing import Sensing, moved
from .stage_fit import SPARSE_FROM

f4 = np.float32
AFTER_ALARM = (64, 256, 1024)
"""Observed events after the beginning of a change at which an artefact is published for it."""
CHANGED_UNIT = "feature changed unit"
CUTTING = ("new concept", "new label balance", CHANGED_UNIT)
"""Causes of alarms from which on older events are not replayed any more; those of another unit if one did change."""
WATCHED = (*CUTTING, "new inputs", "feature died")


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
        self.s: dict[str, np.ndarray] = {}
        self.forced: list[tuple[int, int, int, str]] = []
        """Publications that alarms asked for: ticket before which, since when, cut from, cause."""
        self.cut = 0
        """Ticket of the first event that is replayed."""
        self.last_label = float("nan")

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
        self._make_room()
        self._note(output.alarms)
        out: list[Publication] = []
        at = 0
        while at < len(chunk.op):
            ask = self._asked(chunk, at)
            if ask is not None:
                out += self._publish(ask[3], ask[1], ask[2])
                continue
            end, due = self._end(chunk, at)
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
            code = {c: i for i, c in enumerate(self.classes)}
            given = chunk.label[learn].tolist()
            out[learn] = [code[v.item() if isinstance(v, np.generic) else v] for v in given]
        else:
            out[learn] = [float(v) for v in chunk.label[learn]]
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

    def _make_room(self) -> None:
        d, C = self.sensing.count, self.outputs
        if self.reservoir is None:
            self.spans = INPUT_SPANS if d <= SPARSE_FROM else ()
            self.reservoir = Reservoir(self.options.reservoir, 1 + len(self.spans))
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
                "alone": np.zeros(0, np.int64),
                "bias": np.zeros(0, np.int64),
                "out": np.zeros((0, 0), np.int64),
            }
        s, known = self.s, C if self.options.history and self.classify else 0
        if s["mean"].shape[1] == d and len(s["majority"]) == (C + 1 if self.classify else 2):
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
        a.a["v"][:, :, fresh:] = -(1 << 30)
        a.reshape("history", (HISTORY_BLOCKS, known))
        a.reshape("p", (len(ARMS), C))
        a.reshape("q15", (2, C))

    # publications that are due

    def _note(self, alarms: Sequence[Alarm]) -> None:
        for alarm in alarms:
            if alarm.cause in WATCHED:
                began = min(alarm.began, alarm.event)
                cut = began if alarm.cause in CUTTING else 0
                for after in AFTER_ALARM:
                    self.forced.append((max(alarm.event + 1, began + after), began, cut, alarm.cause))
        self.forced.sort()

    def _asked(self, chunk: Chunk, at: int) -> tuple[int, int, int, str] | None:
        """A publication that an alarm asked for before the next event is observed."""
        if not self.forced or chunk.op[at] != OBSERVE or chunk.ticket[at] < self.forced[0][0]:
            return None
        due = [f for f in self.forced if f[0] <= chunk.ticket[at]]
        self.forced = self.forced[len(due) :]
        return due[-1]

    def _end(self, chunk: Chunk, at: int) -> tuple[int, bool]:
        """Where the segment from `at` ends, and whether a publication is due there."""
        end = len(chunk.op)
        if self.forced:
            later = np.flatnonzero((chunk.op[at:] == OBSERVE) & (chunk.ticket[at:] >= self.forced[0][0]))
            end = at + int(later[0]) if len(later) else end
        learn = np.flatnonzero(chunk.op[at:end] == LEARN)
        wanted = self.options.next_publication(self.learnt) - self.learnt
        if len(learn) >= wanted:
            return at + int(learn[wanted - 1]) + 1, True
        return end, False

    # a piece of the log

    def _segment(
        self, op: np.ndarray, ticket: np.ndarray, label: np.ndarray, values: np.ndarray, forecast: np.ndarray
    ) -> None:
        assert self.reservoir is not None
        s, seen, learn = self.s, op == OBSERVE, op == LEARN
        if self.sensing.label:
            values = np.concatenate([self._known_numbers(seen, learn, label)[:, None], values], 1)
        raw = self.sensing.read(values)
        first = int(ticket[seen][0]) if seen.any() else int(ticket.max(initial=0)) + 1
        slot = self.pending.slots(seen, ticket, first)
        a = self.pending.a
        history_known, context = (s["fade"], s["last"]), (np.array(self.spans, np.int64), s["mean"], s["seen"])
        a["window"][slot[seen]] = self.field.current
        take_in(op, slot, raw, label, self.classify, history_known, context, s["majority"], a["v"], a["history"], a["p"])
        a["p"][slot[seen], POOL] = forecast
        if self.publisher.current is not None:
            self._predict_and_learn(op, slot, label)
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

    def _predict_and_learn(self, op: np.ndarray, slot: np.ndarray, label: np.ndarray) -> None:
        a, now = self.pending.a, self.publisher.current
        assert now is not None
        stage, outputs = now.stage, now.outputs
        used, local = np.unique(slot, return_inverse=True)
        rows, ids, x = self.inputs(stage, a["v"][used], a["history"][used])
        fit = (op == LEARN) & (label >= outputs) if self.classify else np.zeros(len(op), np.bool_)
        seen = op == OBSERVE
        own, at = slot[seen], local[seen]
        a["p"][own, :POOL, outputs:] = 0.0  # classes that came since it was published
        live = self.publisher.networks["live"]
        p = np.zeros((len(used), 2, outputs), f4)
        learn = (op == LEARN) & ~fit
        target, soft = self.publisher.targets(label, a["p"][slot, POOL][:, :outputs], learn)
        rowed = None
        if soft is not None:
            rowed = np.zeros((len(used), outputs), f4)
            rowed[local[learn]] = soft[learn]
        usable = np.where(fit, np.int8(EXPIRE), op)
        live.scan(usable, local, target, np.ones(len(op), f4), 0, rows, ids, p, None, rowed)
        a["p"][own, LIVE, :outputs] = self.publisher.values(p[at, 0])
        for name, network in self.publisher.frozen.items():
            said = self.publisher.values(predictions(network, rows[at], ids[at])[:, 0])
            if name == self.publisher.chosen:
                a["p"][own, FLOAT, :outputs] = said
            a["p"][own, LONG if name == "long" else SHORT, :outputs] = said
        through = run_modules(now.modules, x[at].astype(np.int64), ids[at])
        if not self.classify:
            a["p"][own, OFF] = self.publisher.numbers(through[-1], now)
            return
        self._device(op, slot, own, label, through, now)

    def _device(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        own: np.ndarray,
        label: np.ndarray,
        through: list[np.ndarray],
        now: Artefact,
    ) -> None:
        s, a = self.s, self.pending.a
        z = through[-2]
        if a["z"].shape[1] < z.shape[1]:
            self.pending.reshape("z", (z.shape[1],))
        a["z"][own, : z.shape[1]] = z
        learnt = s["alone"], np.zeros((now.outputs, 0), np.int64), s["bias"], s["out"]
        learn_on_device(
            op, slot, label, a["window"], self.field.current, np.ascontiguousarray(through[-1]),
            np.ascontiguousarray(a["z"][:, : z.shape[1]]), now.logit_fraction, learnt, device_shifts(now),
            top_weight(z.shape[1]), (POWERS, RECIPROCALS), a["q15"], a["p"],
        )  # fmt: skip

    @staticmethod
    def inputs(stage: InputStage, v: np.ndarray, history: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Float rows, category rows and integer inputs of what was kept of events."""
        v = np.ascontiguousarray(v[:, :, : stage.sensors])
        x = stage.inputs(v, np.ascontiguousarray(history[:, :, : stage.classes]))
        return rows_of(stage, x), stage.ids(readings(v)), x

    # publication

    def _publish(self, reason: str, since: int = 0, cut: int = 0) -> list[Publication]:
        assert self.reservoir is not None
        if self.learnt < min(self.options.first, default=self.options.every) or (
            self.classify and len(self.classes) < 2
        ):
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
        change = self.publisher.fit.fit(self.sensing, since)
        if reason != CHANGED_UNIT or change.moved:
            self.cut = max(self.cut, cut)
        artefact = self.publisher.publish(change, self.cut, self._memory(losses), self.classes, learning, reason)
        refused = self._refusal(losses, learning)
        if not refused:
            self.publisher.accepted = artefact
        self.field.begin({"event": self.learnt, "reason": reason, "refused": refused, "learning": learning})
        C, H = artefact.outputs, artefact.modules[-2].units
        self.s |= {
            "alone": np.zeros(C, np.int64),
            "bias": np.zeros(C, np.int64),
            "out": np.zeros((C, H), np.int64),
        }
        return [Publication(self.learnt, reason, artefact, refused, scores)]

    def _learning(self) -> str:
        """What the next device is to learn: what had the least loss in the field."""
        if not self.classify or self.options.learning != "auto":
            return self.options.learning if self.classify else "off"
        losses = self.field.losses(3)
        if losses is None:
            return "off"
        return ("off", "bias", "layer")[int(np.argmin(losses[[OFF, BIAS, LAYER]]))]

    def _memory(self, losses: np.ndarray | None) -> str:
        """The memory that was better in the field, where both have been there."""
        if losses is None or "short" not in self.publisher.frozen:
            return self.publisher.chosen
        return "short" if losses[SHORT] < losses[LONG] else "long"

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
        raise NotImplementedError

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        raise NotImplementedError


def _widened(a: np.ndarray, *shape: int) -> np.ndarray:
    out = np.zeros(shape, a.dtype)
    out[tuple(slice(0, n) for n in a.shape)] = a
    return out


__all__ = ["Network", "Publication", "Student"]
