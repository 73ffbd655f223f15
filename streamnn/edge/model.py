"""An artefact that runs as C on this machine: state between events, and what it says of them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SpecError, StateError
from ..types import LEARN, OBSERVE
from .answers import radius_of
from .artefact import Artefact
from .c import LABELLED, OBSERVED
from .probabilities import Q15_ONE, q15_probabilities
from .readings import Readings, Rows
from .sensors import LABEL_SENSOR


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of events.

    Parameters
    ----------
    answer : ndarray of int32, shape (n,)
        Class numbers, or numbers in raw units.
    logits : ndarray of int32, shape (n, outputs)
    p : ndarray of int32, shape (n, outputs)
        Q15; zeros where the C has none.
    surprise, radius : ndarray of int32, shape (n,)
        Zeros where the C has none.
    events : ndarray of uint8, shape (n, bytes of an event)
        As the C keeps them, for labels that come later.
    """

    answer: np.ndarray
    logits: np.ndarray
    p: np.ndarray
    surprise: np.ndarray
    radius: np.ndarray
    events: np.ndarray


class Model:
    """The C of an artefact, called from Python; made by :func:`streamnn.edge.load`.

    Events are observed one after another: each call goes on from the state that the one before it left, as a device
    does. What is said has the same bits as on any device, and as :class:`streamnn.edge.Device`.

    Parameters
    ----------
    artefact : Artefact
    library : ctypes.CDLL
        The compiled C with the loop of :func:`streamnn.edge.c.write_host`.
    name : str
        What its functions begin with.
    header : str
        The C's header, which says what events hold.
    tables : bytes, optional
        Tables that the C loads.
    """

    def __init__(
        self, artefact: Artefact, library: ctypes.CDLL, name: str, header: str, tables: bytes | None = None
    ):
        self.artefact = artefact
        self.readings = Readings(artefact.sensors)
        self._c, self._name = library, name
        self._has = {w for w in ("PROBABILITIES", "SURPRISE", "RADIUS") if f"{name.upper()}_{w} " in header}
        self._c.host_size.restype = ctypes.c_int64
        self._state = np.zeros(self._c.host_size(0), np.uint8)
        self._event_bytes, self._kept = int(self._c.host_size(1)), int(self._c.host_size(2))
        self._tables = np.zeros(0, np.uint8)
        self._last_number = np.nan
        if tables is not None:
            self._take(tables)
        self.reset()

    def reset(self) -> None:
        """As a device that starts."""
        self._call("reset", self._state)

    def swap(self, tables: bytes) -> None:
        """Other tables for the same code, as in an update over the air: context and label history go on.

        Raises
        ------
        StateError
            When the tables are damaged, or made for other code.
        """
        self._take(tables)
        if hasattr(self._c, f"{self._name}_update"):
            self._call("update", self._state)

    def follow(self, before: Model) -> None:
        """Go on with the context and label history of the model that this one replaces.

        Raises
        ------
        StateError
            When it has other sensors.
        """
        if before._kept != self._kept:
            raise StateError(
                f"a state of {before._kept} bytes, this model keeps {self._kept}: it has other sensors"
            )
        self._state[: self._kept] = before._state[: self._kept]
        self._last_number = before._last_number

    def _take(self, tables: bytes) -> None:
        if not hasattr(self._c, f"{self._name}_load"):
            raise StateError("this model has its tables in its code: write it with tables='bin'")
        data = np.frombuffer(tables, np.uint8).copy()
        why = getattr(self._c, f"{self._name}_load")(_pointer(data), ctypes.c_uint32(len(data)))
        if why:
            raise StateError(
                f"tables: {('no tables', 'another version', 'made for other code', 'damaged')[why - 1]}"
            )
        self._tables = data  # the C reads them from here on

    def _call(self, function: str, *arrays: np.ndarray) -> None:
        getattr(self._c, f"{self._name}_{function}")(*map(_pointer, arrays))

    def say(self, raw: np.ndarray, op: np.ndarray | None = None, slot: np.ndarray | None = None,
            label: np.ndarray | None = None, events: np.ndarray | None = None) -> Said:  # fmt: skip
        """What is said of raw readings, shape (n, sensors), and learn on the way.

        Parameters
        ----------
        raw : ndarray of int32, shape (n, sensors)
        op, slot, label : ndarray, shape (m,), optional
            As :meth:`streamnn.edge.Device.run` takes them; left out: each event is observed.
        events : ndarray of uint8, shape (n, bytes of an event), optional
            What was said of the events before.
        """
        raw = self.readings.of(raw)
        n, outputs = len(raw), self.artefact.outputs
        op = np.full(n, OBSERVE, np.int8) if op is None else np.asarray(op)
        slot = np.arange(n) if slot is None else np.asarray(slot)
        label = np.zeros(len(op)) if label is None else np.asarray(label)
        use = (op == OBSERVE) | (op == LEARN)
        todo = np.where(op == LEARN, LABELLED, OBSERVED)[use].astype(np.int8)
        slot, label = slot[use].astype(np.int64), label[use].astype(np.int32)
        if len(slot) and (slot.min() < 0 or slot.max() >= n):
            raise SpecError(f"slots from {slot.min()} to {slot.max()}, but {n} events")
        answer, more = np.zeros(n, np.int32), np.zeros((n, 2), np.int32)
        logits, p = np.zeros((n, outputs), np.int32), np.zeros((n, outputs), np.int32)
        events = np.zeros((n, self._event_bytes), np.uint8) if events is None else events
        self._c.host_run(
            *map(_pointer, (self._state, events)), ctypes.c_int64(len(todo)),
            *map(_pointer, (todo, slot, raw, label, answer, logits, p, more)),
        )  # fmt: skip
        return Said(answer, logits, p, more[:, 0], more[:, 1], events)

    def run(
        self, op: np.ndarray, slot: np.ndarray, raw: np.ndarray, label: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same as :meth:`streamnn.edge.Device.run`: logits and Q15 probabilities."""
        said = self.say(raw, op, slot, label)
        return said.logits.astype(np.int64), self._q15(said)

    def _q15(self, said: Said) -> np.ndarray:
        if not self.artefact.classes or "PROBABILITIES" in self._has:
            return said.p.astype(np.int64)
        return q15_probabilities(said.logits.astype(np.int64), self.artefact.logit_fraction)

    def _raw(self, rows: Rows) -> np.ndarray:
        raw = self.readings.of(rows)
        names = [s.name for s in self.artefact.sensors]
        if LABEL_SENSOR in names and not isinstance(rows, np.ndarray) and np.isfinite(self._last_number):
            c = names.index(LABEL_SENSOR)
            raw[:, c] = self.readings.of({LABEL_SENSOR: np.full(len(raw), self._last_number)})[:, c]
        return raw

    def predict(self, rows: Rows) -> np.ndarray:
        """Classes, or numbers, of events that are observed one after another.

        Parameters
        ----------
        rows : mapping of str to column, sequence of mappings, or ndarray of raw integers
            See :meth:`streamnn.edge.readings.Readings.of`.

        Returns
        -------
        ndarray, shape (n,)
        """
        return self._answers(self.say(self._raw(rows)))

    def _answers(self, said: Said) -> np.ndarray:
        a = self.artefact
        if a.classes:
            return np.array(a.classes)[said.answer]
        if a.target is None:
            return np.ldexp(said.logits[:, 0].astype(np.float64), -a.logit_fraction)
        value = np.ldexp(said.logits[:, 0].astype(np.float64), a.target.scale - a.logit_fraction)
        return np.ldexp(value + a.target.mean, -a.target.fraction)

    def predict_proba(self, rows: Rows) -> np.ndarray:
        """Probabilities of the classes, shape (n, classes): multiples of 2**-15 that add up to about 1."""
        if not self.artefact.classes:
            raise SpecError("this artefact predicts a number: it has no probabilities, see predict")
        return self._q15(self.say(self._raw(rows))) / Q15_ONE

    def surprise(self, rows: Rows) -> np.ndarray:
        """How unlike events are to what was seen, in 16ths of a nat; what is above the artefact's threshold is unlike it."""
        if "SURPRISE" not in self._has:
            raise SpecError("this model says no surprise: export an artefact that has one")
        return self.say(self._raw(rows)).surprise

    def radius(self, rows: Rows) -> np.ndarray:
        """How far the standardised inputs may move and the class stays: multiples of 1/32, 0 where nothing is certain."""
        a = self.artefact
        if a.bound <= 0.0 or len(a.classes) < 2:
            raise SpecError("this artefact has no certified slope: nothing is certain")
        said = self.say(self._raw(rows))
        return (said.radius if "RADIUS" in self._has else radius_of(said.logits.astype(np.int64), a)) / 32.0

    def step(self, row: Any) -> tuple[Any, np.ndarray]:
        """One event: its class or number, and what is kept of it until its label comes.

        Parameters
        ----------
        row : mapping of str to value, or ndarray of raw integers, shape (sensors,)
        """
        said = self.say(self._raw(row[None] if isinstance(row, np.ndarray) else [row]))
        return self._answers(said)[0], said.events

    def learn(self, event: np.ndarray, label: Any) -> None:
        """The label of an event became known.

        Parameters
        ----------
        event : ndarray
            What :meth:`step` kept of it.
        label : object
            One of the artefact's classes; the number, where one is predicted.

        Raises
        ------
        SpecError
            When it is no class of the artefact.
        """
        if not self.artefact.classes:
            self._last_number = float(label)
            return
        if label not in self.artefact.classes:
            raise SpecError(f"label {label!r} is none of {self.artefact.classes}")
        nothing = np.zeros((1, self.artefact.stage.sensors), np.int32)
        self.say(
            nothing, np.array([LEARN]), np.zeros(1), np.array([self.artefact.classes.index(label)]), event
        )


def _pointer(a: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(a.ctypes.data)
