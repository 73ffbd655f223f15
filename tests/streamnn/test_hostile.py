"""What must not be able to harm a pool: extreme values, labels and weights, wrong calls, half-loaded states."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from streamnn import Classifier, Regressor
from streamnn.checks import check_chunks, check_resume
from streamnn.errors import LimitError, SchemaError, SpecError, StateError
from streamnn.features import class_labels
from streamnn.learners import NetworkClassifier
from streamnn.types import LEARN, LOOK, OBSERVE, Chunk


def at_once(columns, labels):
    n = len(labels)
    op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
    label = np.empty(2 * n, object)
    label[1::2] = list(labels)

    def run(model, a, b):
        rows = slice((a + 1) // 2, (b + 1) // 2)
        out = model.run(
            Chunk(
                {k: v[rows] for k, v in columns.items()}, op[a:b], np.repeat(np.arange(n), 2)[a:b], label[a:b]
            )
        )
        p = out.mean if out.proba is None else out.surprise
        assert np.isfinite(p).all()
        return p, out.surprise

    return run, 2 * n


def finite(model):
    arrays, _ = model.state_dict()
    return [k for k, v in arrays.items() if v.dtype.kind == "f" and not np.isfinite(v).all()]


@pytest.mark.parametrize("late", [5, 250])
def test_many_columns_and_late_ones_leave_no_trace_of_the_cuts(late):
    # more inputs than least squares takes
    rng = np.random.default_rng(0)
    columns = {f"c{i:03d}": rng.standard_normal(60) for i in range(51 if late == 5 else 40)}
    for i in range(late):
        v = rng.standard_normal(60)
        v[: 20 + i % 17] = np.nan
        columns[f"late{i:03d}"] = v
    run, n = at_once(columns, rng.standard_normal(60).tolist())
    check_chunks(Regressor, run, n, (1, 7))
    check_resume(Regressor, run, n, (n // 2,))


def test_a_column_that_stops_being_a_category():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.integers(0, 5, 100).astype(float), rng.standard_normal(450)])
    run, n = at_once({"x": x, "y": np.arange(550) % 3.0}, (np.arange(550) % 2).tolist())
    check_chunks(Classifier, run, n, (64,))


def test_nothing_known_at_first():
    n = 40
    columns = {
        "a": np.where(np.arange(n) < 10, np.nan, 1.0),
        "t": np.array([None] * 15 + ["x", "y"] * 12 + ["x"], object),
    }
    run, m = at_once(columns, (np.arange(n) % 2).tolist())
    check_chunks(Classifier, run, m)
    model = Classifier()
    for i in range(5):
        model.learn_one({}, i % 2)
    assert set(model.predict_proba_one({})) == {0, 1}
    assert Regressor().predict_one({}) == 0.0


def learned(a, seed=2, outlier=None):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(2000) * a
    y = (x > 0).astype(int)
    if outlier is not None:
        x[200] = outlier
    model = Classifier()
    model.learn_many({"a": x}, y.tolist())
    assert not finite(model)
    return model.scores()["accuracy"]


@pytest.mark.parametrize("outlier", [1e6, 1e9, 1e300, np.inf])
def test_a_lone_outlier_does_not_blind_a_column(outlier):
    assert learned(1.0, outlier=outlier) > 0.95


@pytest.mark.parametrize("unit", [1e-30, 1e-7, 1.0, 1e9, 1e60])
def test_the_unit_of_a_column_does_not_matter(unit):
    assert learned(unit) > 0.97


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e12])
def test_the_unit_of_a_target_does_not_matter(unit):
    rng = np.random.default_rng(3)
    x = rng.standard_normal(1500)
    model = Regressor()
    model.learn_many({"x": x}, (x * unit).tolist())
    assert model.scores()["mae"] < 0.25 * unit


def test_targets_and_weights_beyond_reason_are_refused_and_change_nothing():
    model = Regressor()
    model.learn_many({"x": np.arange(20.0)}, np.arange(20.0).tolist())
    before = model.state_hash()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in (1e300, -1e300, float("nan"), float("inf"), None, "x", 10**400):
            with pytest.raises(SchemaError, match="a target is"):
                model.learn_one({"x": 1.0}, y)
        for w in (1e15, -1.0, float("nan")):
            with pytest.raises(SchemaError, match="weights must lie"):
                model.learn_one({"x": 1.0}, 1.0, w=w)
    assert model.state_hash() == before
    model.learn_one({"x": 1.0}, 1.0, w=1e6)
    assert not finite(model)


@pytest.mark.parametrize("make", [Classifier, Regressor, NetworkClassifier])
@pytest.mark.parametrize(
    "w", ["x", "1", b"1", None, [1.0, 2.0], [1.0], np.ones(1), 1j, {}, -1.0, float("nan")]
)
def test_a_weight_that_is_no_number_is_refused_and_changes_nothing(make, w):
    model = make()
    for i in range(20):
        model.learn_one({"x": float(i)}, float(i % 2))
    before = model.state_hash()
    with pytest.raises(SchemaError, match="weights must lie between 0 and 1e"):
        model.learn_one({"x": 1.0}, 1.0, w=w)
    assert model.state_hash() == before
    if hasattr(model, "observe"):
        _, ticket = model.observe({"x": 1.0})
        before = model.state_hash()
        with pytest.raises(SchemaError, match="weights must lie between 0 and 1e"):
            model.learn(ticket, 1.0, w=w)
        assert model.state_hash() == before
        model.learn(ticket, 1.0, w=np.float32(2.0))
    model.learn_one({"x": 1.0}, 1.0, w=2)


@pytest.mark.parametrize("weight", [["a", "b"], [None, 1.0], np.array([1, "x"], object), np.array([1j, 1j])])
def test_weights_of_a_chunk_that_are_no_numbers_are_refused(weight):
    model = Classifier()
    model.learn_many({"x": np.arange(20.0)}, [0, 1] * 10)
    before = model.state_hash()
    op, label = np.array([OBSERVE, LEARN], np.int8), np.array([None, 1], object)
    with pytest.raises(SchemaError, match="weights must lie"):
        model.run(Chunk({"x": np.ones(1)}, op, np.array([20, 20]), label, weight))
    assert model.state_hash() == before


def test_a_constant_target_and_a_constant_column():
    model = Regressor()
    model.learn_many({"x": np.full(300, 7.0)}, [5.0] * 300)
    assert abs(model.predict_one({"x": 7.0}) - 5.0) < 5e-3
    assert not finite(model)


@pytest.mark.parametrize(
    "bad",
    [
        lambda m: m.learn_one({"a": b"text"}, "NEW"),
        lambda m: m.learn_many({"a": np.zeros(3)}, ["p", "NEW"]),
        lambda m: m.learn_many({"a": np.array([1, [2]], object)}, ["p", "NEW"]),
        lambda m: m.learn_many({"a": np.zeros(2), "fresh": np.zeros(3)}, ["p", "NEW"]),
        lambda m: m.run(Chunk({}, np.array([LOOK], np.int8), np.array([0]), np.array([None], object))),
        lambda m: m.run(
            Chunk({"a": np.zeros(1)}, np.array([OBSERVE], np.int8), np.array([2]), np.array([], object))
        ),
    ],
)
def test_a_refusal_leaves_not_even_a_class_behind(bad):
    model = Classifier()
    model.learn_many({"a": np.arange(2.0)}, ["p", "q"])
    before = model.state_hash()
    with pytest.raises(SchemaError):
        bad(model)
    assert model.state_hash() == before and model.classes == ["p", "q"]
    model.learn_one({"a": 1.0}, "NEW")
    assert model.scores()["labelled"] == 3


def test_too_many_classes_at_once_add_none(monkeypatch):
    monkeypatch.setattr(class_labels, "MAX_CLASSES", 4)
    model = Classifier()
    with pytest.raises(LimitError, match="would be class 5"):
        model.learn_many({"a": np.zeros(6)}, list("abcdef"))
    assert model.classes == [] and model.scores()["events"] == 0


def test_labels_and_columns_of_every_kind():
    model = Classifier()
    model.learn_many(
        {"a": [1, 2, 3], "b": np.array(["x", "y", "x"]), "t": np.array(["2020-01-01"] * 3, "M8[D]")},
        np.array([0, 1, 0]),
    )
    model.learn_one({"a": np.int64(3), "big": 10**400}, np.int64(1))
    model.learn_one({"a": True, "b": None}, np.bool_(False))
    assert model.classes == [0, 1]  # False is 0


@pytest.mark.parametrize(
    "option", [{"events_per_false_alarm": "x"}, {"categories": 3}, {"seed": True}, {"classes": 3}]
)
def test_every_bad_option_is_named(option):
    with pytest.raises(SpecError, match=next(iter(option))):
        Classifier(**option)


def test_a_failed_load_leaves_a_learner_as_it_was():
    model = Classifier()
    model.learn_many({"a": np.arange(6.0)}, [0, 1] * 3)
    arrays, meta = model.state_dict()
    new = Classifier()
    empty = new.state_hash()
    with pytest.raises(StateError):
        new.load_state_dict({k: v for k, v in arrays.items() if k != "ledger/total"}, meta)
    assert new.state_hash() == empty
    new.load_state_dict(arrays, meta)
    assert new.state_hash() == model.state_hash()


def test_certificates_are_the_same_after_a_resume_and_cover_the_averaged_nets():
    model = Classifier()
    rng = np.random.default_rng(4)
    x = rng.standard_normal(600)
    model.learn_many({"a": x, "b": rng.standard_normal(600)}, (x > 0).tolist())
    arrays, meta = model.state_dict()
    new = Classifier()
    new.load_state_dict(arrays, meta)
    for a, b in zip(model.networks(), new.networks(), strict=True):
        assert a["name"] == b["name"] and a["certified"] == b["certified"] and a["attacked"] == b["attacked"]
        assert 0 < a["attacked"] <= a["certified"]
    assert {d["name"] for d in model.networks()} >= {"net-slow", "net-lags-mean"}
