"""The networks of beside_deep_river.py, and the learners that hold them: deep-river's and ours, by the same interface."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

SEED = 42
WINDOW = 8
ROADS = ("lowered", "traced", "eager")
Row = dict[str, float]


def mlp(inputs: int, outputs: int, hidden: int = 16) -> nn.Module:
    """One hidden layer of ReLU: deep-river's example of a classifier, and with 8 units of a regressor."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class Recurrent(nn.Module):
    """An LSTM over (window, n, inputs), its last output to a linear layer: deep-river's rolling example."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.lstm = nn.LSTM(inputs, 16)
        self.head = nn.Linear(16, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        y: Tensor = self.head(out[-1])
        return y


def autoencoder(inputs: int, outputs: int) -> nn.Module:
    """Three units in the middle, sigmoid at the end: deep-river's example of anomalies."""
    middle = nn.Sequential(nn.Linear(inputs, 3), nn.LeakyReLU())
    return nn.Sequential(middle, nn.Linear(3, inputs), nn.Sigmoid())


def _mirror(inputs: int) -> nn.Module:
    return autoencoder(inputs, inputs)


def theirs(case: str, task: str, inputs: int, **options: Any) -> Any:
    """deep-river's learner of a case: options are its own."""
    from deep_river import anomaly, classification, regression

    torch.manual_seed(SEED)
    outputs = 2 if task == "classification" else 1
    options |= {"seed": SEED}
    if case == "autoencoder":
        return anomaly.Autoencoder(module=autoencoder(inputs, inputs), loss_fn="mse", **options)
    loss = "cross_entropy" if task == "classification" else "mse"
    if case == "lstm":
        kind: Any = (
            classification.RollingClassifier if task == "classification" else regression.RollingRegressor
        )
        return kind(module=Recurrent(inputs, outputs), loss_fn=loss, window_size=WINDOW, **options)
    kind = classification.Classifier if task == "classification" else regression.Regressor
    return kind(module=mlp(inputs, outputs), loss_fn=loss, **options)


def ours(case: str, task: str, road: str = "auto", hidden: int = 16, **options: Any) -> Any:
    """Our learner of the same network: the factory instead of a module, and nothing else."""
    from streamnn import TorchAutoencoder, TorchClassifier, TorchRegressor

    if case == "autoencoder":
        return TorchAutoencoder(_mirror, road=road, seed=SEED, **options)
    make: Callable[[int, int], nn.Module] = Recurrent if case == "lstm" else partial(mlp, hidden=hidden)
    if case == "lstm":
        options |= {"window": WINDOW, "time_first": True}
    kind: Any = TorchClassifier if task == "classification" else TorchRegressor
    return kind(make, road=road, seed=SEED, **options)
