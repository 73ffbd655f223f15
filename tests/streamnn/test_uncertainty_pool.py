"""Pools that give p-values and sets or intervals: their invariants, fields and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from test_invariants import Log

from streamnn.checks import check_scan
from streamnn.errors import SpecError, StateError
from streamnn.learners import Classifier, Regressor
from streamnn.types import LEARN, Chunk

WANTED = {"coverage": 0.9, "p_values": True}
FIELDS = {"proba", "known", "mean", "median", "deviation", "p_value", "included", "low", "high"}


class Full(Log):
    """The same log; everything that is said of an event, whatever the number of classes known in the end."""

    def run(self, model, a, b):
        lo, hi = (self.rows[a - 1] if a else 0), (self.rows[b - 1] if b else 0)
        label = np.where(self.op[a:b] == LEARN, self.labels[self.ticket[a:b]], None)
        cols = {k: v[lo:hi] for k, v in self.columns.items()}
        return self.said(model.run(Chunk(cols, self.op[a:b], self.ticket[a:b], label)))

    def look(self, model):
        return self.said(model.look({k: v[:5] for k, v in self.columns.items()}))

    def said(self, out):
        n = len(out.ticket)
        if out.included is not None:
            return out.p_value, (out.included << np.arange(out.included.shape[1])).sum(1)
        if out.low is None:
            return (np.zeros(n),) * (2 if out.mean is None else 4)
        return out.p_value, out.deviation, out.low, out.high


@pytest.mark.parametrize("make", [Classifier, Regressor])
@pytest.mark.parametrize("delay", [0, 30])
def test_invariants(make, delay):
    log = Full(150, make is Regressor, 1, delay)
    check_scan(lambda: make(**WANTED), log.run, len(log), log.look)


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_one_by_one_equals_many(make):
    log = Log(80, make is Regressor, 3)
    one, many = make(**WANTED), make(**WANTED)
    for i in range(80):
        one.learn_one({k: v[i] for k, v in log.columns.items()}, log.labels[i])
    many.learn_many(log.columns, log.labels.tolist())
    assert one.state_hash() == many.state_hash()
    assert one.scores()["coverage"]["labels"] == 80


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_only_what_is_asked_for_is_said(make):
    log = Log(60, make is Regressor, 0)
    always = {"proba", "known"} if make is Classifier else {"mean", "median", "deviation"}
    cover = {"included"} if make is Classifier else {"low", "high"}
    for options, more in (({}, set()), ({"p_values": True}, {"p_value"}), ({"coverage": 0.8}, cover)):
        model = make(**options)
        cols = {k: v[:60] for k, v in log.columns.items()}
        model.learn_many(cols, log.labels.tolist())
        out = model.look(cols)
        said = {k for k in FIELDS if getattr(out, k) is not None}
        assert said == always | more
        assert ("coverage" in model.scores()) == ("coverage" in options)
        assert ("covered" in model.history()) == ("coverage" in options)


def test_labels_are_covered_as_often_as_asked():
    rng = np.random.default_rng(0)
    n = 4000
    x = {"a": rng.standard_normal(n), "b": rng.standard_normal(n)}
    noise = rng.standard_normal(n)
    classes = np.where(x["a"] + noise > 1, "up", np.where(x["a"] + noise < -1, "down", "level"))
    model = Classifier(**WANTED)
    model.learn_many(x, classes.tolist())
    found = model.scores()["coverage"]
    assert found["covered"] == pytest.approx(0.9, abs=0.01)
    assert 1.2 < found["set_size"] < 2.5
    out = model.look({k: v[:500] for k, v in x.items()})
    assert out.included.sum(1).mean() == pytest.approx(found["set_size"], abs=0.4)
    assert (np.take_along_axis(out.proba, out.proba.argmax(1)[:, None], 1)[:, 0] > 0).all()
    spread = np.exp(x["b"])
    values = 10 + x["a"] + spread * noise
    numbers = Regressor(**WANTED)
    numbers.learn_many(x, values.tolist())
    assert numbers.scores()["coverage"]["covered"] == pytest.approx(0.9, abs=0.01)
    out = numbers.look({k: v[:500] for k, v in x.items()})
    assert np.corrcoef(np.log(out.deviation), x["b"][:500])[0, 1] > 0.7  # wide where the noise is
    assert (out.low < out.high).all()


def test_options():
    for bad in ({"coverage": 0.2}, {"coverage": True}, {"coverage": "high"}, {"p_values": 1}):
        with pytest.raises(SpecError, match=f"learner option {next(iter(bad))}"):
            Classifier(**bad)
    log = Log(30, False, 0)
    model = Classifier(**WANTED)
    log.run(model, 0, len(log))
    with pytest.raises(StateError, match="learner option coverage"):
        Classifier().load_state_dict(*model.state_dict())


def test_deviation_of_a_pool_follows_noise_that_is_known():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 12_000)
    sd = 0.1 + 0.2 * (1 + np.sin(3 * x))
    model = Regressor()
    model.learn_many({"x": x}, (np.sin(4 * x) + sd * rng.standard_normal(12_000)).tolist())
    inside, outside = (model.look({"x": v}) for v in (x[:500], np.linspace(1.3, 2.2, 500)))
    assert np.corrcoef(inside.deviation, sd[:500])[0, 1] > 0.85
    assert np.mean(outside.surprise[:, None] > inside.surprise) > 0.9
