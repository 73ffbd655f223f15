"""One network, an event at a time: the same as the network over a chunk of standardised rows; state, growth, errors."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from test_one_event import events

from streamnn.errors import SchemaError, StateError
from streamnn.learners import NetworkClassifier
from streamnn.network import Network, NetworkSpec
from streamnn.state import from_bytes, to_bytes
from streamnn.types import LEARN, OBSERVE


def drive(model, rows, labels):
    out = []
    for row, y in zip(rows, labels, strict=True):
        out.append(model.predict_proba_one(row))
        model.learn_one(row, y)
    return out


def test_it_is_the_network_on_standardised_columns():
    x = np.random.default_rng(0).standard_normal((300, 3)) * [1, 10, 100]
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    y[0], y[1] = 0, 1
    spec = NetworkSpec("net", (32,), "rms", 0.003)
    model = NetworkClassifier(spec)
    got = drive(model, [dict(zip("abc", v, strict=True)) for v in x.tolist()], y.tolist())
    n = np.arange(1, 301)[:, None]
    z = (x - np.cumsum(x, 0) / n) / np.sqrt(
        np.maximum(np.cumsum(x * x, 0) / n - (np.cumsum(x, 0) / n) ** 2, 1e-9)
    )
    z[0] = 0.0
    net, p = Network(spec, 3, 2, True, 1), np.zeros((300, 1, 2), np.float32)
    net.grow(np.arange(3), 3, 2, 900)
    ids = np.arange(900, dtype=np.int32).reshape(300, 3)  # every value is new
    ids[:2] = -1  # fewer than three values are no category
    op, slot = np.tile(np.int8([OBSERVE, LEARN]), 300), np.repeat(np.arange(300), 2)
    rows = z.clip(-5, 5).astype(np.float32)
    net.scan(op, slot, y[slot].astype(np.float32), np.ones(600, np.float32), 0, rows, ids, p)
    assert max(abs(g[1] - q) for g, q in zip(got[2:], p[2:, 0, 1], strict=True)) < 1e-3


def test_it_learns_xor_and_categories():
    rng = np.random.default_rng(1)
    a, c = rng.standard_normal((4000, 2)), rng.integers(0, 8, 4000)
    y = ((a[:, 0] > 0) ^ (c % 2 == 0)).tolist()
    rows = [{"a": u, "b": v, "c": str(k)} for (u, v), k in zip(a.tolist(), c, strict=True)]
    p = drive(NetworkClassifier(NetworkSpec("n", (64,), "rms", 0.003)), rows, y)
    assert np.mean([max(q, key=q.get) == t for q, t in zip(p[3000:], y[3000:], strict=True)]) > 0.85


@pytest.mark.parametrize("stop", [0, 1, 70, 130])
def test_it_goes_on_from_its_state_and_from_a_copy(stop):
    rows, labels = events(160, False, 7)
    whole, model = NetworkClassifier(), NetworkClassifier()
    want = drive(whole, rows, labels)
    drive(model, rows[:stop], labels[:stop])
    arrays, meta = model.state_dict()
    arrays, manifest = from_bytes(to_bytes(arrays, {"meta": json.loads(json.dumps(meta))}))
    loaded = NetworkClassifier()
    loaded.load_state_dict(arrays, manifest["meta"])
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for m in (loaded, *twins):
        assert drive(m, rows[stop:], labels[stop:]) == want[stop:]
        assert m.state_hash() == whole.state_hash()
    assert drive(model, rows[stop:], labels[stop:]) == want[stop:]


def test_looking_changes_nothing_and_learn_many_is_the_loop():
    rng = np.random.default_rng(3)
    columns, y = {"a": rng.standard_normal(60), "b": rng.integers(0, 5, 60)}, rng.integers(0, 3, 60).tolist()
    one, many = NetworkClassifier(), NetworkClassifier()
    for i in range(60):
        before = one.state_hash()
        one.predict_one({"a": 1.0, "b": 77, "unknown": "x"})
        assert one.state_hash() == before
        one.learn_one({k: v[i] for k, v in columns.items()}, y[i])
    many.learn_many(columns, y)
    assert one.state_hash() == many.state_hash()


def test_what_is_refused_changes_nothing():
    rows, labels = events(30, False, 4)
    model = NetworkClassifier()
    drive(model, rows, labels)
    before = model.state_hash()
    for x, y, w in (
        ({"a": b"t"}, "no", 1.0),
        ({"a": [1]}, "new", 1.0),
        ({}, None, 1.0),
        ({}, [1], 1.0),
        ({}, "no", -1.0),
    ):
        with pytest.raises(SchemaError):
            model.learn_one(x, y, w)
    with pytest.raises(StateError, match="new learner"):
        model.load_state_dict(*model.state_dict())
    with pytest.raises(StateError, match="spec"):
        NetworkClassifier(NetworkSpec("net", (16,))).load_state_dict(*model.state_dict())
    assert model.state_hash() == before
