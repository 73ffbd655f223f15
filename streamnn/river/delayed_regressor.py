"""Targets that come late, in river's evaluation of regressors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from river import base

from .. import learners
from ._waiting import Waiting


class DelayedRegressor(base.Regressor):
    """A regressor whose predictions are events that wait for their targets; see :class:`DelayedClassifier`.

    Parameters
    ----------
    model : Regressor
        At most its ``max_pending`` rows wait; beyond that the one that waits longest is given up.

    Examples
    --------
    >>> from river import evaluate, metrics
    >>> from streamnn.river import Regressor
    >>> stream = [({"a": float(i % 5)}, i % 5 + 10.0) for i in range(400)]
    >>> evaluate.progressive_val_score(stream, DelayedRegressor(Regressor()), metrics.MAE(), delay=10).get() < 1.5
    True
    """

    def __init__(self, model: learners.Regressor) -> None:
        self.model = model
        self._waiting = Waiting(model)

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> float:
        """Forecast of the mean. The row is an event from here on."""
        mean = self._waiting.observe(x).mean
        assert mean is not None
        return float(mean[0])

    def learn_one(self, x: Mapping[Any, Any], y: Any, w: float = 1.0, **kwargs: Any) -> None:
        """The target of a row that was predicted has come.

        Raises
        ------
        SchemaError
            When other rows wait, and this one does not.
        """
        self._waiting.learn(x, y, w)

    def _get_params(self) -> dict[str, Any]:
        return {"model": (type(self.model), self.model._get_params())}
