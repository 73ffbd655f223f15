"""What a user holds of a pool: river's interface, labels that come later, scores and state."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._kernels.memory import read_only
from ..errors import StateError
from ..features.encoder import columns_of
from ..features.frames import batch_of, row_of, table_of
from ..kinds.times import seconds
from ..pool import reading, saving, scan
from ..pool.describe import describe
from ..pool.one_event import OneEvent
from ..pool.operations import is_weight, weights_of
from ..pool.options import Options
from ..pool.pool import Pool
from ..pool.snapshot import NetworkSnapshot
from ..pool.task import Task
from ..state import Arrays, state_hash
from ..types import EXPIRE, LEARN, OBSERVE, Alarm, Chunk, Output
from .estimator import Estimator, Parameter
from .turns import Turns, without_turn

KEPT_ALARMS = 1000


class Learner(Turns, Estimator):
    """A face over a pool: everything is done by :mod:`streamnn.pool.scan`, or one event at a time by the same kernels.

    Parameters
    ----------
    options : Options
    task_options : dict
        Of the task alone.
    """

    seed, max_columns, max_pending = Parameter(), Parameter(), Parameter()
    events_per_false_alarm, categories, coverage = Parameter(), Parameter(), Parameter()
    p_values, threads, preset = Parameter(), Parameter(), Parameter()
    reaction, members = Parameter(), Parameter()

    _one: OneEvent | None = None
    _read_only: tuple[Mapping[str, np.ndarray], Mapping[str, Any]] | None = (
        None  # the state that is looked at
    )

    def __init__(self, options: Options, **task_options: Any) -> None:
        self._options, self._task_options = options, task_options
        self._pool = self._new_pool()
        self._alarms: deque[Alarm] = deque(maxlen=KEPT_ALARMS)

    @property
    def _given(self) -> dict[str, Any]:
        return {**vars(self._options), **self._task_options}

    @staticmethod
    @abstractmethod
    def _task(options: Options) -> Task:
        """What is learnt."""

    def _new_pool(self) -> Pool:
        return Pool(self._task(self._options, **self._task_options), self._options)

    def __str__(self) -> str:
        """The pool in words: its row, its route kernel by kernel, its members."""
        return f"{self!r}\n{describe(self._pool)}"

    # the log

    @property
    def events(self) -> int:
        """Events observed so far."""
        return self._pool.events

    @property
    def next_ticket(self) -> int:
        """Ticket of the next event observed."""
        return self._pool.events

    @property
    def pending(self) -> int:
        """Events observed that are neither learnt nor expired."""
        return len(self._pool.pending)

    @property
    def columns(self) -> list[str]:
        """Names of the input columns known so far."""
        return list(self._pool.schema.names)

    @property
    def columns_refused(self) -> int:
        """Columns beyond ``max_columns``, which are ignored."""
        return self._pool.schema.refused

    def run(self, chunk: Chunk) -> Output:
        """Go through the operations of a chunk in their order.

        Raises
        ------
        SchemaError
            When tickets are not consecutive, a label or a column does not fit, or an operation names an event that
            is not pending.
        LimitError
            When more events than allowed would wait for their label, or more classes would be known.

        Notes
        -----
        When it raises one of these, nothing has been changed. What a member of your own raises comes through and
        leaves the learner between two events: go on from a saved state then.
        """
        if self._read_only is not None:
            self._load(*self._read_only, keep=False)
        out = scan.run(self._pool, chunk)
        self._alarms.extend(out.alarms)
        return out

    def look(self, X: Any, n: int | None = None) -> Output:
        """Predictions for rows as if each were the next event. Changes nothing.

        Parameters
        ----------
        X : table
            As for :meth:`learn_many`.
        n : int, optional
            Number of rows, where a dict may have no columns.
        """
        table = table_of(X, n)
        return scan.look(self._pool, table.columns, table.rows)

    def encoded(self, X: Any, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What members would read of rows, each as if it were the next event. Changes nothing.

        Parameters
        ----------
        X : table
            As for :meth:`learn_many`.
        n : int, optional
            Number of rows, where a dict may have no columns.

        Returns
        -------
        rows : ndarray of float32, shape (n, width)
            Standardised columns, context and label history; no width before the first event.
        ids : ndarray of int32, shape (n, columns)
            Category rows, then -1.
        """
        table = table_of(X, n)
        return scan.encoded(self._pool, table.columns, table.rows)

    # single events

    def observe(self, x: Mapping[str, Any], time: Any = None) -> tuple[Output, int]:
        """See an event whose label comes later: its prediction, and the ticket to learn or expire it by.

        With times, of events here and of labels in :meth:`learn`, a label that is overdue is news by itself; the
        first event says whether a stream has times. A time is a datetime, a numpy.datetime64, an ISO 8601 text or a
        number of seconds; without a zone it is UTC.
        """
        t = self.events
        return self.run(_operation(OBSERVE, t, None, columns=columns_of(row_of(x)), time=time)), t

    def learn(self, ticket: int, y: Any, w: float = 1.0, time: Any = None) -> list[Alarm]:
        """The label of an event has come, at `time` if the stream has times."""
        return self.run(_operation(LEARN, ticket, y, weight=weights_of(w), time=time)).alarms

    def expire(self, ticket: int) -> None:
        """The label of an event will never be used."""
        self.run(_operation(EXPIRE, ticket, None))

    def learn_one(self, x: Mapping[str, Any], y: Any, w: float = 1.0) -> None:
        """Observe an event and learn its label at once.

        Raises
        ------
        SchemaError
            When `x` is no dict of column names to values, or a value, the label or the weight is not allowed.
        """
        if type(x) is not dict:
            x = row_of(x)
        single = self._single() if self._read_only is None else None
        if single is not None and self.pending < self._options.max_pending and is_weight(w):
            label = self._pool.task.code(y)
            alarms = None if label is None else single.learn(x, label, w)
            if alarms is not None:
                self._alarms.extend(alarms)
                return
        self._learn_at_once(columns_of(x), [y], weights_of(w))

    def learn_many(self, X: Any, y: Any, w: Any = None) -> None:
        """The same bits as :meth:`learn_one` event by event, and faster.

        Parameters
        ----------
        X : table
            A DataFrame of pandas or polars, an Arrow table, a dict of column names to arrays, a list of dicts, or an
            array of shape (n, columns).
        y : sequence, shape (n,)
            Labels: a list, an array, a Series, or a frame of one column.
        w : sequence of float, shape (n,), optional
            Sample weights.

        Raises
        ------
        SchemaError
            When there are not as many labels or weights as rows, or one is not allowed; nothing has been learnt then.
        """
        table, labels, weights = batch_of(X, y, w)
        self._learn_at_once(table.columns, labels, None if weights is None else weights_of(*weights))

    def _learn_at_once(self, columns: dict[str, np.ndarray], labels: list[Any], w: np.ndarray | None) -> None:
        n, t = len(labels), self.events
        label = np.empty(2 * n, object)
        label[1::2] = np.fromiter(labels, object, n)
        weight = None if w is None else np.ones(2 * n)
        if weight is not None:
            weight[1::2] = w
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
        self.run(Chunk(columns, op, np.repeat(np.arange(t, t + n), 2), label, weight))

    def _look_one(self, x: Mapping[str, Any]) -> Output:
        return scan.look(self._pool, columns_of(x), 1)

    def _single(self) -> OneEvent | None:
        """The route of single events, from the first event on."""
        if self._one is None and self._pool.started:
            self._one = OneEvent(self._pool)
        return self._one

    # what it says of itself

    def scores(self) -> dict[str, Any]:
        """Counts, prequential scores of the pool and the controls, and regret."""
        return reading.scores(self._pool)

    def regrets(
        self, switches: Sequence[int] = (1, 4, 16), intervals: Sequence[tuple[int, int]] = ()
    ) -> list[dict[str, Any]]:
        """Regret to the best expert in hindsight, to the best sequences of experts, and on the worst interval.

        Parameters
        ----------
        switches : sequence of int
            For the best sequence with so many.
        intervals : sequence of (int, int)
            First and last label, counted from 1, of further intervals; widened to entries of the ledger's history.

        Returns
        -------
        list of dict
            ``comparator`` in words, its ``loss``, the pool's ``regret`` to it, and the ``bound`` that is proven for
            it: infinite where labels came late, None on intervals. Empty before the first label.
        """
        return reading.regrets(self._pool, switches, intervals)

    def history(self) -> dict[str, Any]:
        """Curves of scores, losses, weights, surprise and entropy; at most 512 points each."""
        return reading.history(self._pool)

    @without_turn
    def networks(self) -> list[dict[str, Any]]:
        """Every certified network: its slope bound, the slope an attack found, and its activation functions."""
        found = self.snapshot()
        return [f | s for f, s in zip(found.functions(), found.slopes(), strict=True)]

    def snapshot(self) -> NetworkSnapshot:
        """The networks as they are now, for :meth:`networks` to be worked out elsewhere."""
        return reading.snapshot(self._pool)

    def missing(self) -> dict[str, int]:
        """How often each column had no finite value since it first had one; such values count as the column's mean."""
        return reading.missing(self._pool)

    @property
    def alarms(self) -> list[Alarm] | None:
        """The last 1,000 alarms that this object saw fire, the newest last; None where it does not watch for any.

        They are no part of the state: whoever goes on from a saved one begins with none.
        """
        return list(self._alarms) if self._options.alarms else None

    def alarm_status(self) -> dict[str, dict[str, Any]]:
        """What each watched signal's detector knows so far."""
        return self._pool.monitor.status() if self._options.alarms else {}

    # state

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Everything a later prediction depends on: arrays, and JSON-able data."""
        return saving.state_dict(self._pool, type(self).__name__)

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a state saved by :meth:`state_dict`; the learner must be new and have the same options.

        Arrays that are read-only, such as those of a file mapped into memory, are not copied before something is
        learnt: processes that only predict share them.

        Raises
        ------
        StateError
            Names the option or leaf that does not fit.
        """
        if self.events or self._pool.started:
            raise StateError("a state is loaded into a new learner only: this one has seen events")
        usual = saving.options(self._usual()._pool)
        saving.check_options(saving.options(self._pool), usual, type(self).__name__, meta)
        self._load(arrays, meta, any(map(read_only, arrays.values())))

    def _usual(self) -> Learner:
        """A new one of the usual options."""
        make: Callable[[], Learner] = type(self)
        return make()

    def _load(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], keep: bool) -> None:
        fresh = self._new_pool()
        saving.load_state_dict(fresh, arrays, meta, keep)  # all or nothing
        self._pool, self._one, self._read_only = fresh, None, (arrays, meta) if keep else None

    def state_hash(self) -> str:
        """Hash of the whole state: equal means the same bits from here on."""
        return state_hash(*self.state_dict())

    def memory(self) -> dict[str, int]:
        """Bytes of the state's arrays: ``now``, and ``at_most`` whatever comes, as long as a row stays as wide as it is.

        It widens with a new column, a new class, and a column that turns out to be a category; their numbers have
        limits of their own. At most 65,536 values of all categories together have weights, and `max_pending` events
        wait. Beside the arrays there are the names of columns, classes and values.

        Examples
        --------
        >>> from streamnn.learners import Classifier
        >>> model = Classifier(max_pending=1000)
        >>> model.learn_one({"a": 1.0}, "yes")
        >>> size = model.memory()
        >>> 10**6 < size["now"] < size["at_most"] < 2 * 10**8
        True
        """
        return saving.memory(self._pool)

    def _kept(self) -> dict[str, Any]:
        return {**self.__dict__, "_one": None}  # it holds addresses


def _operation(
    op: int,
    ticket: int,
    y: Any,
    columns: dict[str, np.ndarray] | None = None,
    weight: np.ndarray | None = None,
    time: Any = None,
) -> Chunk:
    """A chunk of one operation."""
    label = np.empty(1, object)
    label[0] = y
    when = None if time is None else np.array([seconds(time)])
    return Chunk(columns or {}, np.array([op], np.int8), np.array([ticket]), label, weight, when)
