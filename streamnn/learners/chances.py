"""Predictions of classes, of one row or many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..pool.river import Pool


class Chances(Pool):
    """The part of a classifier that is asked for classes and their probabilities."""

    classes: list[Any]

    def predict_proba_one(self, x: Mapping[str, Any]) -> dict[Any, float]:
        """Probability of every class known so far. Changes nothing."""
        n = len(self.classes)
        if not self._started or not n:
            return {}
        steps = self._single()
        found = steps.look(x) if steps is not None else None
        if found is None:
            proba = self.look(self._one(x), 1).proba
            assert proba is not None
            found = proba[0]
        p = found.tolist()[:n]
        total = math.fsum(p)
        return {c: v / total for c, v in zip(self.classes, p, strict=True)}

    def predict_one(self, x: Mapping[str, Any]) -> Any:
        """The most probable class, None before the first label. Changes nothing."""
        p = self.predict_proba_one(x)
        return max(p, key=p.__getitem__) if p else None

    def predict_proba_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Probabilities of the classes known so far, in the order of ``classes``. Changes nothing.

        Returns
        -------
        ndarray of float32, shape (n, classes)
            Each row as if it were the next event.
        """
        proba = self.look(columns).proba
        assert proba is not None
        return proba

    def predict_many(self, columns: Mapping[str, np.ndarray]) -> list[Any]:
        """The same answers as :meth:`predict_one` row by row. Changes nothing."""
        proba = self.predict_proba_many(columns)
        if not self.classes:
            return [None] * len(proba)
        return [self.classes[c] for c in proba.argmax(1).tolist()]

    def _scores(self) -> dict[str, Any]:
        g = self.ledger
        out: dict[str, Any] = {k: g.mean(k) for k in ("accuracy", "log_loss", "brier")}
        out["auroc"] = self.scores_.auroc() if len(self.classes) == 2 else float("nan")
        out["no_change"], out["majority"] = g.mean("accuracy_no_change"), g.mean("accuracy_majority")
        out["logistic"] = {"accuracy": g.mean("accuracy_logistic"), "log_loss": g.mean("log_loss_logistic")}
        return out
