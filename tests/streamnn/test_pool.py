"""What a user of a pool relies on: growth, purity, errors, missing values, memory, bad members."""

from __future__ import annotations

import numpy as np
import pytest
from member_helpers import columns_alone, room, segment

from streamnn import Classifier, Regressor
from streamnn.errors import LimitError, SchemaError, SpecError, StateError
from streamnn.features import class_labels
from streamnn.members.frequencies import Frequencies
from streamnn.types import EXPIRE, LEARN, OBSERVE, Chunk


def taught(n=300, seed=0, **options):
    rng = np.random.default_rng(seed)
    model = Classifier(**options)
    x = rng.standard_normal((n, 2))
    y = np.where(x[:, 0] + x[:, 1] > 0, "up", "down")
    model.learn_many({"a": x[:, 0], "b": x[:, 1]}, y.tolist())
    return model


def test_before_any_event():
    model = Classifier()
    assert model.predict_proba_one({"a": 1.0}) == {}
    assert model.predict_one({"a": 1.0}) is None
    assert model.scores()["events"] == 0
    assert model.networks() == [] and model.history() == {}
    assert Regressor().predict_one({"a": 1}) == 0.0


def test_predictions_are_probabilities_and_learn():
    model = taught()
    p = model.predict_proba_one({"a": 2.0, "b": 1.0})
    assert sum(p.values()) == pytest.approx(1)
    assert p["up"] > 0.9 and model.predict_one({"a": -2.0, "b": -1.0}) == "down"
    s = model.scores()
    assert s["labelled"] == 300 and s["accuracy"] > 0.8 and s["pending"] == 0
    assert s["majority"] < s["accuracy"]


def test_an_unknown_column_and_the_order_of_fields_change_no_prediction():
    model = taught()
    row = {"a": 0.3, "b": -0.2}
    p = model.predict_proba_one(row)
    assert model.predict_proba_one({"new": 5.0, **row}) == p
    assert model.predict_proba_one({"b": -0.2, "a": 0.3}) == p


def test_a_column_that_appears_moves_no_prediction_of_the_networks():
    model = taught()
    row = {"a": 0.3, "b": -0.2}
    ticket_p = model.predict_proba_one(row)
    _, ticket = model.observe({**row, "new": 3.0, "text": "hello"})
    assert ticket == 300
    at = model._pool.pending.find(np.array([ticket]))[0]
    mixed = model._pool.pending.a["mixed"][at].astype(float)
    assert mixed[model.classes.index("up")] / mixed.sum() == pytest.approx(ticket_p["up"], abs=1e-3)


def test_room_for_a_new_class_leaves_the_ratios_of_every_expert():
    model = taught(classes=["up", "down"])
    row = {"a": np.array([0.1, 1.0, -2.0]), "b": np.array([0.0, 0.5, 0.3])}

    def experts():
        slots = model._pool.pending._free[-3:][::-1]  # a look leaves its rows in the next free slots
        model.look(row)
        experts = model._pool.pending.a["expert"][slots, : model._pool.mixer.experts].astype(float)
        return experts, model._pool.pending.a["mixed"][slots].astype(float)

    before, pool = experts()
    model._pool.task.widen(3)
    model._pool.widen()
    after, wider = experts()
    odds = [np.log(p[:, :, 0] / p[:, :, 1]) for p in (after, before)]
    assert np.abs(odds[0] - odds[1]).max() < 3e-3  # stackers add many rounded logarithms
    # nearly: each expert has room of its own for it
    assert np.allclose(wider[:, 0] / wider[:, 1], pool[:, 0] / pool[:, 1], rtol=0.1)
    assert (wider[:, 2] < 0.05).all()


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_missing_and_non_finite_values_do_no_harm(make):
    model, rng = make(), np.random.default_rng(2)
    for i in range(200):
        x = float(rng.standard_normal())
        row = {"a": [x, float("nan"), float("inf"), float("nan")][i % 4], "b": x, "c": -float("inf")}
        model.learn_one(row, (x > 0) if make is Classifier else x)
    assert model.missing()["a"] == 150
    assert "c" in model.missing() and model.missing()["c"] == 0  # it never had a value to miss
    p = model.look({"a": np.array([0.0]), "b": np.array([2.0])})
    assert np.isfinite(p.proba if make is Classifier else p.mean).all()


def test_a_missing_label_is_never_learnt():
    model = taught()
    before = model.scores()["labelled"]
    _, t = model.observe({"a": 1.0, "b": 1.0})
    model.expire(t)
    assert model.scores()["labelled"] == before and model.pending == 0


def test_sample_weights_weigh():
    def after(w):
        model = taught()
        for _ in range(20):
            model.learn_one({"a": 2.0, "b": 2.0}, "down", w=w)
        return model.predict_proba_one({"a": 2.0, "b": 2.0})["down"]

    assert after(0.01) < after(1.0)


ONE = np.array([OBSERVE], np.int8)
NONE = np.array([None], object)


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        (Chunk({"a": np.zeros(1)}, ONE, np.array([5]), NONE), "go on from 300"),
        (Chunk({}, np.array([LEARN], np.int8), np.array([7]), np.array(["up"], object)), "not pending"),
        (Chunk({}, np.array([EXPIRE], np.int8), np.array([999]), NONE), "before it is observed"),
        (
            Chunk(
                {"a": np.zeros(1)},
                np.array([OBSERVE, LEARN, LEARN], np.int8),
                np.array([300] * 3),
                np.array([None, "up", "up"], object),
            ),
            "twice",
        ),
        (
            Chunk(
                {"a": np.zeros(1)},
                np.array([OBSERVE, LEARN], np.int8),
                np.array([300, 300]),
                np.array([None, [1]], object),
            ),
            r"class label is \[1\]",
        ),
        (
            Chunk(
                {"a": np.zeros(1)},
                np.array([OBSERVE, LEARN], np.int8),
                np.array([300, 300]),
                np.array([None, None], object),
            ),
            "class label is None",
        ),
        (Chunk({"a": np.array([b"x"], object)}, ONE, np.array([300]), NONE), "'a' holds a bytes"),
    ],
)
def test_a_refused_chunk_changes_nothing(chunk, words):
    model = taught()
    before = model.state_hash()
    with pytest.raises(SchemaError, match=words):
        model.run(chunk)
    assert model.state_hash() == before


def test_limits_say_so(monkeypatch):
    model = Classifier(max_pending=3)
    for _ in range(3):
        model.observe({"a": 1.0})
    with pytest.raises(LimitError, match="the limit is 3"):
        model.observe({"a": 1.0})
    wide = Classifier(max_columns=5)
    wide.learn_one({f"c{i}": 1.0 for i in range(50)}, 1)
    assert len(wide.columns) == 5 and wide.columns_refused == 45
    monkeypatch.setattr(class_labels, "MAX_CLASSES", 4)
    many = Classifier()
    with pytest.raises(LimitError, match="use regression"):
        for i in range(5):
            many.learn_one({"a": 1.0}, i)
    assert many.classes == [0, 1, 2, 3]


def test_bad_options_are_named():
    with pytest.raises(SpecError, match="max_pending"):
        Classifier(max_pending=0)
    with pytest.raises(SpecError, match="categories"):
        Classifier(categories="carrier")
    with pytest.raises(SchemaError, match="column 'a' holds a list"):
        Classifier().learn_one({"a": [1]}, 1)
    with pytest.raises(SchemaError, match="target is 'x'"):
        Regressor().learn_one({"a": 1}, "x")


def test_state_is_refused_when_it_does_not_fit():
    model = taught()
    arrays, meta = model.state_dict()
    with pytest.raises(StateError, match="option seed is 2 here and 1"):
        Classifier(seed=2).load_state_dict(arrays, meta)
    with pytest.raises(StateError, match="is of a Classifier"):
        Regressor().load_state_dict(arrays, meta)
    with pytest.raises(StateError, match="new learner only"):
        model.load_state_dict(arrays, meta)
    for damage, words in (
        (lambda a: a.pop("mixer/w"), "'mixer/w' is missing"),
        (lambda a: a.update({"mixer/w": a["mixer/w"].astype(np.float64)}), "'mixer/w' has dtype float64"),
        (lambda a: a.update({"mixer/w": a["mixer/w"][1:].copy()}), "'mixer/w' has shape"),
        (lambda a: a.update({"mixer/x": np.zeros(1)}), "'mixer/x' is not known"),
        (lambda a: a.update({"stray/x": np.zeros(1)}), "'stray/x' is not known"),
    ):
        bad = dict(arrays)
        damage(bad)
        with pytest.raises(StateError, match=words):
            Classifier().load_state_dict(bad, meta)


def test_declared_categories_are_names_not_quantities():
    rng = np.random.default_rng(3)
    code = rng.integers(0, 2, 600).astype(float) * 1e6
    model = Classifier(categories=["code"])
    model.learn_many({"code": code}, (code > 0).tolist())
    assert model._pool.schema.text == [True]
    assert model.predict_one({"code": 1e6}) is True and model.predict_one({"code": 0.0}) is False


def test_a_hostile_stream_of_names_stops_at_the_limit():
    model = Classifier(max_columns=20)
    for i in range(200):
        model.learn_one({"a": float(i % 2), f"junk{i}": 1.0}, i % 2)
    assert len(model._pool.schema.names) == 20
    assert model.predict_one({"a": 1.0}) == 1


def test_surprise_is_high_far_from_what_was_seen():
    model = taught(1500)
    near = model.look({"a": np.array([0.5]), "b": np.array([0.5])}).surprise[0]
    far = model.look({"a": np.array([5.0]), "b": np.array([-5.0])}).surprise[0]
    assert far > near


def test_certificate_of_every_network_is_above_the_attack():
    for d in taught(1000).networks():
        assert d["attacked"] <= d["certified"] <= d["certified"] + d["l1_bound"]
        assert np.abs(np.diff(d["splines"], axis=1)).max() / 0.4 <= 1.0


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_the_state_stays_below_the_memory_that_is_declared(make):
    model = make(max_pending=300)
    assert model.memory()["now"] == model.memory()["at_most"]
    rng = np.random.default_rng(0)

    def rows(n):
        return {"a": rng.standard_normal(n), "shop": [f"s{i}" for i in rng.integers(0, 10**6, n)]}

    model.learn_many(rows(200), rng.integers(0, 2, 200).tolist())
    most = model.memory()["at_most"]
    for _ in range(3):
        model.learn_many(rows(500), rng.integers(0, 2, 500).tolist())
        assert model.memory()["now"] <= model.memory()["at_most"] <= most
    tickets = model.next_ticket + np.arange(300)
    model.run(
        Chunk(
            {k: np.asarray(v) for k, v in rows(300).items()},
            np.full(300, OBSERVE, np.int8),
            tickets,
            [0] * 300,
        )
    )
    full = model.memory()
    assert model.pending == 300 and full["now"] <= full["at_most"] <= most
    assert full["now"] == sum(v.nbytes for v in model.state_dict()[0].values())


def test_classes_that_come_one_by_one_are_learnt_like_declared_ones():
    rng = np.random.default_rng(7)
    n, classes = 1200, 8
    centre = rng.normal(0, 1.5, (classes, 4))
    y = np.minimum(rng.integers(0, classes, n), np.arange(n) // 15)  # the eighth comes after a hundred events
    x = {f"c{j}": v for j, v in enumerate((centre[y] + rng.normal(0, 1, (n, 4))).T)}
    op, ticket = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    pool, logistic = [], []
    for declared in ((), range(classes)):
        model = Classifier(declared, alarms=False)
        out = model.run(Chunk(x, op, ticket, np.repeat(y, 2)))
        place = np.array([list(model.classes).index(c) for c in range(classes)])
        pool.append(-np.log(out.proba[np.arange(n), place[y]][200:]).mean())
        logistic.append(model._pool.ledger.mean("log_loss_logistic"))
    assert pool[0] < 1.03 * pool[1]
    assert logistic[0] < 1.1 * logistic[1]


def test_what_follows_a_new_class_is_taken_from_the_others():
    rows = columns_alone(1)
    model = Frequencies(room(rows, 3, True))
    y = np.array([0] * 30 + [1] * 30 + [2], np.int64)
    n = len(y)
    store = {"p": np.zeros((n + 1, 3, 3), np.float32), "was": np.zeros((n + 1, 2), np.int64)}
    for i in range(n + 1):
        model.step(segment(np.full(1, OBSERVE, np.int8), np.array([i])), rows, store)
        if i < n:
            model.step(segment(np.full(1, LEARN, np.int8), np.array([i]), y[i : i + 1]), rows, store)
    p = store["p"][:, 2]
    assert p[31, 1] > 0.9 and p[n, 2] > 0.9  # each seen once
    assert 0.5 < p[2, 0] < p[29, 0]
    assert p.sum(1) == pytest.approx(1.0)


@pytest.mark.parametrize("classes", [(), ("x", "y", "z")])
def test_reading_right_after_a_classs_first_label_changes_nothing(classes):
    model = Classifier(classes)
    for y in "xxyz":
        model.learn_one({"a": 1.0}, y)
        before = model.state_hash()
        model.predict_proba_one({"a": 1.0})
        model.look({"a": np.ones(3)})
        assert model.state_hash() == before
