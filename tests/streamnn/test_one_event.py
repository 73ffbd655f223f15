"""One dict an event: the same bits as chunks, whatever comes in the dicts, and however it is mixed with other ways."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime

import numpy as np
import pytest

from streamnn.errors import LimitError, SchemaError
from streamnn.learners import Classifier, Regressor


def events(n, regression, seed=0):
    """Rows with text, missing values, new columns, new categories and outliers, in changing orders of their fields."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for i in range(n):
        a, b = float(rng.standard_normal()), int(rng.integers(0, 6 if i < n // 2 else 9))
        row = {"b": b, "a": a, "flag": bool(i % 3 == 0), "text": "uvwxyz"[b % 6]}
        if i > n // 3:
            row["late"] = np.float32(rng.standard_normal())
        if rng.random() < 0.1:
            row["a"] = [None, float("nan"), float("inf"), 10**400, 1e7][int(rng.integers(5))]
        if rng.random() < 0.05:
            del row["b"]
        if rng.random() < 0.05:
            row["text"] = None
        if rng.random() < 0.3:
            row = dict(reversed(row.items()))
        rows.append(row)
        labels.append(3.0 * a + b if regression else ["no", "yes", "more"][(a > 0) + (i > n // 2 and b > 6)])
    return rows, labels


def plain(model):
    """The same learner without its short way."""
    model._single = lambda: None
    return model


def predict(model, row):
    return model.predict_one(row) if isinstance(model, Regressor) else model.predict_proba_one(row)


@pytest.mark.parametrize("make", [Classifier, Regressor])
@pytest.mark.parametrize("options", [{}, {"categories": ["b", "flag"]}])
def test_every_prediction_and_the_state_are_those_of_the_long_way(make, options):
    rows, labels = events(240, make is Regressor)
    short, long = make(**options), plain(make(**options))
    for i, (row, y) in enumerate(zip(rows, labels, strict=True)):
        before = dict(row)
        assert predict(short, row) == predict(long, row), i
        short.learn_one(row, y, 1.0 + i % 2)
        long.learn_one(row, y, 1.0 + i % 2)
        assert row == before
    assert short.state_hash() == long.state_hash()


def test_numbers_alone_take_the_shortest_way_with_the_same_bits():
    rng = np.random.default_rng(4)
    x, names = rng.standard_normal((150, 3)), ["c", "a", "b"]
    x[::7, 1] = np.nan
    one, many = Classifier(), Classifier()
    for i in range(150):
        row = dict(zip(names, x[i].tolist(), strict=True))
        one.predict_one(row)
        one.learn_one(row, int(x[i, 0] > 0))
    many.learn_many(dict(zip(names, x.T, strict=True)), (x[:, 0] > 0).astype(int).tolist())
    assert one.state_hash() == many.state_hash()


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_single_events_between_late_labels_and_chunks(make):
    rows, labels = events(120, make is Regressor, 1)
    short, long = make(), plain(make())
    for model in (short, long):
        tickets = []
        for i, (row, y) in enumerate(zip(rows, labels, strict=True)):
            predict(model, row)
            if i % 3 == 0:
                tickets.append((model.observe(row)[1], y))
            else:
                model.learn_one(row, y)
            if i % 10 == 9:
                model.learn_many({"a": np.array([0.5, -0.5])}, [labels[0], labels[1]])
            if len(tickets) > 15:
                model.learn(*tickets.pop(0))
        model.expire(tickets[0][0])
    assert short.state_hash() == long.state_hash()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_learns_on_by_itself(copied):
    rows, labels = events(80, False, 2)
    whole, model = Classifier(), Classifier()
    for row, y in zip(rows[:60], labels[:60], strict=True):
        whole.learn_one(row, y)
        model.learn_one(row, y)
    twin = copied(model)
    before = model.state_hash()
    for row, y in zip(rows[60:], labels[60:], strict=True):
        whole.learn_one(row, y)
        twin.learn_one(row, y)
    assert model.state_hash() == before
    assert twin.state_hash() == whole.state_hash()


def test_errors_are_those_of_the_long_way_and_change_nothing():
    rows, labels = events(40, False, 3)
    model = Classifier(max_pending=1)
    for row, y in zip(rows, labels, strict=True):
        model.learn_one(row, y)
    before = model.state_hash()
    for x, y, w in (
        ({"a": b"text"}, "no", 1.0),
        ({"new": [1.0]}, "no", 1.0),
        ({"a": [1.0]}, "no", 1.0),
        ({1: 1.0, "1": 2.0}, "no", 1.0),
        (rows[0], None, 1.0),
        (rows[0], ["no"], 1.0),
        (rows[0], "no", -1.0),
        (rows[0], "no", float("nan")),
    ):
        with pytest.raises(SchemaError):
            model.learn_one(x, y, w)
    assert model.state_hash() == before
    model.observe(rows[0])
    with pytest.raises(LimitError):
        model.learn_one(rows[0], "no")


def test_dates_and_names_that_are_no_strings():
    one, two = Classifier(), plain(Classifier())
    for i in range(30):
        for model in (one, two):
            model.learn_one({0: i % 4, "1": float(i), "when": datetime(2026, 1, 1 + i % 20)}, i % 2)
    assert one.state_hash() == two.state_hash()
    assert one.predict_proba_one({0: 1}) == two.predict_proba_one({0: 1})
    assert one.predict_proba_one({"0": 1}) == one.predict_proba_one({0: 1})


def test_looking_changes_nothing():
    rows, labels = events(60, False, 6)
    model = Classifier()
    for row, y in zip(rows, labels, strict=True):
        model.learn_one(row, y)
    before = model.state_hash()
    for row in [*rows, {"unknown": 3.0}, {"text": "unknown"}, {}]:
        first = model.predict_proba_one(row)
        assert model.predict_proba_one(row) == first
        assert abs(sum(first.values()) - 1.0) < 1e-9
    assert model.state_hash() == before


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_a_new_category_value_is_no_reason_to_record_anew(make):
    model = make()
    for i in range(30):
        model.learn_one({"a": float(i % 5), "b": i * 0.1}, i % 2)
    program = model._one._learn
    for i in range(30, 90):  # each a value of b never seen
        model.learn_one({"a": float(i % 5), "b": i * 0.1}, i % 2)
    assert model._one._learn is program
