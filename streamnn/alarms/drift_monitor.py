"""Drift alarms with a stated budget over several scalar signals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import SchemaError, SpecError, StateError
from ..state import check_leaves
from ..types import Alarm
from ._layout import ARM_BLOCKS, ARM_EVENTS, SIGNAL, STATE, new_signals, shares, statistic_name
from ._scan import scan as _scan

CAUSES = {"surprise": "new inputs", "loss": "new concept", "entropy": "more noise"}
_REPORTED = 128  # latest alarms of each signal that later signals are compared with


class DriftMonitor:
    """Sequential tests that calibrate themselves, at most one false alarm in so many events.

    Each signal is watched through bounded scores of its ranks and of what an autoregression leaves of it, by
    cumulative sums and jump contrasts whose thresholds come from their own past peaks. So the budget holds
    under autocorrelation, seasons and heavy tails. The budget is shared equally among the signals. An alarm
    whose change began before the last alarm is further evidence of that one and is not reported again.

    Parameters
    ----------
    signals : sequence of str
        Names of the scalars watched, in the order in which they are scanned. ``"surprise"`` means new inputs,
        ``"loss"`` (with surprise quiet, so name surprise first) a new concept, ``"entropy"`` more noise; any
        other name is its own cause.
    events_per_false_alarm : float, default 10_000
        The budget: one false alarm in so many events, all signals together. At least 1000.

    Raises
    ------
    SpecError
        When there are no signals, a name twice, or a budget below 1000.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(12_000)
    >>> x[10_000:] += 2
    >>> monitor = DriftMonitor(["surprise"])
    >>> for a in monitor.scan("surprise", x, np.arange(12_000)):
    ...     print(a.event - 10_000, a.began - 10_000, a.cause)
    8 -2 new inputs
    >>> monitor.status()["surprise"]["state"]
    'armed'
    """

    def __init__(self, signals: Sequence[str], events_per_false_alarm: float = 10_000) -> None:
        names = [signals] if isinstance(signals, str) else list(signals)
        if not names or len(set(names)) < len(names):
            raise SpecError(f"signals: {names!r} must be one or more different names")
        if not 1000 <= events_per_false_alarm < np.inf:
            raise SpecError(
                f"events_per_false_alarm: {events_per_false_alarm!r} must be a number of at least 1000: "
                "thresholds can't be learnt faster"
            )
        self.signals = names
        self.events_per_false_alarm = float(events_per_false_alarm)
        self._shares = shares()
        self._state = new_signals(len(names))
        self._reported = np.full((len(names), _REPORTED), -1, np.int64)
        self._merged = np.zeros(len(names), np.int64)

    def scan(self, signal: str, values: np.ndarray, event: np.ndarray) -> list[Alarm]:
        """Take the next values of one signal.

        Scan the signals of a stretch of the stream in the order in which they were named: an alarm is compared
        with the alarms of the signals before it up to the same event, wherever the stretches end.

        Parameters
        ----------
        signal : str
            Name of the signal.
        values : ndarray of float64, shape (n,)
            Its values. Non-finite ones are skipped and counted.
        event : ndarray of int64, shape (n,)
            Ticket of the event last observed when the value was known; never falls.

        Returns
        -------
        list of Alarm
            The new alarms, in order.

        Raises
        ------
        SpecError
            When the signal is not one of those named.
        SchemaError
            When the two arrays are not of one length.
        """
        k = self._index(signal)
        values = np.ascontiguousarray(values, np.float64)
        event = np.ascontiguousarray(event, np.int64)
        if values.ndim != 1 or values.shape != event.shape:
            raise SchemaError(
                f"signal {signal!r}: values {values.shape} and event {event.shape} must be of shape (n,) both"
            )
        fired = np.empty((values.size, 3), np.int64)
        n = self.take(k, values, event, fired)
        return self.report(k, fired[:n])

    def take(self, k: int, values: np.ndarray, event: np.ndarray, fired: np.ndarray) -> int:
        """What :meth:`scan` runs: values of signal number `k`; alarms go to `fired`, int64[n, 3]. Returns how many.

        They are to be told to :meth:`report`.
        """
        family = len(self.signals)
        # alone a signal may save up for later what it did not spend; in a family that would add up
        saved = 1.5 if family == 1 else 0.0
        n: int = _scan(
            self._state,
            k,
            values,
            event,
            self._shares,
            self.events_per_false_alarm,
            1.0 / family,
            saved,
            fired,
        )
        return n

    def report(self, k: int, fired: np.ndarray) -> list[Alarm]:
        """Alarms of signal number `k` for those that fired; further evidence of an earlier change is counted only."""
        signal, alarms = self.signals[k], []
        for ticket, statistic, began in fired.tolist():
            before = self._reported[:k]
            if bool(((before >= max(began, 0)) & (before <= ticket)).any()):
                self._merged[k] += 1
                continue
            self._reported[k, :-1] = self._reported[k, 1:]
            self._reported[k, -1] = ticket
            cause = CAUSES.get(signal, f"change of {signal}")
            alarms.append(Alarm(ticket, signal, statistic_name(statistic), cause, began))
        return alarms

    def status(self) -> dict[str, dict[str, Any]]:
        """What each signal's detector knows.

        Returns
        -------
        dict
            Per signal: ``state`` (``"calibrating"``: blind to some kinds of change still; ``"armed"``; or
            ``"trial"`` while a change is being weighed and a new normal gathered), ``values`` taken, ``skipped`` (not finite), ``block`` (length of
            an independent block, in values, as far as known), ``needed`` (values of the present regime until it
            is armed, as far as known), ``alarms`` reported, ``evidence`` (further signs of a change already reported).
        """
        out = {}
        for k, name in enumerate(self.signals):
            s = self._state[k]
            watched = range(1 + int(s["follows"]))
            least = max(max(ARM_EVENTS * (1 + w), ARM_BLOCKS * float(s["block"][w])) for w in watched)
            armed = all(bool(s["armed"][w]) for w in watched)
            state = "trial" if s["on_trial"] else "armed" if armed else "calibrating"
            out[name] = {
                "state": state,
                "values": int(s["taken"]),
                "skipped": int(s["skipped"]),
                "block": float(s["block"][0]),
                "needed": max(0, math.ceil(least) - int(s["regime"])) if state == "calibrating" else 0,
                "alarms": int(s["alarms"]) - int(self._merged[k]),
                "evidence": int(s["evidence"]) + int(self._merged[k]),
            }
        return out

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays (first axis: signal) and JSON-able meta from which the monitor goes on bit by bit."""
        arrays = {name: np.array(self._state[name], order="C") for name in STATE}
        arrays["reported"], arrays["merged"] = self._reported.copy(), self._merged.copy()
        return arrays, {"signals": self.signals.copy(), "events_per_false_alarm": self.events_per_false_alarm}

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        StateError
            When it was saved with other signals or another budget, or a leaf does not fit.
        """
        mine_arrays, mine = self.state_dict()
        for key, value in mine.items():
            if meta.get(key) != value:
                raise StateError(f"drift monitor: saved with {key} {meta.get(key)!r}, this one has {value!r}")
        check_leaves(arrays, mine_arrays, "drift monitor")
        state = np.zeros(len(self.signals), SIGNAL)
        for name in STATE:
            state[name] = arrays[name]
        self._state = state
        self._reported, self._merged = arrays["reported"].copy(), arrays["merged"].copy()

    def _index(self, signal: str) -> int:
        try:
            return self.signals.index(signal)
        except ValueError:
            raise SpecError(f"signal {signal!r} is not watched here: {', '.join(self.signals)} are") from None
