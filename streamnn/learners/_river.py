"""Being a learner in river's eyes, without importing river."""

from __future__ import annotations

import sys


def join_river(kind: type) -> None:
    """If river is in use, let it know that `kind` is one of its models that take batches."""
    if hasattr(kind, "score_one"):
        anomaly = sys.modules.get("river.anomaly.base")
        if anomaly is not None:
            anomaly.AnomalyDetector.register(kind)
        return
    base = sys.modules.get("river.base")
    if base is not None:
        classify = hasattr(kind, "predict_proba_one")
        (base.MiniBatchClassifier if classify else base.MiniBatchRegressor).register(kind)
