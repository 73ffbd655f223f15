"""The estimators of scikit-learn: its own checks, frames, cross validation, streams in batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from streamnn import Classifier, Regressor
from streamnn.errors import SpecError
from streamnn.sklearn import StreamClassifier, StreamRegressor

DO_NOT_APPLY = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight two is one event, and one of weight zero is seen",
}


@pytest.mark.parametrize("make", [StreamClassifier, StreamRegressor])
def test_its_own_checks(make):
    told = check_estimator(make(), expected_failed_checks=DO_NOT_APPLY, on_skip=None, on_fail=None)
    status = {r["check_name"]: r["status"] for r in told}
    wrong = {r["check_name"]: r["exception"] for r in told if r["status"] == "failed"}
    assert wrong == {} and len(told) > 50
    assert {k for k, s in status.items() if s == "xfail"} == set(DO_NOT_APPLY)
    assert {k for k, s in status.items() if s == "skipped"} <= {
        "check_array_api_input"
    }  # needs other packages


def shops(n=400, seed=0):
    rng = np.random.default_rng(seed)
    shop = rng.choice(["north", "south", None], n, p=[0.45, 0.45, 0.1])
    frame = pd.DataFrame(
        {
            "shop": pd.Series(shop, dtype="category"),
            "price": rng.standard_normal(n),
            "at": pd.date_range("2025-01-01", periods=n, freq="h", tz="Europe/Berlin"),
        }
    )
    frame.loc[::7, "price"] = np.nan
    return frame, np.where((frame["shop"] == "north") | (frame["price"] > 1), "yes", "no")


def test_a_frame_is_learnt_as_the_classifier_learns_it():
    frame, y = shops()
    model, plain = StreamClassifier(seed=3).fit(frame, y), Classifier(classes=["no", "yes"], seed=3)
    plain.learn_many(frame, y)
    assert model.model_.state_hash() == plain.state_hash()
    assert model.feature_names_in_.tolist() == list(frame.columns) and model.n_features_in_ == 3
    assert model.classes_.tolist() == ["no", "yes"] and model.score(frame, y) > 0.8
    assert (model.predict(frame) == plain.predict_many(frame)).all()
    np.testing.assert_allclose(model.predict_proba(frame), plain.predict_proba_many(frame), rtol=1e-6)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"price": "cost"}))


def test_batches_of_a_stream_are_one_stream():
    frame, y = shops()
    whole, parts = StreamClassifier().fit(frame, y), StreamClassifier()
    for a in range(0, 400, 90):
        parts.partial_fit(frame[a : a + 90], y[a : a + 90], classes=["no", "yes"])
    assert whole.model_.state_hash() == parts.model_.state_hash()
    assert parts.fit(frame, y).model_.state_hash() == whole.model_.state_hash()
    numbers, target = StreamRegressor(), np.arange(400) % 5 * 1.0
    for a in (0, 200):
        numbers.partial_fit(frame[a : a + 200], target[a : a + 200])
    plain = Regressor()
    plain.learn_many(frame, target)
    assert numbers.model_.state_hash() == plain.state_hash()
    np.testing.assert_array_equal(numbers.predict(frame), plain.predict_many(frame))


def test_classes_that_come_later_follow():
    model = StreamClassifier().partial_fit([[0.0], [1.0]] * 20, ["b", "a"] * 20)
    assert model.classes_.tolist() == ["a", "b"]
    model.partial_fit([[2.0]] * 20, ["0"] * 20)
    assert model.classes_.tolist() == ["a", "b", "0"] and model.predict([[2.0]]).tolist() == ["0"]
    assert model.predict_proba([[2.0]]).shape == (1, 3)


def test_sample_weights_are_those_of_the_model():
    X, y, w = np.arange(40.0)[:, None] % 4, np.arange(40) % 2, np.arange(40) % 3 + 0.5
    for make, plain in ((StreamClassifier, Classifier(classes=[0, 1])), (StreamRegressor, Regressor())):
        plain.learn_many(X, y, w)
        assert make().fit(X, y, sample_weight=w).model_.state_hash() == plain.state_hash()
        with pytest.raises(ValueError, match="sample_weight"):
            make().fit(X, y, sample_weight=w[:5])


def test_it_goes_through_pipelines_searches_and_clones():
    X = shops(240)[0][["price"]].fillna(0.0)
    label = (X["price"] > 0).to_numpy()
    pipe = make_pipeline(StandardScaler(), StreamClassifier(alarms=False))
    assert cross_val_score(pipe, X, label, cv=TimeSeriesSplit(2)).mean() > 0.8
    search = GridSearchCV(StreamClassifier(), {"seed": [1, 2]}, cv=TimeSeriesSplit(2)).fit(X, label)
    assert search.best_params_["seed"] in (1, 2)
    model = StreamClassifier(seed=5).fit(X, label)
    fresh = clone(model)
    assert fresh.seed == 5 and not hasattr(fresh, "model_") and "seed=5" in repr(fresh)
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    with pytest.raises(SpecError, match="preset"):
        StreamClassifier(preset="huge").fit(X, label)
