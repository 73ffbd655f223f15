"""Room for columns is made ahead: arrays grow once in a while, whatever the log was cut into."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn import Classifier, Regressor
from streamnn.features.schema import Schema
from streamnn.learners import NetworkClassifier

KINDS = {
    "one word": lambda i: {f"word{i}": 1.0},
    "words, old and new": lambda i: {f"word{i}": 1.0, f"word{i // 3}": 2.0, "always": float(i % 5)},
    "texts": lambda i: {f"word{i}": "ab"[i % 2], "always": "xyz"[i % 3]},
    "all there were": lambda i: {f"word{k}": float(k * i % 7) for k in range(i + 1)},
    "all there are, another now and then": lambda i: {
        f"word{k}": float(k * i % 7) for k in range(2 + i // 4)
    },
}
N = 80


def make(task: str, **options):
    return Classifier(**options) if task == "classes" else Regressor(**options)


def table(rows):
    names = sorted({name for row in rows for name in row})
    return {name: np.array([row.get(name) for row in rows], object) for name in names}


def labels(task: str):
    return [i % 3 for i in range(N)] if task == "classes" else [float(i % 5) for i in range(N)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_chunks_of_any_size_end_in_one_state(task, kind):
    rows, y = [KINDS[kind](i) for i in range(N)], labels(task)
    one = make(task)
    for row, label in zip(rows, y, strict=True):
        one.learn_one(row, label)
    for size in (1, 7, N):
        model = make(task)
        for a in range(0, N, size):
            model.learn_many(table(rows[a : a + size]), y[a : a + size])
        assert model.state_hash() == one.state_hash(), size


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_it_goes_on_from_a_state_with_room_left(task):
    rows, y = [KINDS["words, old and new"](i) for i in range(N)], labels(task)
    whole = make(task)
    for row, label in zip(rows, y, strict=True):
        whole.learn_one(row, label)
    first = make(task)
    for stop in (1, 5, 13, 31):
        for i in range(first.events, stop):
            first.learn_one(rows[i], y[i])
        assert len(first.columns) < first._pool.schema.width or stop == 1
        rest = make(task)
        rest.load_state_dict(*first.state_dict())
        assert rest.state_hash() == first.state_hash()
        for i in range(stop, N):
            rest.learn_one(rows[i], y[i])
        assert rest.state_hash() == whole.state_hash(), stop


def test_a_state_that_is_only_read_has_its_room():
    first = Classifier()
    for i in range(20):
        first.learn_one(KINDS["texts"](i), i % 2)
    arrays, meta = first.state_dict()
    for v in arrays.values():
        v.flags.writeable = False
    second = Classifier()
    second.load_state_dict(arrays, meta)
    row = {"word3": "b", "always": "z", "never": 1.0}
    assert second.predict_proba_one(row) == first.predict_proba_one(row)
    second.learn_one({"new": "a"}, 1)
    first.learn_one({"new": "a"}, 1)
    assert second.state_hash() == first.state_hash()


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_arrays_grow_once_in_a_while(task):
    model = make(task, alarms=False)
    for i in range(300):
        model.learn_one({f"word{i}": 1.0}, i % 2)
    assert len(model.columns) == 300
    assert model._pool.grown < 30
    before = model._pool.grown
    for i in range(300, 360):
        model.learn_one({f"word{i}": 1.0}, i % 2)
    assert model._pool.grown - before <= 3


@pytest.mark.parametrize("make_row", KINDS.values(), ids=KINDS)
def test_a_network_alone_has_room_too(make_row):
    model, again, arrays = NetworkClassifier(), None, []
    for i in range(N):
        model.learn_one(make_row(i), i % 2)
        arrays.append(model._inputs.s["count"])
        if i == N // 2:
            again = NetworkClassifier()
            again.load_state_dict(*model.state_dict())
        elif again is not None:
            again.learn_one(make_row(i), i % 2)
    assert len({id(a) for a in arrays}) <= N // 6
    assert again.state_hash() == model.state_hash()
    assert again.predict_proba_one(make_row(3)) == model.predict_proba_one(make_row(3))


def test_there_is_never_room_for_more_than_max_columns():
    model = Classifier(max_columns=10)
    for i in range(30):
        model.learn_one({f"word{i}": 1.0, "always": 2.0}, i % 2)
    assert len(model.columns) == model._pool.schema.width == 10
    assert model.columns_refused == 21


def test_records_of_the_same_columns_have_no_more_room_than_these():
    model = Classifier()
    for i in range(20):
        model.learn_one({"a": float(i), "b": "xy"[i % 2], "c": 1.0}, i % 2)
    assert model._pool.layout.columns == 3


def test_what_is_said_is_of_columns_that_there_are():
    model = Classifier()
    for i in range(20):
        model.learn_one({"a": float(i), f"word{i % 4}": 1.0}, i % 2)
    names = ["a", "word0", "word1", "word2", "word3"]
    assert model.columns == names and list(model.missing()) == names
    assert ["x", "5"] in [line.split() for line in str(model).splitlines()]
    assert model._pool.schema.width > 5


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(31, 400))
@settings(deadline=None)
def test_the_width_depends_on_how_many_columns_there_are_alone(new, most):
    events = [[f"c{i}.{k}" for k in range(n)] for i, n in enumerate(new)]
    step, whole = Schema(max_columns=most), Schema(max_columns=most)
    for names in events:
        step.encode(step.prepare({name: [1.0] for name in names}, 1), 1)
    columns = {
        name: [1.0 if i == k else None for k in range(len(events))]
        for i, names in enumerate(events)
        for name in names
    }
    whole.encode(whole.prepare(columns, len(events)), len(events))
    assert step.state() == whole.state()
    assert len(step.names) <= step.width == whole.width <= most
    assert step.width == step.first or len(step.names) > step.first
    again = Schema(max_columns=most)
    again.load(step.state())
    assert again.width == step.width
