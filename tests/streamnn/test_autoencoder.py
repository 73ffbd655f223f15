"""Autoencoders of one's own: what they learn, what they say of odd rows, and that their state is whole."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from streamnn import TorchAutoencoder
from streamnn.errors import SpecError, StateError
from streamnn.lowered import Plan, PlanBuilder
from streamnn.lowered.activations import activation
from streamnn.lowered.dense import linear

NAMES = "abcdef"


def plan(inputs: int) -> Plan:
    """Two units in the middle, without torch."""
    b, rng = PlanBuilder((inputs,)), np.random.default_rng(0)
    h = linear(b, b.input, "0", rng.normal(size=(2, inputs)) / 2, np.zeros(2))
    return b.finish(linear(b, h, "1", rng.normal(size=(inputs, 2)) / 2, np.zeros(inputs)), latent=h)


def closed(inputs: int) -> Plan:
    """A plan that is made for one width alone."""
    if inputs != len(NAMES):
        raise ValueError(f"not for {inputs}")
    b = PlanBuilder((inputs,))
    h = activation(b, linear(b, b.input, "0", np.eye(inputs), np.zeros(inputs)), "tanh")
    return b.finish(linear(b, h, "1", np.eye(inputs), np.zeros(inputs)), latent=h)


def stream(n: int, seed: int = 0) -> np.ndarray:
    """Rows on a plane, with some noise."""
    across = np.random.default_rng(99).normal(size=(2, len(NAMES)))
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)) @ across + 0.05 * rng.normal(size=(n, len(NAMES)))


def dicts(x: np.ndarray) -> list[dict[str, float]]:
    return [dict(zip(NAMES, row, strict=True)) for row in x.tolist()]


def taught(n: int, **options: Any) -> TorchAutoencoder:
    model = TorchAutoencoder(plan, **options)
    for x in dicts(stream(n)):
        model.learn_one(x)
    return model


def test_errors_fall_and_anomalies_stand_out() -> None:
    model = TorchAutoencoder(plan)
    first = []
    for i, x in enumerate(dicts(stream(2000))):
        if i < 100:
            first.append(model.score_one(x))
        model.learn_one(x)
    usual = [model.score_one(x) for x in dicts(stream(500, seed=1))]
    assert np.mean(usual) < 0.1 * np.mean(first)
    rng = np.random.default_rng(2)
    odd = dicts(rng.permuted(stream(500, seed=3), axis=0))  # every value is usual, the rows are not
    limit = np.quantile(usual, 0.99)
    assert np.mean([model.score_one(x) > limit for x in odd]) > 0.95


@pytest.mark.parametrize("batch", [1, 4])
def test_state_is_whole_and_chunks_and_looks_do_not_matter(batch: int) -> None:
    rows = stream(90)
    straight = TorchAutoencoder(plan, batch=batch)
    for x in dicts(rows):
        straight.learn_one(x)
    broken = TorchAutoencoder(plan, batch=batch)
    start = 0
    for stop in (1, 38, 90):
        broken.learn_many({name: rows[start:stop, i] for i, name in enumerate(NAMES)})
        before = broken.state_hash()
        broken.score_many({name: rows[:9, i] for i, name in enumerate(NAMES)})
        assert broken.score_one({"a": 1.0, "new": 2.0}) > 0
        assert broken.state_hash() == before
        broken = broken.clone(include_attributes=True)
        broken = pickle.loads(pickle.dumps(copy.deepcopy(broken)))
        start = stop
    assert broken.state_hash() == straight.state_hash()


def test_new_columns_change_no_score_of_old_rows() -> None:
    model = taught(200)
    rows = dicts(stream(50, seed=1))
    still = TorchAutoencoder(plan, lr=0.0)
    for x in rows:
        still.learn_one(x)
    for m, learns in ((model, True), (still, False)):
        before = [m.score_one(x) for x in rows]
        assert [m.score_one({**x, "new": 3.0}) for x in rows] == before
        if not learns:
            wide = m.clone(include_attributes=True)
            wide._schema.encode(wide._schema.prepare({"new": np.array([3.0])}, 1), 1)
            wide._grow()
            np.testing.assert_allclose([wide.score_one(x) for x in rows], before, rtol=1e-5)
            assert wide._layout.columns > len(NAMES)


def test_new_columns_are_learnt() -> None:
    model = taught(300)
    for x in dicts(stream(900, seed=5)):
        model.learn_one({**x, "new": 2.0 * x["a"]})
    x = dicts(stream(1, seed=6))[0]
    assert model.score_one({**x, "new": 2.0 * x["a"] + 6.0}) > 10 * model.score_one(
        {**x, "new": 2.0 * x["a"]}
    )
    again = model.clone(include_attributes=True)
    assert again.state_hash() == model.state_hash()


def test_a_network_of_one_width_takes_no_more_columns() -> None:
    model = TorchAutoencoder(closed)
    for x in dicts(stream(5)):
        model.learn_one(x)
    model.learn_one({**dicts(stream(1))[0], "new": 1.0})
    assert model.columns_refused == 1
    assert model.clone(include_attributes=True).state_hash() == model.state_hash()


def test_missing_values_are_not_compared() -> None:
    model = taught(500)
    x = dicts(stream(1, seed=7))[0]
    assert model.score_one({}) == 0.0 == TorchAutoencoder(plan).score_one(x)
    assert model.score_one({**x, "b": None}) == model.score_one({k: v for k, v in x.items() if k != "b"})


def test_an_alarm_when_rows_change() -> None:
    model = TorchAutoencoder(plan, events_per_false_alarm=10_000)
    for x in dicts(stream(6000)):
        model.learn_one(x)
    settled = 2000  # until then its error still falls, which is a change too
    assert [alarm for alarm in model.alarms or [] if alarm.event > settled] == []
    before = len(model.alarms or [])
    rng = np.random.default_rng(4)
    for x in dicts(rng.permuted(stream(300, seed=3), axis=0)):
        model.learn_one(x)
    new = (model.alarms or [])[before:]
    assert new and new[0].cause == "new inputs" and new[0].event >= 6000
    assert TorchAutoencoder(plan, alarms=False).alarms is None


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(SpecError, match="make"):
        TorchAutoencoder(None)  # type: ignore[arg-type]
    model = taught(3)
    with pytest.raises(StateError, match="new learner"):
        model.load_state_dict(*model.state_dict())
    with pytest.raises(StateError, match="options"):
        TorchAutoencoder(plan, seed=2).load_state_dict(*model.state_dict())
    with pytest.raises(StateError, match="before the first event"):
        TorchAutoencoder(plan).explain()
    assert repr(TorchAutoencoder(plan, lr=0.1)) == "TorchAutoencoder(make=plan, lr=0.1)"
