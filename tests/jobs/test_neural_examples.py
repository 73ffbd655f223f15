"""The neural examples of deep-river's and river's documentation with one line changed, their scores beside.

Theirs were measured by `benchmarks/beside_deep_river.py`: deep-river 0.3.4, river 0.25.0, torch 2.13.0 on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")
datasets = pytest.importorskip("river.datasets")
nn = torch.nn

from streamnn import TorchClassifier, TorchRegressor  # noqa: E402

pytestmark = pytest.mark.slow


def mlp(inputs: int, outputs: int, hidden: int = 16) -> Any:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class Rolling(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.lstm = nn.LSTM(inputs, 16)
        self.head = nn.Linear(16, outputs)

    def forward(self, x: Any) -> Any:
        out, _ = self.lstm(x)
        return self.head(out[-1])


def score(model: Any, stream: Any, loss: Callable[[Any, Any], float]) -> float:
    """The mean over all events but the first, each predicted before it is learnt."""
    total, n = 0.0, 0
    for i, (x, y) in enumerate(stream):
        if i:
            total += loss(model.predict_one(x), y)
            n += 1
        model.learn_one(x, y)
    return total / n


@pytest.mark.parametrize(
    ("model", "theirs"),
    [
        # was: Classifier(module=mlp(9, 2), loss_fn="cross_entropy", optimizer_fn="sgd", lr=0.01, is_class_incremental=True)
        (TorchClassifier(mlp, optimizer="sgd", lr=0.01, seed=42), 0.804),
        # was: RollingClassifier(module=Rolling(9, 2), ..., optimizer_fn="sgd", lr=0.005, window_size=8)
        (
            TorchClassifier(Rolling, optimizer="sgd", lr=0.005, window=8, time_first=True, seed=42),
            0.564,
        ),
    ],
)
def test_phishing(model: Any, theirs: float) -> None:
    assert score(model, datasets.Phishing(), lambda guess, y: float(guess == y)) > theirs + 0.03


@pytest.mark.parametrize(
    ("model", "stream", "theirs"),
    [
        # was: Regressor(module=mlp(3, 1), loss_fn="mse", optimizer_fn="sgd", lr=0.01)
        (TorchRegressor(mlp, optimizer="sgd", lr=0.01, loss="mse", seed=42), "ChickWeights", 30.8),
        # was: StandardScaler() | MLPRegressor(hidden_dims=(5,), ..., optimizer=optim.SGD(1e-3), seed=42)
        (
            TorchRegressor(lambda i, o: mlp(i, o, 5), optimizer="sgd", lr=0.001, loss="mse", seed=42),
            "TrumpApproval",
            1.54,
        ),
    ],
)
def test_numbers(model: Any, stream: str, theirs: float) -> None:
    assert score(model, getattr(datasets, stream)(), lambda guess, y: abs(guess - y)) < 0.9 * theirs
