"""Rows that were predicted and wait for their labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from ..errors import SchemaError, SpecError
from ..features.frames import row_of
from ..learners.learner import Learner
from ..types import Output

Key = tuple[tuple[str, str], ...]


class Waiting:
    """Tickets of a model's pending events, found again by the rows; of equal rows the oldest comes first.

    Parameters
    ----------
    model : Learner
        The event that waits longest is expired where more than its `max_pending` would.
    """

    def __init__(self, model: Learner) -> None:
        if not isinstance(model, Learner):
            raise SpecError(
                f"labels that come late are for a Classifier or Regressor of streamnn, not for {type(model).__name__}: "
                "in a pipeline put this one at the end, with such a model inside"
            )
        self._model = model
        self._tickets: dict[Key, deque[int]] = {}
        self._keys: dict[int, Key] = {}  # the oldest first

    def observe(self, x: Mapping[Any, Any]) -> Output:
        """See a row as the next event: its prediction."""
        key = _key(x)
        if self._keys and self._model.pending >= self._model.max_pending:
            oldest = next(iter(self._keys))
            self._take(self._keys[oldest])
            self._model.expire(oldest)
        out, ticket = self._model.observe(x)
        self._tickets.setdefault(key, deque()).append(ticket)
        self._keys[ticket] = key
        return out

    def learn(self, x: Mapping[Any, Any], y: Any, w: float) -> None:
        """The label of a row has come; where nothing waits, of one that was never predicted."""
        key = _key(x)
        if key in self._tickets:
            self._model.learn(self._tickets[key][0], y, w)
            self._take(key)
        elif not self._keys:
            self._model.learn_one(x, y, w)
        else:
            raise SchemaError(
                f"there is a label for the row {dict(x)}, which none of the {len(self._keys)} rows that wait for theirs is: "
                f"it was not predicted before, or more than {self._model.max_pending} rows ago, or a transformer of a "
                "pipeline has changed since and made another row of it. Leave such a transformer out: streamnn "
                "standardises columns itself"
            )

    def _take(self, key: Key) -> None:
        tickets = self._tickets[key]
        del self._keys[tickets.popleft()]
        if not tickets:
            del self._tickets[key]


def _key(x: Mapping[Any, Any]) -> Key:
    # a copy of a row has values of the same types, so that they are written alike
    return tuple(sorted((str(k), repr(v)) for k, v in row_of(x).items()))
