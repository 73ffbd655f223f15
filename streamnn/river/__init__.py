"""The learners as river's own models: they derive from its base classes, whatever was imported first.

Those of :mod:`streamnn.learners` go into river's pipelines, ensembles and evaluation too, where river was imported
before they were made; these have all that river's base classes have.

>>> from river import evaluate, metrics, preprocessing
>>> from streamnn.river import Classifier, DelayedClassifier
>>> stream = [({"a": float(i % 7)}, i % 7 > 3) for i in range(300)]
>>> model = preprocessing.StandardScaler() | Classifier()
>>> evaluate.progressive_val_score(stream, model, metrics.Accuracy()).get() > 0.9
True
>>> late = DelayedClassifier(Classifier())  # each label 20 events after its row
>>> evaluate.progressive_val_score(stream, late, metrics.LogLoss(), delay=20).get() < 0.5
True
"""

from __future__ import annotations

from ..errors import MissingPackage

try:
    import river as _river  # noqa: F401
except ImportError as e:
    raise MissingPackage("river", "river", "streamnn.river") from e

from .classifier import Classifier
from .delayed_classifier import DelayedClassifier
from .delayed_regressor import DelayedRegressor
from .network_classifier import NetworkClassifier
from .regressor import Regressor

__all__ = ["Classifier", "DelayedClassifier", "DelayedRegressor", "NetworkClassifier", "Regressor"]
