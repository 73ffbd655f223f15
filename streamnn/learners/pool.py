"""A pool one event at a time: river's interface, and labels that come later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Self

import numpy as np

from ..errors import SchemaError
from ..types import EXPIRE, LEARN, OBSERVE, Alarm, Chunk, Output
from ._river import join_river
from .reading import Reading

_EPOCH = datetime(1970, 1, 1)


def _number(v: Any) -> float:
    try:
        return float(v)
    except OverflowError:  # an integer beyond every float is as good as missing
        return float("inf") if v > 0 else float("-inf")


class Pool(Reading):
    """The part of a pool that takes single events: river's interface, and labels that come later."""

    # what river's pipelines and evaluation ask of a model
    _supervised = True
    _multiclass = True
    _tags: frozenset[str] = frozenset()

    def works_with(self, metric: Any) -> bool:
        """Whether river may score it with a metric: those of its kind."""
        return bool(metric.works_with(self))

    def __new__(cls, *args: Any, **options: Any) -> Self:
        join_river(cls, "Classifier" if cls.classify else "Regressor")
        return super().__new__(cls)

    def _one(self, x: Mapping[str, Any]) -> dict[str, np.ndarray]:
        columns = {}
        for k, v in x.items():
            if v is None or isinstance(v, str):
                columns[str(k)] = np.array([v], object)
            elif isinstance(v, (bool, int, float, np.number, np.bool_)):
                columns[str(k)] = np.array([_number(v)])
            elif isinstance(v, date):
                at = v if isinstance(v, datetime) else datetime(v.year, v.month, v.day)
                columns[str(k)] = np.array([(at.replace(tzinfo=None) - _EPOCH).total_seconds()])
            else:
                raise SchemaError(
                    f"column {k!r} holds a {type(v).__name__}: allowed are numbers, strings, bools, dates and None"
                )
        return columns

    def observe(self, x: Mapping[str, Any]) -> tuple[Output, int]:
        """See an event whose label comes later: its prediction, and the ticket to learn or expire it by."""
        t = self.events
        none = np.array([None], object)
        out = self.run(Chunk(self._one(x), np.array([OBSERVE], np.int8), np.array([t]), none))
        return out, t

    def learn(self, ticket: int, y: Any, w: float = 1.0) -> list[Alarm]:
        """The label of an event has come."""
        label = np.empty(1, object)
        label[0] = y
        return self.run(
            Chunk({}, np.array([LEARN], np.int8), np.array([ticket]), label, np.array([w]))
        ).alarms

    def expire(self, ticket: int) -> None:
        """The label of an event will never be used."""
        self.run(Chunk({}, np.array([EXPIRE], np.int8), np.array([ticket]), np.array([None], object)))

    def learn_one(self, x: Mapping[str, Any], y: Any, w: float = 1.0) -> None:
        """Observe an event and learn its label at once."""
        t = self.events
        label = np.empty(2, object)
        label[1] = y
        self.run(
            Chunk(
                self._one(x), np.array([OBSERVE, LEARN], np.int8), np.array([t, t]), label, np.array([1.0, w])
            )
        )

    def learn_many(self, columns: Mapping[str, np.ndarray], y: Sequence[Any]) -> None:
        """The same bits as :meth:`learn_one` event by event, and faster."""
        n = len(y)
        label = np.empty(2 * n, object)
        label[1::2] = list(y)
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
        self.run(Chunk(dict(columns), op, np.repeat(np.arange(self.events, self.events + n), 2), label))
