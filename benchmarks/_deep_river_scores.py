"""Scores of beside_deep_river.py: the examples that deep-river and river document, and ours of the same network and step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import _deep_river_nets as nets

Stream = Callable[[], Iterator[tuple[dict[str, Any], Any]]]


def phishing() -> Iterator[tuple[dict[str, Any], Any]]:
    """1,250 sites, phishing or not; columns from 0 to 1."""
    from river import datasets

    return ((dict(x), int(y)) for x, y in datasets.Phishing())


def chicks() -> Iterator[tuple[dict[str, Any], Any]]:
    """578 weights of chicks, by age and diet."""
    from river import datasets

    return ((dict(x), y) for x, y in datasets.ChickWeights())


def trump() -> Iterator[tuple[dict[str, Any], Any]]:
    """1,001 days of approval, from polls."""
    from river import datasets

    return ((dict(x), y) for x, y in datasets.TrumpApproval())


def score(model: Any, stream: Stream, task: str) -> float:
    """Accuracy, or mean absolute error, over all events but the first."""
    total, n = 0.0, 0
    for i, (x, y) in enumerate(stream()):
        if i:
            guess = model.predict_one(x)
            if task == "classification":
                total += guess == y
            else:
                total += abs(float(guess) - y)
            n += 1
        model.learn_one(x, y)
    return total / n


def scaled(model: Any) -> Any:
    """river's scaler before a model that does not scale by itself."""
    from river import preprocessing

    return preprocessing.StandardScaler() | model


def river_mlp() -> Any:
    """river's own example."""
    from river import neural_net as nn
    from river import optim

    activations = (nn.activations.ReLU, nn.activations.ReLU, nn.activations.Identity)
    model = nn.MLPRegressor(
        hidden_dims=(5,), activations=activations, optimizer=optim.SGD(1e-3), seed=nets.SEED
    )
    return scaled(model)


def measured() -> list[dict[str, Any]]:
    """A row an example."""
    step = {"optimizer": "sgd"}
    cases: list[tuple[str, str, Stream, dict[str, Callable[[], Any]]]] = [
        (
            "Phishing, MLP 16, SGD .01",
            "classification",
            phishing,
            {
                "deep-river": lambda: nets.theirs(
                    "mlp", "classification", 9, optimizer_fn="sgd", lr=0.01, is_class_incremental=True
                ),
                "scaled": lambda: scaled(
                    nets.theirs(
                        "mlp", "classification", 9, optimizer_fn="sgd", lr=0.01, is_class_incremental=True
                    )
                ),
                "ours": lambda: nets.ours("mlp", "classification", lr=0.01, **step),
                "adam": lambda: nets.ours("mlp", "classification"),
            },
        ),
        (
            "Phishing, LSTM 16, window 8, SGD .005",
            "classification",
            phishing,
            {
                "deep-river": lambda: nets.theirs(
                    "lstm", "classification", 9, optimizer_fn="sgd", lr=0.005, is_class_incremental=True
                ),
                "scaled": lambda: scaled(
                    nets.theirs(
                        "lstm", "classification", 9, optimizer_fn="sgd", lr=0.005, is_class_incremental=True
                    )
                ),
                "ours": lambda: nets.ours("lstm", "classification", lr=0.005, **step),
                "adam": lambda: nets.ours("lstm", "classification"),
            },
        ),
        (
            "ChickWeights, MLP 16, SGD .01",
            "regression",
            chicks,
            {
                "deep-river": lambda: nets.theirs("mlp", "regression", 3, optimizer_fn="sgd", lr=0.01),
                "scaled": lambda: scaled(nets.theirs("mlp", "regression", 3, optimizer_fn="sgd", lr=0.01)),
                "ours": lambda: nets.ours("mlp", "regression", lr=0.01, loss="mse", **step),
                "adam": lambda: nets.ours("mlp", "regression"),
            },
        ),
        (
            "TrumpApproval, river's MLP 5, SGD .001",
            "regression",
            trump,
            {
                "river": river_mlp,
                "ours": lambda: nets.ours("mlp", "regression", lr=0.001, loss="mse", hidden=5, **step),
                "adam": lambda: nets.ours("mlp", "regression", hidden=5),
            },
        ),
    ]
    return [
        {
            "": name,
            "score": "accuracy" if task == "classification" else "MAE",
            **{arm: score(make(), stream, task) for arm, make in arms.items()},
        }
        for name, task, stream, arms in cases
    ]
