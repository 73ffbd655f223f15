"""Learners: pools of networks and cheap members, event by event."""

from ._compiled import compiled
from .classifier import Classifier
from .network_classifier import NetworkClassifier
from .regressor import Regressor
from .torch_autoencoder import TorchAutoencoder
from .torch_classifier import TorchClassifier
from .torch_regressor import TorchRegressor

__all__ = [
    "Classifier",
    "NetworkClassifier",
    "Regressor",
    "TorchAutoencoder",
    "TorchClassifier",
    "TorchRegressor",
    "compiled",
]
