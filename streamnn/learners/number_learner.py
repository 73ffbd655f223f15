"""What learners of numbers answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..features.frames import row_of, table_of
from .learner import Learner


class NumberLearner(Learner):
    """A face over a pool that learns a number."""

    @property
    def classes(self) -> list[Any]:
        """None: a number has no classes."""
        return []

    def predict_one(self, x: Mapping[str, Any]) -> float:
        """Forecast of the mean. Changes nothing.

        The row is taken for the event that comes next, right after the last one observed. Where its target comes
        later, and others before it are still to come, :meth:`observe` it: then that is taken into account.
        """
        single = self._single()
        if type(x) is not dict:
            x = row_of(x)
        if single is not None and single.look(x) is not None:
            store = self._pool.pending.a
            m, sd, _ = store["scale"][single.slot].tolist()
            return float(m + sd * store["forecast"][single.slot, 1])
        out = self._look_one(x).mean
        return float(out[0]) if out is not None else 0.0

    def predict_many(self, X: Any) -> Any:
        """The same answers as :meth:`predict_one` row by row, in a Series where `X` is a frame. Changes nothing.

        Parameters
        ----------
        X : table
            As for :meth:`learn_many`.
        """
        table = table_of(X)
        mean = self.look(table.columns, table.rows).mean
        assert mean is not None
        return table.series(mean.tolist() if self._pool.started else [0.0] * table.rows)
