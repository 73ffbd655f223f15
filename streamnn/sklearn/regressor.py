"""``Regressor`` as an estimator of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from .. import learners
from ._stream import StreamEstimator


class StreamRegressor(RegressorMixin, StreamEstimator):
    """A :class:`streamnn.Regressor` with scikit-learn's interface.

    Predictions are for the row that would come next: the last targets learnt are a part of what is known.

    Its parameters `seed`, `max_columns`, `categories`, `threads`, `preset`, `alarms` and `members` are those of that
    class.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where `X` is a frame.
    model_ : streamnn.Regressor

    Examples
    --------
    >>> model = StreamRegressor().fit([[0.0], [1.0]] * 200, [10.0, 20.0] * 200)
    >>> model.predict([[1.0]]).round(-1).tolist()
    [20.0]
    """

    model_: learners.Regressor

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn rows in their order, from nothing.

        Parameters
        ----------
        X : frame or array, shape (n, columns)
        y : array, shape (n,)
        sample_weight : array, shape (n,), optional
        """
        return self._learn(X, y, sample_weight, True)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn rows in their order, from where it is."""
        return self._learn(X, y, sample_weight, not hasattr(self, "model_"))

    def _learn(self, X: Any, y: Any, sample_weight: Any, new: bool) -> Self:
        X = self._rows(X, new)
        targets = self._labels(y, X, "numeric")
        if new:
            self.model_ = learners.Regressor(**self.get_params())
        self.model_.learn_many(X, targets, self._weights(sample_weight, X))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Forecasts of the mean, shape (n,)."""
        X = self._rows(X, False)
        return np.asarray(self.model_.predict_many(X), np.float64)
