"""River's interface: its streams, pipelines, ensembles and evaluation take our learners, and its own checks hold."""

from __future__ import annotations

import datetime as dt
import math
import pickle
import random
import subprocess
import sys

import pandas as pd
import pytest
from river import (
    active,
    base,
    checks,
    compose,
    datasets,
    drift,
    ensemble,
    evaluate,
    imblearn,
    metrics,
    model_selection,
    multiclass,
    preprocessing,
    utils,
)
from river.evaluate.tracks import Track

import streamnn.river
from streamnn import Classifier, Regressor, learners
from streamnn.errors import SchemaError, SpecError
from streamnn.learners import NetworkClassifier
from streamnn.river import DelayedClassifier, DelayedRegressor

STREAMS = [
    (datasets.Phishing, Classifier),
    (datasets.Bananas, Classifier),
    (datasets.ImageSegments, Classifier),
    (datasets.TrumpApproval, Regressor),
    (datasets.AirlinePassengers, Regressor),  # its only column is a date
    (datasets.WaterFlow, Regressor),
]
RIVERS = [streamnn.river.Classifier, streamnn.river.Regressor, streamnn.river.NetworkClassifier]
CLASSIFIERS = [Classifier, NetworkClassifier, streamnn.river.Classifier, streamnn.river.NetworkClassifier]
REGRESSORS = [Regressor, streamnn.river.Regressor]


def name(kind):
    return f"{kind.__module__.split('.')[1]}.{kind.__name__}"


@pytest.mark.parametrize(("stream", "make"), STREAMS, ids=[s[0].__name__ for s in STREAMS])
def test_rivers_streams_can_be_learnt(stream, make):
    model = make()
    events = list(stream())[:150]
    for x, y in events:
        model.predict_proba_one(x) if make is Classifier else model.predict_one(x)
        model.learn_one(x, y)
    s = model.scores()
    assert s["labelled"] == len(events)
    assert s.get("accuracy", 1.0) > 0.4 and s.get("mae", 0.0) < 1e6


def test_a_pipeline_and_rivers_evaluation_take_them():
    model = compose.Pipeline(preprocessing.StandardScaler(), Classifier())
    stream = list(datasets.Phishing().take(300))
    assert evaluate.progressive_val_score(stream, model, metrics.Accuracy()).get() > 0.7
    assert evaluate.progressive_val_score(stream, Classifier(), metrics.LogLoss()).get() < 0.6
    trump = list(datasets.TrumpApproval().take(300))
    assert evaluate.progressive_val_score(trump, Regressor(), metrics.MAE()).get() < 5


CHECKS = [(make, i, check) for make in RIVERS for i, check in enumerate(checks.yield_checks(make()))]
"""None is left out."""


@pytest.mark.parametrize(
    ("make", "check"),
    [c[::2] for c in CHECKS],
    ids=[f"{c[0].__name__}-{c[1]}-{c[2].__name__}" for c in CHECKS],
)
@pytest.mark.slow
def test_rivers_own_checks(make, check):
    check(make().clone())


def test_rivers_own_checks_are_many():
    assert [
        sum(c[0] is make for c in CHECKS) >= least for make, least in zip(RIVERS, (53, 25, 53), strict=True)
    ] == [True] * 3


ENSEMBLES = {
    "bagging": lambda m: ensemble.BaggingClassifier(m(), n_models=2, seed=1),
    "bagging with ADWIN": lambda m: ensemble.ADWINBaggingClassifier(m(), n_models=2, seed=1),
    "leveraging bagging": lambda m: ensemble.LeveragingBaggingClassifier(m(), n_models=2, seed=1),
    "boosting": lambda m: ensemble.AdaBoostClassifier(m(), n_models=2, seed=1),
    "random patches": lambda m: ensemble.SRPClassifier(m(), n_models=2, seed=1),
    "voting": lambda m: ensemble.VotingClassifier([m(), m(seed=2)]),
    "stacking": lambda m: ensemble.StackingClassifier([m(), m(seed=2)], meta_classifier=m()),
    "one against rest": lambda m: multiclass.OneVsRestClassifier(m()),
    "one against one": lambda m: multiclass.OneVsOneClassifier(m()),
    "output codes": lambda m: multiclass.OutputCodeClassifier(m(), code_size=5, seed=1),
    "retraining after drift": lambda m: drift.DriftRetrainingClassifier(m()),
    "grid": lambda m: utils.expand_param_grid(m(), {"seed": [1, 2]})[1],
    "halving": lambda m: model_selection.SuccessiveHalvingClassifier(
        [m(), m(seed=2)], metrics.Accuracy(), budget=100
    ),
    "sampling": lambda m: imblearn.RandomSampler(m(), {0: 0.3, 1: 0.3, 2: 0.4}, sampling_rate=0.9, seed=1),
    "pipeline": lambda m: preprocessing.StandardScaler() | m(),
    "clone of bagging": lambda m: ensemble.BaggingClassifier(m(), n_models=2, seed=1).clone(),
    "clone of a pipeline": lambda m: (preprocessing.StandardScaler() | m()).clone({m.__name__: {"seed": 5}}),
}


@pytest.mark.parametrize("kind", ENSEMBLES)
@pytest.mark.parametrize("make", CLASSIFIERS, ids=name)
def test_what_river_builds_of_a_classifier_learns(make, kind):
    model, draw, right = ENSEMBLES[kind](make), random.Random(1), 0
    for i in range(240):
        if i == 140:
            model = pickle.loads(pickle.dumps(model))
        k = draw.randrange(3)
        right += i >= 140 and model.predict_one({"a": float(k), "b": 1.0}) == k
        model.learn_one({"a": float(k), "b": 1.0}, k)
    assert right >= 60  # a guess has 33


@pytest.mark.parametrize("make", REGRESSORS, ids=name)
def test_what_river_builds_of_a_regressor_learns(make):
    models = [
        ensemble.BaggingRegressor(make(), n_models=2, seed=1),
        ensemble.SRPRegressor(make(), n_models=2, seed=1),
        ensemble.EWARegressor([make(), make(seed=2)]),
        preprocessing.TargetStandardScaler(make()),
        preprocessing.StandardScaler() | make(),
    ]
    for model in models:
        error = 0.0
        for i in range(300):
            x, y = {"a": float(i % 3)}, 10.0 + i % 3
            error += abs(model.predict_one(x) - y) * (i >= 200)
            model.learn_one(x, y)
        assert error < 50, model  # the mean's is 67


@pytest.mark.parametrize("make", CLASSIFIERS, ids=name)
def test_a_pipeline_takes_batches(make):
    frame = pd.DataFrame({"a": [float(i % 7) for i in range(200)]}, index=range(100, 300))
    labels = pd.Series([int(v > 3) for v in frame["a"]])
    model = preprocessing.StandardScaler() | make()
    model.learn_many(X=frame, y=labels)
    assert model.predict_many(X=frame).index.equals(frame.index)
    assert (model.predict_many(frame).to_numpy() == labels.to_numpy()).mean() > 0.9
    assert model.predict_proba_many(X=frame).columns.tolist() == [0, 1]
    make().learn_one(x={"a": 1.0}, y=1, w=2.0)
    make().learn_many(X=frame, y=labels, w=labels + 1.0)


class _Stream(list):
    n_samples = 60


@pytest.mark.parametrize("make", [*CLASSIFIERS, *REGRESSORS], ids=name)
def test_a_track_measures_its_memory(make):
    classify = hasattr(make, "predict_proba_one")
    stream = _Stream(({"a": float(i % 3)}, i % 2 == 0 if classify else float(i % 2)) for i in range(60))
    track = Track("track", [stream], metrics.Accuracy() if classify else metrics.MAE())
    told = list(track.run(make(), stream, n_checkpoints=2))
    assert [t["Step"] for t in told] == [30, 60] and all(t["Memory"] > 10_000 for t in told)


@pytest.mark.parametrize("make", RIVERS, ids=name)
def test_rivers_models_are_the_learners(make):
    plain = getattr(learners, make.__name__)
    one, other = plain(seed=3), make(seed=3)
    for i in range(30):
        one.learn_one({"a": float(i % 3)}, i % 2)
        other.learn_one({"a": float(i % 3)}, i % 2)
    assert one.state_hash() == other.state_hash() and repr(one) == repr(other)
    fresh = plain(seed=3)
    fresh.load_state_dict(*other.state_dict())
    assert fresh.state_hash() == other.state_hash()
    kind = base.MiniBatchRegressor if make.__name__ == "Regressor" else base.MiniBatchClassifier
    assert isinstance(other, kind) and isinstance(other, plain) and issubclass(plain, kind)
    assert "Scaler" in (preprocessing.StandardScaler() | other)._repr_html_()


UNPICKLE = """
import pickle, sys
model = pickle.loads(open(sys.argv[1], "rb").read())
from river import base, evaluate, metrics
kind = base.MiniBatchRegressor if type(model).__name__ == "Regressor" else base.MiniBatchClassifier
assert isinstance(model, kind)
metric = metrics.MAE() if type(model).__name__ == "Regressor" else metrics.Accuracy()
evaluate.progressive_val_score([({"a": 1.0}, 1), ({"a": 2.0}, 0)], model, metric)
"""


@pytest.mark.parametrize("make", RIVERS, ids=name)
@pytest.mark.slow
def test_an_unpickled_model_is_one_of_rivers_whatever_was_imported_first(make, tmp_path):
    (tmp_path / "model").write_bytes(pickle.dumps(make()))
    subprocess.run([sys.executable, "-W", "ignore", "-c", UNPICKLE, str(tmp_path / "model")], check=True)


# labels that come late


def sticky(n=1500):
    """A label mostly is what the last one was; the column says nothing."""
    draw, now, data = random.Random(5), 0, []
    for _ in range(n):
        now ^= draw.random() < 0.02
        data.append(({"a": draw.gauss(0, 1)}, int(now ^ (draw.random() < 0.03))))
    return data


def by_tickets(model, data, delays):
    """Losses where each label comes so many events after its row."""
    waiting, losses = [], []
    for i, (x, y) in enumerate(data):
        while waiting and waiting[0][0] <= i:
            _, _, ticket, label = waiting.pop(0)
            model.learn(ticket, label)
        out, ticket = model.observe(x)
        losses.append(
            -math.log(max(float(out.proba[0][y]), 1e-9)) if out.proba is not None else abs(out.mean[0] - y)
        )
        waiting.append((i + delays[i], i, ticket, y))
        waiting.sort()
    for _, _, ticket, label in waiting:
        model.learn(ticket, label)
    return sum(losses) / len(losses)


@pytest.mark.parametrize("delay", [1, 20, "random"])
def test_late_labels_in_rivers_evaluation_are_those_of_tickets(delay):
    data = sticky()
    draw = random.Random(1)
    delays = [draw.randrange(1, 40) if delay == "random" else delay for _ in data]
    left = iter(delays)
    late = DelayedClassifier(Classifier(classes=[0, 1], alarms=False))
    how = (lambda x, y: next(left)) if delay == "random" else delay
    told = evaluate.progressive_val_score(data, late, metrics.LogLoss(), delay=how).get()
    tickets = Classifier(classes=[0, 1], alarms=False)
    assert told == pytest.approx(by_tickets(tickets, data, delays), abs=1e-5)
    assert late.model.state_hash() == tickets.state_hash() and late.model.pending == 0


def test_late_labels_by_a_moment():
    start = dt.datetime(2025, 1, 1)
    data = [({**x, "at": start + dt.timedelta(minutes=i)}, y) for i, (x, y) in enumerate(sticky(600))]
    late, tickets = (Classifier(classes=[0, 1], alarms=False) for _ in range(2))
    metric, delay = metrics.LogLoss(), dt.timedelta(minutes=20)
    evaluate.progressive_val_score(data, DelayedClassifier(late), metric, moment="at", delay=delay)
    assert metric.get() == pytest.approx(by_tickets(tickets, data, [20] * 600), abs=1e-5)


def test_late_targets():
    data = [({"a": float(i % 7), "n": i}, 10.0 + i % 7) for i in range(500)]
    late, tickets = Regressor(alarms=False), Regressor(alarms=False)
    told = evaluate.progressive_val_score(data, DelayedRegressor(late), metrics.MAE(), delay=9).get()
    assert told == pytest.approx(by_tickets(tickets, data, [9] * 500))
    assert late.state_hash() == tickets.state_hash()


def test_a_label_goes_to_the_oldest_of_equal_rows():
    late = DelayedClassifier(Classifier())
    rows = [{"a": 1.0}, {"a": 2.0}, {"a": 1.0}, {"a": float("nan"), "s": None}]
    for x in rows:
        late.predict_proba_one(x)
    tickets = Classifier()
    for x in rows:
        tickets.observe(x)
    for ticket, label in ((1, "b"), (0, "a"), (2, "c"), (3, "d")):
        late.learn_one(dict(rows[ticket]), label)
        tickets.learn(ticket, label)
    assert late.model.state_hash() == tickets.state_hash()


def test_the_row_that_waits_longest_is_given_up_at_the_limit():
    late = DelayedClassifier(Classifier(max_pending=3))
    for i in range(5):
        late.predict_one({"a": i})
    assert (late.model.pending, late.model.events) == (3, 5)
    late.learn_one({"a": 3}, 1)
    assert late.model.pending == 2
    with pytest.raises(SchemaError, match=r"label for the row \{'a': 0\}.*2 rows.*more than 3 rows ago"):
        late.learn_one({"a": 0}, 1)
    assert late.model.pending == 2


def test_a_label_without_a_prediction_is_learnt_at_once_where_none_waits():
    late, plain = DelayedRegressor(Regressor()), Regressor()
    for i in range(5):
        late.learn_one({"a": i}, i, w=2.0)
        plain.learn_one({"a": i}, i, w=2.0)
    assert late.model.state_hash() == plain.state_hash()


def test_a_transformer_that_learns_before_it_is_named():
    model = preprocessing.StandardScaler() | DelayedClassifier(Classifier())
    with pytest.raises(SchemaError, match="a transformer of a pipeline has changed"):
        evaluate.progressive_val_score(sticky(50), model, metrics.Accuracy(), delay=5)
    select = compose.Select("a") | DelayedClassifier(Classifier())
    evaluate.progressive_val_score(sticky(50), select, metrics.Accuracy(), delay=5)
    for other in (NetworkClassifier(), preprocessing.StandardScaler() | Classifier()):
        with pytest.raises(SpecError, match="Classifier or Regressor of streamnn"):
            DelayedClassifier(other)


@pytest.mark.parametrize("make", [Classifier, streamnn.river.Classifier], ids=name)
def test_an_adapter_is_cloned_with_a_fresh_model(make):
    late = DelayedClassifier(make(seed=4))
    late.predict_one({"a": 1.0})
    late.learn_one({"a": 1.0}, 1)
    fresh = late.clone()
    assert (fresh.model.events, fresh.model.seed, type(fresh.model)) == (0, 4, make)
    again = pickle.loads(pickle.dumps(late))
    assert again.model.events == 1 and isinstance(active.EntropySampler(late), base.Classifier)
