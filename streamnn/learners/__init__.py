"""Learners: pools of networks and cheap members, event by event."""

from ._compiled import compiled
from .classifier import Classifier
from .regressor import Regressor

__all__ = ["Classifier", "Regressor", "compiled"]
