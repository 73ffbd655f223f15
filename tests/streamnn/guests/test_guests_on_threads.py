"""Guests that draw random numbers, in a pool on more than one thread: torch has one generator for all of them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn import Classifier  # noqa: E402
from streamnn.guests import Guest  # noqa: E402

pytestmark = pytest.mark.slow


def dropping(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, outputs))


def state_after(threads: int) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    guests = {name: Guest(dropping, road="eager", lr=lr) for name, lr in (("fast", 0.01), ("slow", 0.003))}
    model = Classifier(guests=guests, threads=threads)
    model.learn_many(x, (x[:, 0] > 0).astype(int))
    return model.state_hash()


def test_threads_change_no_bit_of_guests_that_draw() -> None:
    assert state_after(threads=1) == state_after(threads=2)
