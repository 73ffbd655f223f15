"""Drift alarms with a stated budget over a family of scalar signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SchemaError, SpecError, StateError
from ..state import check_leaves
from ..types import LEARN, OBSERVE, Alarm
from ._arguments import Family, Operations
from ._attribution import Attribution
from ._layout import (
    BLOCK_VALUES,
    PURSE_START,
    STATE,
    VIEW,
    VIEWS,
    new_signals,
    shares,
)
from ._scan import FIRE_FIELDS, OWN_TEST, REVIEW_DUE
from ._segment import Segment
from ._status import status

MOST_SIGNALS = 8
KNOWN_LATE = ("loss", "label")
"""Signals known when an event is learnt; all others are known when it is observed."""


ITS_OWN_TEST = "feature worst"
"""A scalar that is compared with 1 instead of its past."""


class DriftMonitor:
    """Sequential tests that calibrate themselves, at most one false alarm per given number of events for all together.

    Each signal is watched through bounded scores of its ranks (place, spread, skew, shape) and of what an
    autoregression leaves of it, by cumulative sums and jump contrasts whose thresholds come from their own past
    peaks. So the budget holds under autocorrelation, seasons and heavy tails. All signals spend from one purse.
    A change that began before the last alarm is further evidence of that one and is not reported again. A loss
    or an entropy that falls while the inputs stay as they were is no alarm: it is counted as an improvement.
    Some 900 operations after an alarm its cause is looked at again; if it is another, a further record says so
    (statistic "review", no alarm of its own).

    Parameters
    ----------
    signals : sequence of str
        Names of at most eight scalars. ``"surprise"``, ``"loss"``, ``"entropy"``, ``"label"`` and those of
        :class:`FeatureWatch` are weighed together for a cause; any other name is its own cause.
    events_per_false_alarm : float, default 10_000
        The budget: one false alarm in this number of events, all signals together. At least 1000.

    Raises
    ------
    SpecError
        When there are no signals or too many, a name twice, or a budget below 1000.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(12_000)
    >>> x[10_000:] += 2
    >>> monitor = DriftMonitor(["surprise"])
    >>> for a in monitor.scan({"surprise": x}, np.arange(12_000)):
    ...     print(a.event - 10_000, a.began - 10_000, a.cause, a.direction)
    8 -2 new inputs up
    >>> monitor.status()["surprise"]["state"]
    'armed'
    """

    def __init__(self, signals: Sequence[str], events_per_false_alarm: float = 10_000) -> None:
        names = [signals] if isinstance(signals, str) else list(signals)
        if not 1 <= len(names) <= MOST_SIGNALS or len(set(names)) < len(names):
            raise SpecError(f"signals: {names!r} must be one to {MOST_SIGNALS} different names")
        if not 1000 <= events_per_false_alarm < np.inf:
            raise SpecError(
                f"events_per_false_alarm: {events_per_false_alarm!r} must be a number of at least 1000: "
                "thresholds can't be learnt faster"
            )
        self.signals = names
        self.events_per_false_alarm = float(events_per_false_alarm)
        self._shares = shares()
        self._state, self._views = new_signals(len(names))
        self._purse = np.array([PURSE_START, 0.0, 0.0])  # purse, alarms not paid for yet, ticket so far
        self._clock = np.zeros(3, np.int64)  # operations, where in a segment, when to review the last alarm
        self._attribution = Attribution(names, self._state, self._views)
        own_test = np.array([OWN_TEST if k == ITS_OWN_TEST else 0 for k in names])
        self._when = (own_test + [LEARN if k in KNOWN_LATE else OBSERVE for k in names]).astype(np.int8)
        self._always = (own_test - 1).astype(np.int8)

    def scan(
        self,
        values: Mapping[str, np.ndarray] | np.ndarray,
        event: np.ndarray,
        op: np.ndarray | None = None,
        tags: np.ndarray | None = None,
        names: Sequence[str] = (),
    ) -> list[Alarm]:
        """Take the values of a segment of the log.

        Parameters
        ----------
        values : mapping of str to ndarray of float64, shape (m,), or ndarray of float64, shape (signals, m)
            Each signal's value at each operation. Non-finite ones are skipped and counted.
        event : ndarray of int64, shape (m,)
            Per operation, the ticket of the event last observed; never falls.
        op : ndarray of int8, shape (m,), optional
            Kinds of operations: ``"loss"`` and ``"label"`` are looked at where an event is learnt (LEARN), other
            signals where one is observed (OBSERVE). Without it every signal has a value at every operation.
        tags : ndarray of int32, shape (m,), optional
            What a value of "feature worst" is about, see :class:`FeatureWatch`.
        names : sequence of str
            The columns that tags count.

        Returns
        -------
        list of Alarm
            The new alarms, in order.

        Raises
        ------
        SpecError
            When a signal is not one of those named, or one is missing.
        SchemaError
            When arrays do not fit together.
        """
        event = np.ascontiguousarray(event, np.int64)
        if isinstance(values, Mapping):
            for k in values:
                if k not in self.signals:
                    raise SpecError(f"signal {k!r} is not watched here: {', '.join(self.signals)} are")
            for k in self.signals:
                if k not in values:
                    raise SpecError(f"signal {k!r} is watched here and has no values")
                if event.ndim != 1 or np.shape(values[k]) != event.shape:
                    raise SchemaError(
                        f"signal {k!r}: values {np.shape(values[k])} and event {event.shape} must be of shape (m,) both"
                    )
            table = np.array([values[k] for k in self.signals], np.float64)
        else:
            table = np.ascontiguousarray(values, np.float64)
        when = self._always if op is None else self._when
        kinds = np.zeros(event.shape, np.int8) if op is None else np.ascontiguousarray(op, np.int8)
        marks = np.zeros(event.shape, np.int32) if tags is None else np.ascontiguousarray(tags, np.int32)
        if table.shape != (len(self.signals), event.size) or not event.shape == kinds.shape == marks.shape:
            raise SchemaError(
                f"{len(self.signals)} signals: values {table.shape}, event {event.shape}, op {kinds.shape} and tags "
                f"{marks.shape} must be of shapes (signals, m) and (m,)"
            )
        segment = self.segment(table, marks, kinds, event, when)
        return self.report(segment, segment.take(), names) if event.size else []

    def segment(
        self,
        values: np.ndarray,
        tags: np.ndarray,
        op: np.ndarray,
        event: np.ndarray,
        when: np.ndarray | None = None,
    ) -> Segment:
        """A segment of the log that may be taken again and again, each time with other contents of its arrays."""
        horizon = self.events_per_false_alarm
        return Segment(
            Family(self._state, self._views, self._purse, self._clock, self._shares, horizon),
            Operations(values, tags, op, self._when if when is None else when, event),
            np.zeros((len(self.signals) * BLOCK_VALUES, FIRE_FIELDS), np.int64),
        )

    def report(self, segment: Segment, fired: int, names: Sequence[str]) -> list[Alarm]:
        """Make alarms of what fired, and take what is left of a segment of which one `take` has been made."""
        alarms: list[Alarm] = []
        while True:
            for row in sorted(segment.out[: fired % REVIEW_DUE].tolist()):
                found = self._attribution.alarms(row, names)
                self._purse[1] += len(found)
                alarms += found
            if fired >= REVIEW_DUE:
                alarms += self._attribution.look_again(names)
            self._clock[2] = self._attribution.due
            if self._clock[1] == 0:
                return alarms
            fired = segment.take()

    def status(self) -> dict[str, dict[str, Any]]:
        """What each signal's detector knows.

        Returns
        -------
        dict
            Per signal: ``state`` (``"calibrating"``: thresholds not learnt yet, only coarse ones or none;
            ``"armed"``; or ``"trial"`` while a change is being weighed and a new normal gathered), ``sees`` (shift,
            in sd of the signal, that would be seen within a tenth of the budget now; None: none), ``says`` (the
            two in words), ``values`` taken, ``skipped`` (not finite), ``block`` (length of an independent block, in
            values, as far as known), ``needed`` (values of the present regime until it is armed, as far as known),
            ``alarms`` reported, ``evidence`` (further signs of a change already reported), ``improvements``.
        """
        out = {}
        for k, name in enumerate(self.signals):
            views = self._views[VIEWS * k : VIEWS * k + VIEWS]
            out[name] = status(self._state[k], views, self.events_per_false_alarm, name == ITS_OWN_TEST)
            alarms, more, better = self._attribution.counts[k].tolist()
            out[name] |= {
                "alarms": alarms,
                "evidence": int(self._state[k]["evidence"]) + more,
                "improvements": better,
            }
        return out

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays (first axis: signal, or two views a signal) and JSON-able meta to go on from bit by bit."""
        arrays = {name: np.array(self._state[name], order="C") for name in STATE}
        arrays |= {f"view/{name}": np.array(self._views[name], order="C") for name in VIEW.names or ()}
        arrays |= {"family": self._purse.copy(), "counts": self._attribution.counts.copy()}
        meta = {
            "signals": self.signals.copy(),
            "events_per_false_alarm": self.events_per_false_alarm,
            "operations": int(self._clock[0]),
            "last": self._attribution.last,
            "reviews": [dict(r) for r in self._attribution.reviews],
        }
        return arrays, meta

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        StateError
            When it was saved with other signals or another budget, or a leaf does not fit.
        """
        mine_arrays, mine = self.state_dict()
        for key in ("signals", "events_per_false_alarm"):
            if meta.get(key) != mine[key]:
                raise StateError(
                    f"drift monitor: saved with {key} {meta.get(key)!r}, this one has {mine[key]!r}"
                )
        check_leaves(arrays, mine_arrays, "drift monitor")
        state, views = new_signals(len(self.signals))
        for name in STATE:
            state[name] = arrays[name]
        for name in VIEW.names or ():
            views[name] = arrays[f"view/{name}"]
        self._state, self._views = state, views
        self._purse, self._clock[0] = arrays["family"].copy(), meta["operations"]
        attribution = self._attribution = Attribution(self.signals, state, views)
        attribution.counts, attribution.last = arrays["counts"].copy(), int(meta["last"])
        attribution.reviews = [dict(r) for r in meta["reviews"]]
        self._clock[2] = attribution.due
