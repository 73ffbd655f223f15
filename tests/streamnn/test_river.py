"""River's interface: its streams, pipelines and evaluation take our learners as they are."""

from __future__ import annotations

import pytest
from river import compose, datasets, evaluate, metrics, preprocessing

from streamnn import Classifier, Regressor

STREAMS = [
    (datasets.Phishing, Classifier),
    (datasets.Bananas, Classifier),
    (datasets.ImageSegments, Classifier),
    (datasets.TrumpApproval, Regressor),
    (datasets.AirlinePassengers, Regressor),  # its only column is a date
    (datasets.WaterFlow, Regressor),
]


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
