"""Events and labels that come apart, joined by key."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from streamnn.errors import StateError
from streamnn.types import EXPIRE, LEARN, OBSERVE

from .leaves import check_leaves, pack_keys, unpack_keys
from .operations import LabelCounts, Operations

_SPARE = 1024
"""Ages are kept of as many settled events as are pending, and of this many more, at most."""


class KeyJoin:
    """Says when each event is observed, learnt or given up, from one merged sequence of events and labels.

    A label closes the pending event of its key, at once. One without such an event waits for it; one whose
    event is settled is a duplicate or too late. The clock is the largest event time seen: just before an
    event is observed, every pending event older than `expire_after` (or `expire_after_events`) is given up
    in the order of tickets, and so are labels that have waited for so long, but never the event's own. A label
    before the first event waits from that event on. Whoever sees that the clock was wrong may put it back. An event without key, or with that of a pending one, is
    observed and given up at once: its label could not be told. Nothing depends on how the sequence is cut.

    Parameters
    ----------
    expire_after : float, optional
        Age in seconds of event time beyond which an event or a waiting label is given up.
    expire_after_events : int, optional
        The same in events.
    limit : int
        Most events pending, and as many settled keys are remembered; beyond it the oldest goes.
    early_limit : int
        Most labels waiting for their event.

    Examples
    --------
    >>> import numpy as np
    >>> join = KeyJoin()
    >>> is_label = np.array([0, 1, 1, 0])
    >>> ops = join.merge(is_label, ["a", "a", "b", "b"], np.array([0, 5.0, 6.0, 0]), np.zeros(4))
    >>> ops.op.tolist(), ops.ticket.tolist()  # 0 is OBSERVE, 1 is LEARN
    ([0, 1, 0, 1], [0, 0, 1, 1])
    """

    def __init__(
        self,
        *,
        expire_after: float | None = None,
        expire_after_events: int | None = None,
        limit: int = 100_000,
        early_limit: int = 100_000,
    ):
        self.expire_after = expire_after
        self.expire_after_events = expire_after_events
        self.limit = limit
        self.early_limit = early_limit
        self.next_ticket = 0
        self._clock = -np.inf
        # by key, oldest first: (ticket, time); (label, clock, next ticket) when it came; whether it was learnt
        self._pending: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._early: OrderedDict[str, tuple[float, float, int]] = OrderedDict()
        self._settled: OrderedDict[str, bool] = OrderedDict()
        self._ages: list[tuple[float, int, str]] = []

    @property
    def pending(self) -> int:
        """Events observed, neither learnt nor given up."""
        return len(self._pending)

    @property
    def waiting(self) -> int:
        """Labels whose event has not come yet."""
        return len(self._early)

    def merge(
        self,
        is_label: np.ndarray,
        keys: list[str | None],
        label: np.ndarray,
        time: np.ndarray,
        back: Mapping[int, float] | None = None,
    ) -> Operations:
        """The operations of a piece of the sequence.

        Parameters
        ----------
        is_label : ndarray, shape (n,)
        keys : list of str or None
            None only for events.
        label : ndarray of float64, shape (n,)
            Of the labels; NaN says that the event never gets one.
        time : ndarray of float64, shape (n,)
            Of the events, where anything expires by time.
        back : dict of int to float, optional
            Which of the events the clock is put back just before, and what to.
        """
        out, back, events = _OperationList(), back or {}, 0
        for labels, key, y, t in zip(is_label.tolist(), keys, label.tolist(), time.tolist(), strict=True):
            if labels:
                assert key is not None
                self._label(out, key, y)
            else:
                if events in back:
                    self._put_back(back[events])
                self._event(out, key, t)
                events += 1
        if events in back:
            self._put_back(back[events])
        return out.operations()

    def _put_back(self, clock: float) -> None:
        """Nothing waits from a time that was no time."""
        self._clock = clock
        self._pending = OrderedDict((key, (n, min(t, clock))) for key, (n, t) in self._pending.items())
        self._early = OrderedDict((key, (y, min(c, clock), n)) for key, (y, c, n) in self._early.items())
        self._note_ages()

    def _event(self, out: _OperationList, key: str | None, time: float) -> None:
        if time > self._clock:
            if self.expire_after is not None and self._clock == -np.inf:
                self._start_waiting(time)
            self._clock = time
        # before labels expire: this event may be what ends a gap longer than they may wait
        found = None if key is None else self._early.pop(key, None)
        self._expire(out)
        ticket = self.next_ticket
        self.next_ticket += 1
        out.add(OBSERVE, ticket)
        if key is None or key in self._pending:
            out.add(EXPIRE, ticket)
            out.unlabelled += 1
            return
        if found is not None:
            self._close(out, key, ticket, found[0])
            return
        self._pending[key] = (ticket, time)
        if self.expire_after is not None:
            heapq.heappush(self._ages, (time, ticket, key))
            if len(self._ages) > 2 * len(self._pending) + _SPARE:  # most are settled, and time stands still
                self._note_ages()

    def _start_waiting(self, time: float) -> None:
        """Labels that came before there was a time have waited for none of it."""
        self._early = OrderedDict((key, (y, time, ticket)) for key, (y, _, ticket) in self._early.items())

    def _label(self, out: _OperationList, key: str, label: float) -> None:
        out.labels += 1
        found = self._pending.pop(key, None)
        if found is not None:
            self._close(out, key, found[0], label)
        elif key in self._early:
            out.duplicates += 1
        elif key in self._settled:
            if self._settled[key]:
                out.duplicates += 1
            else:
                out.late += 1
        else:
            if len(self._early) >= self.early_limit:
                self._early.popitem(last=False)
                out.unmatched += 1
            self._early[key] = (label, self._clock, self.next_ticket)

    def _close(self, out: _OperationList, key: str, ticket: int, label: float) -> None:
        if label != label:
            out.add(EXPIRE, ticket)
            out.unlabelled += 1
            out.closed += 1
        else:
            out.add(LEARN, ticket, label)
            out.learnt += 1
        self._settle(key, True)

    def _expire(self, out: _OperationList) -> None:
        """What is overdue just before an event, and the oldest where one more would be too many."""
        gone: list[tuple[int, str]] = []
        pending = self._pending
        if self.expire_after is not None:
            oldest = self._clock - self.expire_after
            while self._ages and self._ages[0][0] < oldest:
                _, ticket, key = heapq.heappop(self._ages)
                if (found := pending.get(key)) is not None and found[0] == ticket:
                    del pending[key]
                    gone.append((ticket, key))
            while self._early and next(iter(self._early.values()))[1] < oldest:
                self._early.popitem(last=False)
                out.unmatched += 1
        if self.expire_after_events is not None:
            before = self.next_ticket - self.expire_after_events
            while pending and next(iter(pending.values()))[0] < before:
                key, (ticket, _) = pending.popitem(last=False)
                gone.append((ticket, key))
            while self._early and next(iter(self._early.values()))[2] < before:
                self._early.popitem(last=False)
                out.unmatched += 1
        while len(pending) >= self.limit:
            key, (ticket, _) = pending.popitem(last=False)
            gone.append((ticket, key))
            out.evicted += 1
        for ticket, key in sorted(gone):
            out.add(EXPIRE, ticket)
            out.expired += 1
            self._settle(key, False)

    def _settle(self, key: str, labelled: bool) -> None:
        self._settled.pop(key, None)
        self._settled[key] = labelled
        if len(self._settled) > self.limit:
            self._settled.popitem(last=False)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that decides what comes next."""
        pending, early = self._pending, self._early
        out = {
            "next_ticket": np.array([self.next_ticket], np.int64),
            "clock": np.array([self._clock]),
            "ticket": np.array([t for t, _ in pending.values()], np.int64),
            "time": np.array([t for _, t in pending.values()], np.float64),
            "early_label": np.array([y for y, _, _ in early.values()], np.float64),
            "early_clock": np.array([c for _, c, _ in early.values()], np.float64),
            "early_ticket": np.array([n for _, _, n in early.values()], np.int64),
            "settled": np.array(list(self._settled.values()), np.uint8),
        }
        for name, keys in (("pending", pending), ("early", early), ("settled", self._settled)):
            out |= {f"{name}_{part}": array for part, array in pack_keys(keys).items()}
        return out

    def load_state_dict(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` gave.

        Raises
        ------
        StateError
            When a leaf is missing, or the leaves do not fit each other.
        """
        check_leaves("key join", arrays, self.state_dict())
        a = {name: arrays[name].tolist() for name in arrays if name.split("_")[-1] not in ("bytes", "ends")}
        keys = {name: unpack_keys(arrays, name) for name in ("pending", "early", "settled")}
        try:
            self._pending = OrderedDict(
                zip(keys["pending"], zip(a["ticket"], a["time"], strict=True), strict=True)
            )
            early = zip(a["early_label"], a["early_clock"], a["early_ticket"], strict=True)
            self._early = OrderedDict(zip(keys["early"], early, strict=True))
            self._settled = OrderedDict(zip(keys["settled"], map(bool, a["settled"]), strict=True))
        except ValueError as e:
            raise StateError("key join: the leaves differ in length") from e
        self.next_ticket, self._clock = a["next_ticket"][0], a["clock"][0]
        self._note_ages()

    def _note_ages(self) -> None:
        """Ages of the pending events alone, where they matter."""
        by_time = self.expire_after is not None
        self._ages = [(time, ticket, key) for key, (ticket, time) in self._pending.items() if by_time]
        heapq.heapify(self._ages)


class _OperationList(LabelCounts):
    """Operations being put together."""

    def __init__(self) -> None:
        super().__init__()
        self._op: list[int] = []
        self._ticket: list[int] = []
        self._label: list[float] = []

    def add(self, op: int, ticket: int, label: float = float("nan")) -> None:
        self._op.append(op)
        self._ticket.append(ticket)
        self._label.append(label)

    def operations(self) -> Operations:
        return Operations(
            op=np.array(self._op, np.int8),
            ticket=np.array(self._ticket, np.int64),
            label=np.array(self._label, np.float64),
            **asdict(self),
        )
