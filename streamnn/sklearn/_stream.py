"""What the estimators of scikit-learn share: parameters, and tables as they come in."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from ..members.member import Factory


class StreamEstimator(BaseEstimator):
    """Learns rows in their order. Frames keep their texts, categories and times; NaN is missing."""

    def __init__(
        self,
        *,
        seed: int = 1,
        max_columns: int = 4096,
        categories: Sequence[str] = (),
        threads: int = 1,
        preset: str = "default",
        alarms: bool = True,
        members: Sequence[Factory] = (),
    ) -> None:
        self.seed = seed
        self.max_columns = max_columns
        self.categories = categories
        self.threads = threads
        self.preset = preset
        self.alarms = alarms
        self.members = members

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(copy.deepcopy(state))  # what joblib maps from a file can't be written to

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _rows(self, X: Any, reset: bool) -> Any:
        """A frame as it is, all else as an array of numbers or objects."""
        if not reset:
            check_is_fitted(self)
        frame = hasattr(X, "columns") and len(X) > 0
        how = {"skip_check_array": True} if frame else {"dtype": None, "ensure_all_finite": "allow-nan"}
        return validate_data(self, X, reset=reset, **how)

    def _labels(self, y: Any, X: Any, dtype: str | None) -> np.ndarray:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        labels: np.ndarray = column_or_1d(check_array(y, ensure_2d=False, dtype=dtype), warn=True)
        check_consistent_length(X, labels)
        return labels

    def _weights(self, sample_weight: Any, X: Any) -> np.ndarray | None:
        if sample_weight is None:
            return None
        weights: np.ndarray = _check_sample_weight(sample_weight, np.zeros(len(X)), ensure_non_negative=True)
        return weights
