"""Presets: networks that join later, the same whichever way events come; and members spread over threads."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from streamnn.errors import SpecError, StateError
from streamnn.learners import Classifier, Regressor, recipes
from streamnn.pool.threads import WORTH, WorkerThreads

JOIN = 60, 90


@pytest.fixture
def soon(monkeypatch):
    """A large pool whose networks join within a short stream."""
    begins = (*(0,) * len(recipes.CLASSIFIER_NETWORKS), *JOIN)
    small = recipes.networks(True, recipes.LARGE_NETWORKS, begins)
    monkeypatch.setitem(recipes.PRESETS[True], "large", small)


def stream(n, seed=0):
    rng = np.random.default_rng(seed)
    columns = {f"x{i}": rng.standard_normal(n) for i in range(3)} | {"c": rng.integers(0, 4, n).astype(float)}
    y = ((columns["x0"] + columns["c"] > 1) ^ (rng.random(n) < 0.1)).astype(int)
    return columns, y


def row(columns, i):
    return {k: v[i] for k, v in columns.items()}


def test_networks_that_join_do_so_at_their_event_whichever_way_events_come(soon):
    columns, y = stream(150)
    many, one, halves = (Classifier(classes=[0, 1], preset="large") for _ in range(3))
    many.learn_many(columns, y.tolist())
    for i in range(150):
        one.predict_one(row(columns, i))
        one.learn_one(row(columns, i), int(y[i]))
    for a, b in ((0, 59), (59, 61), (61, 90), (90, 150)):
        halves.learn_many({k: v[a:b] for k, v in columns.items()}, y[a:b].tolist())
    assert many.state_hash() == one.state_hash() == halves.state_hash()


def test_a_network_that_sleeps_has_learnt_nothing_and_counts_as_the_pool(soon):
    columns, y = stream(JOIN[0])
    model = Classifier(classes=[0, 1], preset="large")
    model.learn_many(columns, y.tolist())
    nets = {net.spec.name: net for net in model._pool.networks}
    assert nets["net-deep"].s["learnt"][0] == 0 < nets["net-slow"].s["learnt"][0]
    assert model._pool.ledger.losses["net-deep"] == model._pool.ledger.losses["net-long"]
    assert model._pool.ledger.regret <= model.scores()["regret_bound"]


def test_a_state_goes_on_from_before_a_network_joins(soon):
    columns, y = stream(150)
    whole, half, rest = (Classifier(classes=[0, 1], preset="large") for _ in range(3))
    whole.learn_many(columns, y.tolist())
    half.learn_many({k: v[:50] for k, v in columns.items()}, y[:50].tolist())
    rest.load_state_dict(*half.state_dict())
    rest.learn_many({k: v[50:] for k, v in columns.items()}, y[50:].tolist())
    assert rest.state_hash() == whole.state_hash()
    with pytest.raises(StateError, match="preset"):
        Classifier(classes=[0, 1]).load_state_dict(*half.state_dict())


@pytest.mark.parametrize(("make", "name"), [(Classifier, "huge"), (Classifier, None), (Regressor, "large")])
def test_other_presets_are_refused(make, name):
    with pytest.raises(SpecError, match=r"preset is .*: allowed is default"):
        make(preset=name)


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_threads_change_no_bit(make):
    columns, y = stream(4 * WORTH)
    models = [make(threads=t) for t in (1, 2, 5)]
    for model in models:
        model.learn_many(columns, y.tolist())
    assert len({model.state_hash() for model in models}) == 1
    other = make(threads=3)
    other.load_state_dict(*models[0].state_dict())
    assert other._pool.workers.threads == 3
    others = [models[0], pickle.loads(pickle.dumps(models[1])), copy.deepcopy(models[2]), other]
    for model in others:
        model.learn_many(columns, y.tolist())
    assert len({model.state_hash() for model in others}) == 1


def test_what_fails_on_another_thread_is_raised():
    done = []

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        WorkerThreads(2).run([fail, lambda: done.append(1), fail], WORTH)


@pytest.mark.parametrize("threads", [0, 1.5, True])
def test_no_number_of_threads(threads):
    with pytest.raises(SpecError, match="threads"):
        Classifier(threads=threads)
