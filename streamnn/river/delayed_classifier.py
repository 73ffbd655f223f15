"""Labels that come late, in river's evaluation of classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from river import base

from .. import learners
from ..features.class_labels import distribution
from ._waiting import Waiting


class DelayedClassifier(base.Classifier):
    """A classifier whose predictions are events that wait for their labels.

    River's evaluation with ``delay=`` and ``moment=`` calls ``predict_proba_one(x)`` when a row comes and
    ``learn_one(x, y)`` when its label does. A model alone takes every row it is asked about for the one that comes
    right after the last it has learnt, as if all labels were known by then, and is too sure. This one *observes* the
    row, so every prediction is an event, and a label goes to the oldest event of an equal row.

    Parameters
    ----------
    model : Classifier
        At most its ``max_pending`` rows wait; beyond that the one that waits longest is given up.

    Examples
    --------
    >>> from river import evaluate, metrics
    >>> from streamnn.river import Classifier
    >>> stream = [({"a": float(i % 5)}, i // 50 % 2) for i in range(1200)]
    >>> late = DelayedClassifier(Classifier())
    >>> evaluate.progressive_val_score(stream, late, metrics.LogLoss(), delay=10).get() < 0.69
    True
    """

    def __init__(self, model: learners.Classifier) -> None:
        self.model = model
        self._waiting = Waiting(model)

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, float]:
        """Probability of every class known so far. The row is an event from here on."""
        proba = self._waiting.observe(x).proba
        assert proba is not None
        return distribution(self.model.classes, proba[0])

    def learn_one(self, x: Mapping[Any, Any], y: Any, w: float = 1.0, **kwargs: Any) -> None:
        """The label of a row that was predicted has come.

        Raises
        ------
        SchemaError
            When other rows wait, and this one does not.
        """
        self._waiting.learn(x, y, w)

    @property
    def _multiclass(self) -> bool:
        return True

    def _get_params(self) -> dict[str, Any]:
        return {"model": (type(self.model), self.model._get_params())}
