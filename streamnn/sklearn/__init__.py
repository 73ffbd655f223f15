"""The learners as estimators of scikit-learn: ``fit`` is one pass over the rows in their order, ``partial_fit`` goes on.

>>> import numpy as np
>>> from streamnn.sklearn import StreamClassifier
>>> X = np.random.default_rng(0).standard_normal((500, 2))
>>> model = StreamClassifier().fit(X, X[:, 0] > 0)
>>> model.score(X, X[:, 0] > 0) > 0.9
True
"""

from __future__ import annotations

from ..errors import MissingPackage

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as e:
    raise MissingPackage("scikit-learn", "sklearn", "streamnn.sklearn") from e

from .classifier import StreamClassifier
from .regressor import StreamRegressor

__all__ = ["StreamClassifier", "StreamRegressor"]
