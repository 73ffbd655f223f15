"""What learners of classes answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..features.class_labels import distribution
from ..features.frames import Table, row_of, table_of
from ..types import Output
from .class_task import Classes
from .learner import Learner
from .turns import without_turn

f4 = np.float32


class ClassLearner(Learner):
    """A face over a pool that learns classes."""

    @property
    def classes(self) -> list[Any]:
        """Classes known so far, in the order in which they came."""
        task = self._pool.task
        assert isinstance(task, Classes)
        return task.names

    def look(self, X: Any, n: int | None = None) -> Output:
        """As any learner; before the first event, declared classes are equally probable."""
        out = super().look(X, n)
        if not self._pool.started and self.classes:
            C = len(self.classes)
            out.proba = np.full((len(out.ticket), C), 1 / C, f4)
            out.known = np.full(len(out.ticket), C)
        return out

    def predict_proba_one(self, x: Mapping[str, Any]) -> dict[Any, float]:
        """Probability of every class known so far. Changes nothing.

        The row is taken for the event that comes next, right after the last one observed. Where its label comes
        later, and others before it are still to come, :meth:`observe` it: then that is taken into account.
        """
        classes = self.classes
        if type(x) is not dict:
            x = row_of(x)
        if not self._pool.started or not classes:
            return {c: 1 / len(classes) for c in classes}
        single = self._single()
        found = single.look(x) if single is not None else None
        if found is None:
            proba = self._look_one(x).proba
            assert proba is not None
            found = proba[0]
        return distribution(classes, found)

    @without_turn
    def predict_one(self, x: Mapping[str, Any]) -> Any:
        """The most probable class, None before the first label; as :meth:`predict_proba_one`. Changes nothing."""
        p = self.predict_proba_one(x)
        return max(p, key=p.__getitem__) if p else None

    def predict_proba_many(self, X: Any) -> Any:
        """Probabilities of the classes known so far, in the order of ``classes``. Changes nothing.

        Parameters
        ----------
        X : table
            As for :meth:`learn_many`.

        Returns
        -------
        ndarray of float32, shape (n, classes), or DataFrame
            Each row as if it were the next event. A DataFrame where `X` is one of pandas, with its index, and the
            classes as columns.
        """
        table = table_of(X)
        return table.frame(self._probabilities(table), self.classes)

    def predict_many(self, X: Any) -> Any:
        """The same answers as :meth:`predict_one` row by row, in a Series where `X` is a frame. Changes nothing."""
        table, classes = table_of(X), self.classes
        if not classes:
            return table.series([None] * table.rows)
        best = self._probabilities(table).argmax(1)
        return table.series([classes[c] for c in best.tolist()])

    def _probabilities(self, table: Table) -> np.ndarray:
        proba = self.look(table.columns, table.rows).proba
        assert proba is not None
        return proba
