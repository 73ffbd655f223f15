"""Torch autoencoders: the same scores on every road, and the state of each."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn import TorchAutoencoder  # noqa: E402
from streamnn.errors import SpecError  # noqa: E402

pytestmark = pytest.mark.slow


def make(inputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 3), nn.LeakyReLU(), nn.Linear(3, inputs), nn.Sigmoid())


def wrong(inputs: int) -> nn.Module:
    return nn.Linear(inputs, 3)


def rows(n: int) -> list[dict[str, float]]:
    x = np.random.default_rng(0).normal(size=(n, 2)) @ np.random.default_rng(1).normal(size=(2, 5))
    out = [dict(zip("abcde", row, strict=True)) for row in x.tolist()]
    for i, row in enumerate(out):
        if i % 7 == 3:
            del row["c"]
        if i >= n // 2:
            row["new"] = 2.0 * row["a"]
    return out


@pytest.mark.parametrize(("optimizer", "batch"), [("adam", 1), ("sgd", 4)])
def test_roads_agree(optimizer: str, batch: int) -> None:
    scores = {}
    for road in ("lowered", "traced", "eager"):
        model = TorchAutoencoder(make, optimizer=optimizer, road=road, batch=batch)
        scores[road] = []
        for x in rows(300):
            scores[road].append(model.score_one(x))
            model.learn_one(x)
        assert model.explain().road == road
    # torch's roads take a column in when they learn its first value that is not 0: that event alone is seen without it
    same = np.arange(300) != 151
    for road in ("traced", "eager"):
        np.testing.assert_allclose(
            np.array(scores[road])[same], np.array(scores["lowered"])[same], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("road", ["lowered", "eager"])
def test_a_state_goes_on_and_a_look_changes_nothing(road: str) -> None:
    model = TorchAutoencoder(make, road=road)
    for i, x in enumerate(rows(60)):
        before = model.state_hash()
        model.score_one({**x, "never": 1.0})
        assert model.state_hash() == before
        if i % 20 == 13:
            model = model.clone(include_attributes=True)
        model.learn_one(x)
    straight = TorchAutoencoder(make, road=road)
    for x in rows(60):
        straight.learn_one(x)
    assert straight.state_hash() == model.state_hash()


@pytest.mark.parametrize("road", ["auto", "eager"])
def test_outputs_must_be_as_many_as_inputs(road: str) -> None:
    with pytest.raises(SpecError, match="the same is needed"):
        TorchAutoencoder(wrong, road=road).learn_one({"a": 1.0, "b": 2.0})
