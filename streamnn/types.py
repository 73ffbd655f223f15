"""What flows between the rooms: chunks of operations in, predictions and alarms out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

OBSERVE, LEARN, EXPIRE, LOOK = 0, 1, 2, 3
"""What an operation does. OBSERVE: an event is seen and predicted. LEARN: its label came. EXPIRE: it is given
up. LOOK predicts as OBSERVE does and leaves no trace; learners make it of questions, and no log holds it."""


@dataclass(slots=True)
class Chunk:
    """A piece of the log: operations in their order, and the rows of the events observed.

    Parameters
    ----------
    columns : dict of str to ndarray
        One array per input column, one entry per OBSERVE operation, in order. float64 with NaN for
        missing, or object with ``str`` and None for missing (a category).
    op : ndarray of int8, shape (m,)
        OBSERVE, LEARN or EXPIRE.
    ticket : ndarray of int64, shape (m,)
        Which event. Tickets of OBSERVE are consecutive over the whole stream, from 0.
    label : ndarray, shape (m,)
        The label of LEARN operations (object or float64; anything elsewhere).
    weight : ndarray of float64, shape (m,), optional
        Sample weight of LEARN operations.
    time : ndarray of float64, shape (m,), optional
        When it happened, in any unit: the event's time at OBSERVE, the time at which its label was known at
        LEARN. NaN stands for the largest event time so far. A learner uses times if its first chunk has them.
    """

    columns: dict[str, np.ndarray]
    op: np.ndarray
    ticket: np.ndarray
    label: np.ndarray
    weight: np.ndarray | None = None
    time: np.ndarray | None = None


@dataclass(slots=True, frozen=True)
class Alarm:
    """One drift alarm: that something changed, since when, what moved and what it probably means.

    Parameters
    ----------
    event : int
        Ticket of the event last observed when the alarm fired.
    signal : str
        The scalar whose test fired, such as ``"surprise"``, ``"loss"`` or ``"feature worst"``.
    statistic : str
        The statistic of that scalar that fired, such as ``"place+ cusum 0.5"``.
    cause : str
        ``"new inputs"``, ``"new concept"``, ``"more noise"``, ``"less noise"``, ``"new label balance"``,
        ``"feature died"``, ``"feature changed unit"``, or ``"change of ..."`` a scalar of one's own.
    began : int
        Estimated ticket at which the change began.
    direction : str
        What the scalar did: ``"up"``, ``"down"``, ``"wider"``, ``"narrower"`` or ``"another shape"``.
    before, after : float or None
        Mean of the scalar before the change and since, where known.
    feature : str
        The input column that the evidence points to, or ``""``.
    moved : dict of str to float
        Every watched scalar that moved since the change began: by how many standard errors, + for up.
    """

    event: int
    signal: str
    statistic: str
    cause: str
    began: int
    direction: str = ""
    before: float | None = None
    after: float | None = None
    feature: str = ""
    moved: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {k: getattr(self, k) for k in self.__slots__} | {"moved": dict(self.moved)}


@dataclass(slots=True)
class Output:
    """What a learner says of a chunk: one row per OBSERVE operation, in order.

    Parameters
    ----------
    ticket : ndarray of int64, shape (n,)
    surprise : ndarray of float64, shape (n,)
        Epistemic uncertainty, -log p(latent), in nats.
    entropy : ndarray of float64, shape (n,)
        Aleatoric uncertainty, entropy of p(y | latent), in nats; for a number log 10 more if it is ten times
        as large.
    alarms : list of Alarm
    proba : ndarray of float32, shape (n, classes), or None
        Class probabilities (classification); 0 for classes that were not known when the event came.
    known : ndarray of int64, shape (n,), or None
        How many classes were known when the event came: the first so many columns of `proba`.
    mean, median : ndarray of float64, shape (n,), or None
        Forecasts for squared and for absolute error, in units of the target (regression).
    deviation : ndarray of float64, shape (n,), or None
        Standard deviation of p(y | latent), in units of the target (regression); 0 before the first target.
    p_value : ndarray of float64, shape (n,), or None
        Surprise against the recent past: the share of events at least as surprising. If asked for.
    included : ndarray of bool, shape (n, classes), or None
        Prediction sets (classification). If asked for.
    low, high : ndarray of float64, shape (n,), or None
        Prediction intervals, in units of the target (regression); infinite while nothing is known. If asked
        for.
    """

    ticket: np.ndarray
    surprise: np.ndarray
    entropy: np.ndarray
    alarms: list[Alarm] = field(default_factory=list)
    proba: np.ndarray | None = None
    known: np.ndarray | None = None
    mean: np.ndarray | None = None
    median: np.ndarray | None = None
    deviation: np.ndarray | None = None
    p_value: np.ndarray | None = None
    included: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
