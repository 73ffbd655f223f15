"""Events of a student's reservoir that are kept apart from a quantiser, and scores on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from streamnn.edge import Artefact
from streamnn.edge.integers import CONTEXT_FRACTION, NO_READING
from streamnn.edge.modules import run_modules
from streamnn.edge.probabilities import q15_probabilities
from streamnn.edge.sensors import SENSOR_TOP
from streamnn.edge.student.networks import inputs_of, predictions
from streamnn.edge.student.sensing import moved

ENOUGH_FRESH = 256
"""Events since the publication that are enough to be scored on alone."""
MOST_SCORED = 4096
_HELD_SHARE = 5
"""One part in so many of the reservoir is held out where too few events are fresh."""
_LEAST_P = 2.0**-15
_MOST_SHIFT = 32
"""Bits by which a reading is shifted to the left at most; what has any is beyond the range then."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Events to quantise with, and those to score on, which came after them.

    Parameters
    ----------
    v, history : ndarray
        What the feature stage keeps of the events scored on.
    label : ndarray of float64, shape (n,)
    fitted : ndarray of int64
        Places in the reservoir of the events to quantise with.
    fresh : bool
        Whether the network has not learnt from those scored on: they came after it was published.
    """

    v: np.ndarray
    history: np.ndarray
    label: np.ndarray
    fitted: np.ndarray
    fresh: bool

    @property
    def events(self) -> int:
        """How many are scored on."""
        return len(self.label)

    @property
    def words(self) -> str:
        """What they are, for a person."""
        if self.fresh:
            return (
                f"the {self.events:,} last events, all after the publication: the network has not learnt them"
            )
        return (
            f"the {self.events:,} last events of the reservoir, kept from the quantiser; the network has learnt them, so "
            "the differences count, not the level"
        )


def hold_out(student: Any) -> HeldOut:
    """The newest part of a student's reservoir: what came after the publication, or the last fifth."""
    reservoir = student.reservoir
    at = reservoir.last(student.options.reservoir)
    new = min(reservoir.learnt - student.publisher.published, len(at) - 1)
    fresh = new >= ENOUGH_FRESH
    count = new if fresh else max(len(at) // _HELD_SHARE, 1)
    scored, s = at[-count:][-MOST_SCORED:], reservoir.s
    return HeldOut(s["v"][scored], s["history"][scored], s["label"][scored], at[:-count], fresh)


def score(student: Any, artefact: Artefact, held: HeldOut) -> dict[str, float]:
    """Scores of an artefact, frozen: ``accuracy`` and ``log_loss``, or ``mae``."""
    _, ids, x = inputs_of(artefact.stage, in_formats(student, artefact, held.v), held.history)
    logits = run_modules(artefact.modules, x.astype(np.int64), ids)[-1]
    if not artefact.classes:
        return {"mae": float(np.abs(student.publisher.numbers(logits, artefact)[:, 0] - held.label).mean())}
    return _scores(q15_probabilities(logits, artefact.logit_fraction) * 2.0**-15, held.label)


def in_formats(student: Any, artefact: Artefact, v: np.ndarray) -> np.ndarray:
    """What a student keeps of events in the formats of an artefact: where the newest was refused, it may have older ones.

    Parameters
    ----------
    student : Student
    artefact : Artefact
    v : ndarray of int32, shape (n, blocks, sensors)

    Returns
    -------
    ndarray of int32, shape (n, blocks, sensors of the artefact)
    """
    then = np.array([s.fraction for s in artefact.sensors], np.int64)
    shift = np.minimum(then - student.sensing.s["fraction"][: len(then)], _MOST_SHIFT)
    v = v[:, :, : len(then)]
    if not shift.any():
        return v
    top = SENSOR_TOP << CONTEXT_FRACTION
    kept = np.clip(moved(v.astype(np.int64), shift), -2 * top, 2 * top)  # a distance is up to twice a reading
    kept[:, 0] = np.clip(kept[:, 0], -top, top)
    return np.where(v == NO_READING, v, kept).astype(np.int32)


def frozen_network(student: Any) -> Any:
    """The float network of the newest publication, as it was then."""
    return student.publisher.frozen[student.publisher.chosen]


def float_score(student: Any, held: HeldOut) -> dict[str, float]:
    """The same of the float network that was published."""
    publisher = student.publisher
    rows, ids, _ = inputs_of(publisher.current.stage, held.v, held.history)
    p = publisher.values(predictions(frozen_network(student), rows, ids)[:, 0])
    if not student.classify:
        return {"mae": float(np.abs(p[:, 0] - held.label).mean())}
    return _scores(p.astype(np.float64), held.label)


def _scores(p: np.ndarray, label: np.ndarray) -> dict[str, float]:
    y = label.astype(np.int64)
    known = y < p.shape[1]  # a class that came since is wrong
    own = np.where(known, p[np.arange(len(y)), np.where(known, y, 0)], 0.0)
    right = known & (p.argmax(1) == y)
    return {"accuracy": float(right.mean()), "log_loss": float(-np.log(np.maximum(own, _LEAST_P)).mean())}
