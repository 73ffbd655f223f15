"""What a model is told, fresh models like it, copies of it, its last alarms; labels known beforehand."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from streamnn import Classifier, Regressor
from streamnn.errors import SchemaError, StateError
from streamnn.learners import NetworkClassifier
from streamnn.learners.learner import KEPT_ALARMS
from streamnn.members import EventMember
from streamnn.network import NetworkSpec


class Half(EventMember):
    def __init__(self, room):
        super().__init__("half", ("half",), room)

    def predict(self, row, ids):
        return 0.5

    def learn(self, row, ids, target, weight):
        pass


MADE = [
    Classifier(["b", "a"], seed=7, categories=["c"], coverage=0.9, alarms=False, members=[Half]),
    Classifier(),
    Regressor(seed=3, max_pending=10, preset="default", reaction="young"),
    NetworkClassifier(NetworkSpec("n", (8,)), seed=4, categories=("c",)),
    NetworkClassifier(),
]
ids = [repr(m)[:50] for m in MADE]


def teach(model, n=20, first=0):
    for i in range(first, first + n):
        model.learn_one({"a": float(i % 3), "c": i % 2}, i % 2)
    return model


@pytest.mark.parametrize("made", MADE, ids=ids)
def test_a_clone_is_a_fresh_model_of_the_same_parameters(made):
    model = teach(copy.deepcopy(made))
    taught = model.state_hash()
    fresh = model.clone()
    assert type(fresh) is type(model) and repr(fresh) == repr(made)
    assert fresh.state_hash() == made.state_hash() != taught
    assert teach(fresh).state_hash() == taught == model.state_hash()
    other = model.clone({"seed": 99})
    assert other.seed == 99 and repr(other).replace("seed=99", "") != repr(other)
    assert made.clone(include_attributes=True).state_hash() == made.state_hash()
    both = model.clone(include_attributes=True)
    assert both.state_hash() == taught and teach(both).state_hash() != taught == model.state_hash()
    with pytest.raises(StateError, match="seed"):
        model.clone({"seed": 99}, include_attributes=True)


def test_parameters_are_attributes():
    model = Classifier(seed=7, max_pending=10, categories=("c",), members=[Half])
    assert (model.seed, model.max_pending, model.categories, model.members) == (7, 10, ("c",), [Half])
    assert (model.coverage, model.preset, model.threads, model.p_values) == (0.0, "default", 1, False)
    assert (NetworkClassifier(seed=2, max_columns=5).seed, NetworkClassifier(max_columns=5).max_columns) == (
        2,
        5,
    )
    with pytest.raises(AttributeError, match=r"clone\(\{'seed': 8\}\)"):
        model.seed = 8
    assert Regressor.seed.__doc__


def test_a_class_of_ones_own_is_cloned_by_its_own_parameters():
    class Deep(Classifier):
        def __init__(self, depth=3, **options):
            super().__init__(**options)
            self.depth = depth

    model = Deep(5, seed=2)
    assert repr(model) == "Deep(depth=5, seed=2)"
    assert (model.clone().depth, model.clone().seed, model.clone({"seed": 3}).seed) == (5, 2, 3)


@pytest.mark.parametrize("made", MADE, ids=ids)
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_shares_nothing(made, how):
    model = teach(copy.deepcopy(made))
    before, other = model.state_hash(), how(model)
    assert other.state_hash() == before
    teach(other, 5)
    assert model.state_hash() == before != other.state_hash()
    assert teach(model, 5).state_hash() == other.state_hash()


def drifting(model, n=3000, many=0):
    rng = np.random.default_rng(3)
    a = rng.standard_normal(n)
    y = ((a > 0) ^ (np.arange(n) >= 2000)).astype(int)
    a[2000:] += 8.0
    if many:
        for i in range(0, n, many):
            model.learn_many({"a": a[i : i + many]}, y[i : i + many])
        return model
    fired = []
    for v, label in zip(a.tolist(), y.tolist(), strict=True):
        if many is None:
            out, ticket = model.observe({"a": v})
            fired += [*out.alarms, *model.learn(ticket, label)]
        else:
            model.learn_one({"a": v}, label)
    return model if many is not None else fired


def test_alarms_are_kept_however_it_was_learnt():
    fired = drifting(Classifier(), many=None)
    model = drifting(Classifier())
    assert model.alarms == fired != []
    assert drifting(Classifier(), many=500).alarms == fired == drifting(Classifier(), many=3000).alarms
    assert copy.copy(model).alarms == fired
    model.alarms.clear()
    assert model.alarms == fired
    assert Classifier(alarms=False).alarms is None
    assert Classifier().alarms == model.clone().alarms == []


def test_kept_alarms_are_the_last_and_no_part_of_the_state():
    model = drifting(Classifier())
    before = model.state_hash()
    model._alarms.extend(list(model.alarms) * KEPT_ALARMS)
    assert len(model.alarms) == KEPT_ALARMS and model.state_hash() == before
    again = Classifier()
    again.load_state_dict(*model.state_dict())
    assert again.alarms == [] and again.state_hash() == before


@pytest.mark.parametrize("classes", [["a", "b", "c"], [False, True], [3]])
def test_declared_classes_are_equally_probable_before_the_first_event(classes):
    model = Classifier(classes)
    p = pytest.approx(1 / len(classes))
    assert model.predict_proba_one({"a": 1.0}) == dict.fromkeys(classes, p)
    assert model.predict_one({}) == classes[0] == model.predict_many({"a": [1.0]})[0]
    assert model.predict_proba_many({"a": [1.0, 2.0]}).tolist() == [[p] * len(classes)] * 2
    out = model.look({"a": [1.0]})
    assert out.known.tolist() == [len(classes)] and out.proba.shape == (1, len(classes))
    assert model.events == 0
    assert Classifier().predict_proba_one({"a": 1.0}) == {} and Classifier().predict_one({}) is None


LABELS = [
    ["a", "b"],
    [1, 2],
    [True, False],
    [0.5, 1.5],
    [(1 << 60) + 1, 1 << 60],
    [np.int64(3), np.int32(4)],
    [np.str_("x"), "y"],
    [np.bool_(True), np.bool_(False)],
    [np.float32(0.5), np.float64(2.0)],
    ["1", 1],
]


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_every_classifier_takes_the_same_labels(labels):
    models = Classifier(), NetworkClassifier(), Classifier(labels), NetworkClassifier()
    for model in models[:3]:
        for i in range(10):
            model.learn_one({"a": i % 2}, labels[i % 2])
    models[3].learn_many({"a": [i % 2 for i in range(10)]}, [labels[i % 2] for i in range(10)])
    plain = [v.item() if isinstance(v, np.generic) else v for v in labels]
    for model in models:
        assert model.classes == plain and [type(c) for c in model.classes] == [type(v) for v in plain]
        assert set(model.predict_proba_one({"a": 1})) == set(plain)


@pytest.mark.parametrize(
    "label", [None, float("nan"), [1], {"a": 1}, (1,), b"a", np.datetime64("2025-01-01"), object()]
)
@pytest.mark.parametrize("make", [Classifier, NetworkClassifier])
def test_every_classifier_refuses_the_same_labels(make, label):
    model = teach(make())
    before = model.state_hash()
    with pytest.raises(SchemaError, match="a class label is"):
        model.learn_one({"a": 1.0}, label)
    with pytest.raises(SchemaError, match="a class label is"):
        model.learn_many({"a": [1.0, 1.0]}, [1, label])
    assert model.state_hash() == before
