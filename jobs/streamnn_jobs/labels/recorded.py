"""Events and their labels to a sequence of operations with tickets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamnn.errors import StateError
from streamnn.types import EXPIRE, LEARN, OBSERVE

from .eviction import evict_oldest
from .leaves import check_leaves
from .operations import Operations, joined

_NO_TIME = np.inf
"""When the label of an event that has none is due."""


class LabelJoin:
    """Says when each event is observed, learnt or given up.

    The clock is the largest event time seen. Just before an event is observed, first every label known
    before the clock is learnt, in the order of (label time, ticket), then every event older than
    `expire_after` (or `expire_after_events`) is given up, in the order of tickets. Without label times the
    label of event s is learnt just before event ``s + delay_events`` is observed; 0 and 1 both mean at
    once: right after the event itself. Cutting the events into pieces changes nothing. Whoever sees that the clock was
    wrong may put it back.

    Parameters
    ----------
    delay_events : int
        How many events later a label comes, where there are no label times.
    by_time : bool
        Labels come at their label time.
    expire_after : float, optional
        Age in seconds beyond which an event is given up.
    expire_after_events : int, optional
        The same in events.
    limit : int
        Most events pending; beyond it the oldest is given up.

    Examples
    --------
    >>> import numpy as np
    >>> join = LabelJoin(delay_events=2)
    >>> ops = join.push(np.array([5.0, 6.0, 7.0]))
    >>> ops.op.tolist(), ops.ticket.tolist()  # 0 is OBSERVE, 1 is LEARN
    ([0, 0, 1, 0], [0, 1, 0, 2])
    >>> join.pending
    2
    """

    def __init__(
        self,
        *,
        delay_events: int = 0,
        by_time: bool = False,
        expire_after: float | None = None,
        expire_after_events: int | None = None,
        limit: int = 100_000,
    ):
        self.delay = max(delay_events, 1)
        self.by_time = by_time
        self.expire_after = expire_after
        self.expire_after_events = expire_after_events
        self.limit = limit
        self.next_ticket = 0
        self._clock = -np.inf
        # pending events in the order of their tickets; label is NaN where none will come
        self._ticket = np.zeros(0, np.int64)
        self._time = np.zeros(0)
        self._due = np.zeros(0)
        self._label = np.zeros(0)

    @property
    def pending(self) -> int:
        """Events observed, neither learnt nor given up."""
        return len(self._ticket)

    @property
    def waiting(self) -> int:
        """Labels that are on their way."""
        return int(np.count_nonzero(~np.isnan(self._label)))

    def push(
        self,
        label: np.ndarray,
        time: np.ndarray | None = None,
        label_time: np.ndarray | None = None,
        back: Mapping[int, float] | None = None,
    ) -> Operations:
        """The operations of some events.

        Parameters
        ----------
        label : ndarray of float64, shape (n,)
            NaN where the label never comes.
        time, label_time : ndarray of float64, shape (n,)
            Event times (finite) and label times (NaN: never), when labels come by time.
        back : dict of int to float, optional
            Events just before which the clock is put back, and what to.
        """
        label = np.ascontiguousarray(label, np.float64)
        if back and time is not None and label_time is not None:
            return self._put_back(label, time, label_time, back)
        if len(label) == 0:
            return Operations(op=np.zeros(0, np.int8), ticket=np.zeros(0, np.int64), label=np.zeros(0))
        if self.by_time:
            if time is None or label_time is None:
                raise StateError("label join: labels come by time, so event times and label times are needed")
            return self._by_time(label, np.asarray(time, np.float64), np.asarray(label_time, np.float64))
        return self._at_once(label) if self.delay == 1 else self._delayed(label)

    def _put_back(
        self, label: np.ndarray, time: np.ndarray, label_time: np.ndarray, back: Mapping[int, float]
    ) -> Operations:
        parts, at = [], 0
        for i, clock in sorted(back.items()):
            parts.append(self.push(label[at:i], time[at:i], label_time[at:i]))
            self._clock, at = clock, i
            self._time = np.minimum(self._time, clock)  # nothing waits from a time that was no time
        parts.append(self.push(label[at:], time[at:], label_time[at:]))
        return joined([part for part in parts if len(part.op)] or parts[:1])

    def _at_once(self, label: np.ndarray) -> Operations:
        n = len(label)
        op = np.empty((n, 2), np.int8)
        missing = np.isnan(label)
        op[:, 0] = OBSERVE
        op[:, 1] = np.where(missing, EXPIRE, LEARN)
        labels = np.full((n, 2), np.nan)
        labels[:, 1] = label
        ticket = np.repeat(np.arange(self.next_ticket, self.next_ticket + n), 2)
        self.next_ticket += n
        unlabelled = int(np.count_nonzero(missing))
        came = n - unlabelled
        return Operations(
            op=op.ravel(),
            ticket=ticket,
            label=labels.ravel(),
            labels=came,
            learnt=came,
            unlabelled=unlabelled,
        )

    def _delayed(self, label: np.ndarray) -> Operations:
        n, held, d = len(label), len(self._label), self.delay
        first = self.next_ticket - held
        labels = np.concatenate([self._label, label])
        done = max(held + n - d, 0)
        m = n + done
        op, out = np.full(m, OBSERVE, np.int8), np.full(m, np.nan)
        ticket = np.empty(m, np.int64)
        # the j-th oldest is settled just before slot j + d - held, where j others were settled before it
        settled = 2 * np.arange(done) + d - held
        rest = np.ones(m, np.bool_)
        rest[settled] = False
        ticket[rest] = np.arange(self.next_ticket, self.next_ticket + n)
        ticket[settled] = np.arange(first, first + done)
        missing = np.isnan(labels[:done])
        op[settled] = np.where(missing, EXPIRE, LEARN)
        out[settled] = labels[:done]
        self.next_ticket += n
        self._keep(np.arange(first + done, self.next_ticket), labels[done:])
        unlabelled = int(np.count_nonzero(missing))
        came = n - int(np.count_nonzero(np.isnan(label)))
        learnt = done - unlabelled
        return Operations(op=op, ticket=ticket, label=out, labels=came, learnt=learnt, unlabelled=unlabelled)

    def _by_time(self, label: np.ndarray, time: np.ndarray, label_time: np.ndarray) -> Operations:
        n, first, held = len(label), self.next_ticket, self.pending
        clock = np.maximum.accumulate(np.maximum(time, self._clock))
        ticket = np.concatenate([self._ticket, np.arange(first, first + n)])
        times = np.concatenate([self._time, time])
        never = np.isnan(label) | np.isnan(label_time)
        due = np.concatenate([self._due, np.where(never, _NO_TIME, label_time)])
        labels = np.concatenate([self._label, np.where(never, np.nan, label)])

        # slot i is just before event i of this piece; slot n is not reached yet
        after_own = np.maximum(ticket - first + 1, 0)
        learn_at = self._slots(clock, due, after_own)
        expire_at = np.full(len(ticket), n)
        if self.expire_after is not None:
            expire_at = self._slots(clock, times + self.expire_after, after_own)
        if self.expire_after_events is not None:
            expire_at = np.minimum(
                expire_at, np.maximum(ticket + self.expire_after_events + 1 - first, after_own)
            )
        learn = np.flatnonzero((learn_at < n) & (learn_at <= expire_at))
        expire = np.flatnonzero((expire_at < n) & (expire_at < learn_at))
        learn = learn[np.lexsort((ticket[learn], due[learn], learn_at[learn]))]
        expire = expire[np.lexsort((ticket[expire], expire_at[expire]))]

        learns = np.bincount(learn_at[learn], minlength=n)
        expires = np.bincount(expire_at[expire], minlength=n)
        evicted = 0
        if held + int(np.max(np.arange(1, n + 1) - np.cumsum(learns + expires))) > self.limit:
            learn, learn_at, expire, expire_at, evicted = evict_oldest(
                n, held, self.limit, learn, learn_at, expire, expire_at
            )
            learns = np.bincount(learn_at[learn], minlength=n)
            expires = np.bincount(expire_at[expire], minlength=n)

        m = n + len(learn) + len(expire)
        when = np.empty(m)
        op, out, tickets = np.full(m, OBSERVE, np.int8), np.full(m, np.nan), np.empty(m, np.int64)
        before = np.cumsum(learns + expires)
        seen = np.arange(n) + before
        tickets[seen], when[seen] = np.arange(first, first + n), time
        at = np.arange(len(learn)) + learn_at[learn] + (np.cumsum(expires) - expires)[learn_at[learn]]
        op[at], tickets[at], out[at], when[at] = LEARN, ticket[learn], labels[learn], due[learn]
        at = np.arange(len(expire)) + expire_at[expire] + np.cumsum(learns)[expire_at[expire]]
        op[at], tickets[at] = EXPIRE, ticket[expire]
        when[at] = np.nan

        late = int(np.count_nonzero(~np.isnan(labels[expire])))
        stays = np.ones(len(ticket), np.bool_)
        stays[learn] = False
        stays[expire] = False
        self.next_ticket += n
        self._clock = float(clock[-1])
        self._keep(ticket[stays], labels[stays], times[stays], due[stays])
        came = n - int(np.count_nonzero(never))
        return Operations(
            op=op, ticket=tickets, label=out, time=when,
            labels=came, learnt=len(learn), expired=len(expire), evicted=evicted, late=late,
        )  # fmt: skip

    @staticmethod
    def _slots(clock: np.ndarray, when: np.ndarray, after_own: np.ndarray) -> np.ndarray:
        """First slot whose clock is beyond `when`, after the event itself."""
        slots = np.full(len(when), len(clock))
        near = np.flatnonzero(when < clock[-1])  # few of a long list: search only these
        slots[near] = np.maximum(np.searchsorted(clock, when[near], side="right"), after_own[near])
        return slots

    def _keep(
        self,
        ticket: np.ndarray,
        label: np.ndarray,
        time: np.ndarray | None = None,
        due: np.ndarray | None = None,
    ) -> None:
        self._ticket, self._label = ticket, label
        self._time = np.zeros(len(ticket)) if time is None else time
        self._due = np.zeros(len(ticket)) if due is None else due

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that decides what comes next."""
        return {
            "next_ticket": np.array([self.next_ticket], np.int64),
            "clock": np.array([self._clock]),
            "ticket": self._ticket.astype(np.int64),
            "time": self._time,
            "due": self._due,
            "label": self._label,
        }

    def load_state_dict(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` gave.

        Raises
        ------
        StateError
            When a leaf is missing, or the leaves do not fit each other.
        """
        check_leaves("label join", arrays, self.state_dict())
        if len({len(arrays[k]) for k in ("ticket", "time", "due", "label")}) != 1:
            raise StateError("label join: the leaves of the pending events differ in length")
        self.next_ticket = int(arrays["next_ticket"][0])
        self._clock = float(arrays["clock"][0])
        self._keep(*(np.array(arrays[k]) for k in ("ticket", "label", "time", "due")))
