"""A network lowered into kernels as a learner, without torch: held to everything that any learner is held to."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from streamnn.checks import CHECKS, check_learner
from streamnn.checks._data import CLASSES, NUMBERS
from streamnn.learners import TorchClassifier, TorchRegressor
from streamnn.lowered import PlanBuilder
from streamnn.lowered.activations import activation
from streamnn.lowered.dense import linear
from streamnn.lowered.dropout import dropout
from streamnn.lowered.recurrent import lstm
from streamnn.lowered.spline import spline

pytestmark = pytest.mark.slow


def mlp(inputs, outputs, window=0, drop=0.0):
    b = PlanBuilder((window, inputs) if window else (inputs,))
    n = inputs * max(window, 1)
    h, r = b.input.reshaped(n), np.random.default_rng(0)
    for i, units in enumerate((32, 16)):
        w = r.uniform(-1, 1, (units, h.size)) / np.sqrt(max(h.size, 4))
        h = activation(b, linear(b, h, f"{i}", w, np.zeros(units)), "relu")
    if drop:
        h = dropout(b, h, drop)
    w = r.uniform(-1, 1, (outputs, 16)) / 4
    return b.finish(linear(b, h, "out", w, np.zeros(outputs)), latent=h)


def deep(inputs, outputs):
    b, r = PlanBuilder((3, inputs)), np.random.default_rng(0)
    w, u = r.uniform(-1, 1, (16, inputs)), r.uniform(-1, 1, (16, 4))
    h = lstm(b, b.input, "core", w, u, np.zeros(16), np.zeros(16)).part(2, 3).reshaped(4)
    h = spline(b, h, "spline", np.tile(np.linspace(-2.0, 2.0, 5), (4, 1)), np.full(4, 2.0), np.full(4, 0.5))
    return b.finish(linear(b, h, "out", r.uniform(-1, 1, (outputs, 4)), np.zeros(outputs)), latent=h)


LEARNERS = {
    "adam": (CLASSES, partial(TorchClassifier, mlp)),
    "sgd in batches": (CLASSES, partial(TorchClassifier, mlp, optimizer="sgd", lr=0.05, batch=2)),
    "dropout": (CLASSES, partial(TorchClassifier, partial(mlp, drop=0.1))),
    "window": (CLASSES, partial(TorchClassifier, partial(mlp, window=3), window=3)),
    "history": (CLASSES, partial(TorchClassifier, mlp, rows="history")),
    "slope": (CLASSES, partial(TorchClassifier, deep, window=3, slope=1.5)),
    "numbers": (NUMBERS, partial(TorchRegressor, mlp)),
}


ASKED = [
    (learner, name)
    for learner, (task, _) in LEARNERS.items()
    for name, c in CHECKS.items()
    if task in c.tasks
]


@pytest.mark.parametrize(("learner", "name"), ASKED)
def test_lowered_learners_keep(learner, name):
    task, make = LEARNERS[learner]
    assert check_learner(make, task, [name]) == [name]
