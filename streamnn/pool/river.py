"""A pool one event at a time: river's interface, and labels that come later."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..features.encoder import plain
from ..learners._river import join_river
from ..types import EXPIRE, LEARN, OBSERVE, Alarm, Chunk, Output
from .looking import Reading
from .one_event import Steps
from .operations import is_weight, weights_of


class Pool(Reading):
    """The part of a pool that takes single events: river's interface, and labels that come later."""

    # what river's pipelines and evaluation ask of a model
    _supervised = True
    _multiclass = True
    _tags: frozenset[str] = frozenset()
    _steps: Steps | None = None

    def works_with(self, metric: Any) -> bool:
        """Whether river may score it with a metric: those of its kind."""
        return bool(metric.works_with(self))

    def __new__(cls, *args: Any, **options: Any) -> Self:
        join_river(cls, "Classifier" if cls.classify else "Regressor")
        return super().__new__(cls)

    def _one(self, x: Mapping[str, Any]) -> dict[str, np.ndarray]:
        columns = {}
        for k, value in x.items():
            v = plain(k, value)
            columns[str(k)] = np.array([v]) if isinstance(v, float) else np.array([v], object)
        return columns

    def observe(self, x: Mapping[str, Any], time: float | None = None) -> tuple[Output, int]:
        """See an event whose label comes later: its prediction, and the ticket to learn or expire it by.

        With times, of events here and of labels in :meth:`learn`, a label that is overdue is news by itself; the
        first event says whether a stream has times.
        """
        t = self.events
        none = np.array([None], object)
        when = None if time is None else np.array([time], np.float64)
        out = self.run(Chunk(self._one(x), np.array([OBSERVE], np.int8), np.array([t]), none, time=when))
        return out, t

    def learn(self, ticket: int, y: Any, w: float = 1.0, time: float | None = None) -> list[Alarm]:
        """The label of an event has come, at `time` if the stream has times."""
        label = np.empty(1, object)
        label[0] = y
        when = None if time is None else np.array([time], np.float64)
        op = np.array([LEARN], np.int8)
        return self.run(Chunk({}, op, np.array([ticket]), label, weights_of(w), when)).alarms

    def expire(self, ticket: int) -> None:
        """The label of an event will never be used."""
        self.run(Chunk({}, np.array([EXPIRE], np.int8), np.array([ticket]), np.array([None], object)))

    def learn_one(self, x: Mapping[str, Any], y: Any, w: float = 1.0) -> None:
        """Observe an event and learn its label at once."""
        steps = self._single()
        if steps is not None and len(self.pending_) < self.max_pending and is_weight(w):
            label = self._label(y)
            if label is not None and steps.learn(x, label, w) is not None:
                return
        t = self.events
        labels = np.empty(2, object)
        labels[1] = y
        op, ticket = np.array([OBSERVE, LEARN], np.int8), np.array([t, t])
        self.run(Chunk(self._one(x), op, ticket, labels, weights_of(1.0, w)))

    def _single(self) -> Steps | None:
        if self._steps is None and self._started:
            self._steps = Steps(self)
        return self._steps

    @abstractmethod
    def _label(self, y: Any) -> Any:
        """A label as a number; None where there is more to be done about it."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_steps": None}  # it holds addresses

    def learn_many(self, columns: Mapping[str, np.ndarray], y: Sequence[Any]) -> None:
        """The same bits as :meth:`learn_one` event by event, and faster."""
        n = len(y)
        label = np.empty(2 * n, object)
        label[1::2] = list(y)
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
        self.run(Chunk(dict(columns), op, np.repeat(np.arange(self.events, self.events + n), 2), label))
