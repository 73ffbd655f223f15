"""streamnn: networks that learn from every event of a stream, once, as it passes.

>>> from streamnn import Classifier
>>> model = Classifier()
>>> for hour in range(48):
...     model.learn_one({"hour": hour % 24}, "night" if hour % 24 < 6 else "day")
>>> model.predict_one({"hour": 3})
'night'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .learners import Classifier, Regressor, TorchAutoencoder, TorchClassifier, TorchRegressor

__version__ = "0.1.0"
__all__ = ["Classifier", "Regressor", "TorchAutoencoder", "TorchClassifier", "TorchRegressor", "__version__"]


def __getattr__(name: str) -> Any:
    # learners bring the compiler with them; types, errors and state do not need it
    if name != "__version__" and name in __all__:
        from . import learners

        return getattr(learners, name)
    raise AttributeError(f"module 'streamnn' has no attribute {name!r}")
