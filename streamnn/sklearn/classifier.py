"""``Classifier`` as an estimator of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from .. import learners
from ._stream import StreamEstimator


class StreamClassifier(ClassifierMixin, StreamEstimator):
    """A :class:`streamnn.Classifier` with scikit-learn's interface.

    Predictions are for the row that would come next: the last labels learnt are a part of what is known.

    Its parameters `seed`, `max_columns`, `categories`, `threads`, `preset`, `alarms` and `members` are those of that
    class.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        Those of `fit` in ascending order; others that `partial_fit` meets follow.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where `X` is a frame.
    model_ : streamnn.Classifier

    Examples
    --------
    >>> model = StreamClassifier().partial_fit([[0.0], [1.0]] * 50, ["no", "yes"] * 50)
    >>> model.predict([[1.0]]).tolist(), model.classes_.tolist()
    (['yes'], ['no', 'yes'])
    """

    classes_: np.ndarray
    model_: learners.Classifier

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn rows in their order, from nothing.

        Parameters
        ----------
        X : frame or array, shape (n, columns)
        y : array, shape (n,)
        sample_weight : array, shape (n,), optional
        """
        return self._learn(X, y, None, sample_weight, True)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn rows in their order, from where it is; `classes` of later rows may be given with the first."""
        return self._learn(X, y, classes, sample_weight, not hasattr(self, "model_"))

    def _learn(self, X: Any, y: Any, classes: Any, sample_weight: Any, new: bool) -> Self:
        X = self._rows(X, new)
        labels = self._labels(y, X, None)
        check_classification_targets(labels)
        if new:
            declared = np.unique(labels if classes is None else np.asarray(classes))
            self.model_ = learners.Classifier(classes=declared.tolist(), **self.get_params())
        self.model_.learn_many(X, labels, self._weights(sample_weight, X))
        self.classes_ = np.array(self.model_.classes)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, shape (n, classes)."""
        X = self._rows(X, False)
        p = np.asarray(self.model_.predict_proba_many(X), np.float64)
        return p / p.sum(1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]
