"""Absurd values: fill values, sentinels and glitches, wherever they stand, are forgotten; new levels are followed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn import Classifier, Regressor
from streamnn.features.absurd import BLIND_DEVIATIONS, LEVEL_VALUES
from streamnn.features.inputs import MAX_MEANS, PAIRS, SINGLES, Inputs
from streamnn.features.layout import Layout
from streamnn.network import Network, NetworkSpec
from streamnn.network.arrays import ASLEEP_AFTER
from streamnn.types import LEARN, LOOK, OBSERVE, Chunk

f4 = np.float32
N = 1200
FILL = 9.96921e36  # what a common scientific format writes where there is no value
ABSURD = (1e6, 1e20, FILL, -999.0, -9999.0, 1e9, -1e12)
PLACES = ([0], [1], [4], [7], [10], [25], [600], [0, 1, 2], [600, 601, 602, 603, 604], list(range(40)))
SENSOR = np.random.default_rng(1).normal(15, 5, N)
METER = 2 * SENSOR + np.random.default_rng(2).normal(0, 0.5, N)
OTHERS = np.random.default_rng(3).normal(0, 1, (2, N))


def run(model, columns, labels, delay=0):
    op, ticket = [], []
    for i in range(len(labels) + delay):
        if i < len(labels):
            op.append(OBSERVE)
            ticket.append(i)
        if i >= delay:
            op.append(LEARN)
            ticket.append(i - delay)
    columns = {k: np.asarray(v, float) for k, v in columns.items()}
    return model.run(Chunk(columns, np.array(op, np.int8), np.array(ticket), np.asarray(labels)[ticket]))


def right(columns, truth, since=500):
    model = Classifier(alarms=False)
    said = run(model, columns, truth).proba.argmax(1)
    said = np.array([*model.classes, -1, -1])[said]  # before there are two
    return (said == truth)[since:].mean()


def errors(columns, learnt, truth, since, delay=0):
    out = run(Regressor(alarms=False), columns, learnt, delay)
    return [np.abs(said - truth)[since:].mean() for said in (out.median, out.mean)]


@cache
def clean(delay=0):
    return errors({"a": SENSOR}, METER, METER, 900, delay)


def glitched(values, places, value):
    out = values.copy()
    out[..., places] = value
    return out


# statistics of a column

LAYOUT = Layout(1, 0, 2, 0, 2, 0, 1, 0)


def inputs(values, looks=False):
    stage = Inputs(steady=True)
    stage.grow([False], 1)
    n = len(values)
    store = {
        "row": np.zeros((n, int(LAYOUT.offsets[-1])), f4), "ids": np.zeros((n, 1), np.int32), "steady": np.zeros((n, 1), f4),
        "mean_ids": np.zeros((n, MAX_MEANS), np.int32), "pairs": np.zeros((n, PAIRS + SINGLES), np.int32),
    }  # fmt: skip
    start, _ = LAYOUT.span("x", "x")
    seen = np.zeros((2, n), f4)
    for i, v in enumerate(values):
        for k, op in enumerate((LOOK, OBSERVE) if looks else (OBSERVE,)):
            stage.scan(np.full(1, op, np.int8), np.array([i]), np.array([[v]], float), LAYOUT.offsets, store)
            seen[k, i] = store["row"][i, start]
    taken, mean, squares = stage.s["count"][0]
    return mean, np.sqrt(squares / max(taken, 1)), seen, stage


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=5, unique=True),
    st.sampled_from(ABSURD),
    st.sampled_from([1e-6, 1.0, 1e3]),
    st.integers(0, 5),
)
def test_absurd_values_leave_mean_and_deviation_as_they_are(places, value, unit, seed):
    x = np.random.default_rng(seed).normal(3, 1, 500) * unit
    bad = value * max(unit, 1.0) if abs(value) > 999 else value * unit
    mean, deviation, _, _ = inputs(glitched(x, places, bad))
    # those that come while little is known may count as some deviations each
    assert abs(mean - x.mean()) < 0.2 * unit and 0.8 < deviation / x.std() < 1.25


@pytest.mark.parametrize("kind", ["gauss", "codes", "rare", "rain", "counter", "constant"])
def test_an_ordinary_column_has_the_plain_mean_and_deviation(kind):
    rng = np.random.default_rng(4)
    x = {
        "gauss": rng.normal(15, 5, 600),
        "codes": rng.integers(0, 7, 600).astype(float),
        "rare": (rng.random(600) < 0.02).astype(float),
        "rain": np.where(rng.random(600) < 0.2, rng.exponential(3, 600) + 0.5, 0.0),
        "counter": 1.7e9 + 60.0 * np.arange(600),
        "constant": np.full(600, 7.5),
    }[kind]
    mean, deviation, _, _ = inputs(x)
    assert mean == pytest.approx(x.mean(), rel=1e-9) and deviation == pytest.approx(x.std(), rel=1e-9)


@pytest.mark.parametrize("many", [5, 12, 30, 100])
@pytest.mark.parametrize("kind", ["constant", "near one another", "anywhere"])
def test_a_bad_beginning_is_forgotten_once_later_values_agree(many, kind):
    rng = np.random.default_rng(5)
    x = rng.normal(15, 5, 1024)
    x[:many] = {
        "constant": 1e20,
        "near one another": 1e9 + rng.random(many),
        "anywhere": 1e9 * rng.random(many),
    }[kind]
    mean, deviation, _, _ = inputs(x)
    assert abs(mean - 15) < 1 and 4 < deviation < 7


@pytest.mark.parametrize("kind", ["a run of one fill value", "one value in ten", "two in turns"])
def test_a_fill_value_that_comes_often_is_left_out(kind):
    x = np.random.default_rng(6).normal(15, 5, 1000)
    if kind == "a run of one fill value":
        x[300:400] = -9999
    elif kind == "one value in ten":
        x[::10] = FILL
    else:
        x[::50], x[1::50] = 1e20, -9999
    mean, deviation, _, _ = inputs(x)
    assert abs(mean - 15) < 1 and 4 < deviation < 7


def test_a_new_level_gets_through():
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(15, 5, 200), rng.normal(15, 5, 1848) * 1000])
    mean, deviation, seen, _ = inputs(x)
    assert abs(mean - 15_000) < 2000 and 3000 < deviation < 8000
    assert len(np.unique(seen[0, 400:])) > 1000  # it is told apart, not clipped
    x = np.concatenate([rng.normal(15, 5, 200), rng.normal(15 + 10_000, 5, 1848)])
    mean, deviation, _, _ = inputs(x)  # the deviation across levels is forgotten
    assert abs(mean - 10_015) < 5 and deviation < BLIND_DEVIATIONS * 5


@pytest.mark.parametrize("value", [1e9, -9999.0])
def test_a_look_at_a_column_says_what_observing_would(value):
    x = glitched(SENSOR[:300], [0, 11, 60, 61, 62], value)
    *_, seen, _ = inputs(x, looks=True)
    np.testing.assert_array_equal(seen[0], seen[1])
    *_, alone, stage = inputs(x)
    np.testing.assert_array_equal(alone[0], seen[1])
    for leaf, v in inputs(x, looks=True)[3].s.items():
        np.testing.assert_array_equal(v, stage.s[leaf])


def test_steady_units_do_not_freeze_on_absurd_ones():
    *_, stage = inputs(glitched(SENSOR, [0, 5, 31], 1e20))
    mean, deviation = stage.s["steady"][0]
    assert abs(mean - 15) < 5 and 3 < deviation < 8


# pools: columns


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("places", PLACES[:7:2], ids=str)
def test_an_absurd_value_costs_a_classifier_nothing(value, places):
    truth = (SENSOR > 15).astype(int)
    assert right({"a": glitched(SENSOR, places, value)}, truth) > right({"a": SENSOR}, truth) - 0.02


@pytest.mark.parametrize("places", PLACES, ids=str)
def test_absurd_rows_cost_a_classifier_nothing(places):
    columns = np.stack([(SENSOR - 15) / 5, *OTHERS])
    truth = (columns[0] + columns[1] - columns[2] > 0).astype(int)
    before = right(dict(zip("abc", columns, strict=True)), truth)
    bad = glitched(columns, places, FILL)
    assert right(dict(zip("abc", bad, strict=True)), truth) > before - 0.03


@pytest.mark.parametrize("value", [1e6, FILL, -999.0])
@pytest.mark.parametrize("places", PLACES, ids=str)
def test_an_absurd_value_costs_a_regressor_nothing(value, places):
    median, mean = errors({"a": glitched(SENSOR, places, value)}, METER, METER, 900)
    assert median < 2 * clean()[0] and mean < 2 * clean()[1]


# pools: targets


@pytest.mark.parametrize("delay", [0, 30])
@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("places", [*PLACES[:9], [100, 300, 500, 700]], ids=str)
def test_an_absurd_target_is_forgotten(value, places, delay):
    learnt = glitched(METER, places, value)
    median, mean = errors({"a": SENSOR}, learnt, METER, 900, delay)
    assert median < 2 * clean(delay)[0] and mean < 2 * clean(delay)[1]


@pytest.mark.parametrize("delay", [0, 30])
@pytest.mark.parametrize("value", [0.0, 5.0])
@pytest.mark.parametrize("many", [1, 100])
def test_targets_that_stand_still_at_first(value, many, delay):
    y = glitched(METER, list(range(many)), value)
    out = run(Regressor(alarms=False, coverage=0.9), {"a": SENSOR}, y, delay)
    inside = np.abs(y - out.mean) < 2 * out.deviation
    covered = (out.low <= y) & (y <= out.high)
    assert np.abs(y - out.mean)[900:].mean() < 2 * clean(delay)[1]
    assert inside[600:].mean() > 0.85 and covered[600:].mean() > 0.8
    # where labels are late, thirty errors as large as the targets themselves are remembered for a thousand
    most = 2 if delay == 0 or many == 1 else 6
    assert 0.3 < out.deviation[900:].mean() < most and np.median((out.high - out.low)[900:]) < 4 * most
    assert abs(out.entropy[900:].mean()) < 3


@pytest.mark.parametrize("delay", [0, 30])
@pytest.mark.parametrize("times", [1000.0, -50_000.0, 0.001])
def test_targets_of_a_new_level_are_followed(times, delay):
    y = np.where(np.arange(N) < 400, METER, times * METER)
    out = run(Regressor(alarms=False), {"a": SENSOR}, y, delay)
    # within a tenth of what they are; of smaller ones the old scale is forgotten over a thousand labels
    size = np.abs(y[400:] if times > 1 or times < 0 else y[:400]).mean()
    assert np.abs(out.median - y)[1000:].mean() < 0.1 * size
    assert np.abs(out.mean - y)[1000:].mean() < 0.25 * size


def test_targets_that_grow_exponentially_are_followed():
    y = 1.02 ** np.arange(N)
    out = run(Regressor(alarms=False), {"a": np.arange(N)}, y)
    assert (np.abs(out.median - y) / y)[200:].mean() < 0.2


def test_a_level_that_does_not_vary_is_followed():
    y = np.where(np.arange(400) < 200, METER[:400], 5000.0)
    out = run(Regressor(alarms=False), {"a": SENSOR[:400]}, y)
    assert np.abs(out.median - y)[200 + 10 * int(LEVEL_VALUES) :].mean() < 50


# what broke begins again


@pytest.mark.parametrize("leaf", ["w", "cov", "u", "rate", "v", "error"])
def test_a_mixer_of_numbers_that_holds_a_nan_heals(leaf):
    model = Regressor(alarms=False)
    run(model, {"a": SENSOR[:300]}, METER[:300])
    model._pool.mixer.s[leaf].flat[0] = np.nan
    for i in range(300, 600):
        assert np.isfinite(model.predict_one({"a": SENSOR[i]}))
        model.learn_one({"a": SENSOR[i]}, METER[i])
    assert all(np.isfinite(v).all() for v in model._pool.mixer.s.values())
    assert abs(model.predict_one({"a": 15.0}) - 30) < 3


@pytest.mark.parametrize("leaf", ["w", "w_2", "b", "cov", "top", "top_cov", "v", "rate", "copies"])
def test_a_mixer_of_classes_that_holds_a_nan_heals(leaf):
    model = Classifier(alarms=False)
    truth = (SENSOR > 15).astype(int)
    run(model, {"a": SENSOR[:300]}, truth[:300])
    model._pool.mixer.s[leaf].flat[0] = np.nan
    for i in range(300, 600):
        model.learn_one({"a": SENSOR[i]}, int(truth[i]))
    assert all(np.isfinite(v).all() for v in model._pool.mixer.s.values())
    said = model.predict_proba_one({"a": 25.0})
    assert said[1] > 0.9


# columns that have not moved


@pytest.mark.parametrize("rule", ["sgd", "rms", "factored"])
def test_an_input_that_never_moved_has_zero_weights_until_it_does(rule):
    net = Network(NetworkSpec("net", (16,), rule=rule, average=100), 3, 2, True, 1)
    n = ASLEEP_AFTER + 40
    rows = np.random.default_rng(0).standard_normal((n, 3)).astype(f4)
    rows[:, 1] = 0.0
    rows[1:, 2] = 0.0  # moved once
    random = net.s["first"].copy()
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    target, p = (rows[slot, 0] > 0).astype(f4), np.zeros((n, 2, 2), f4)
    ids = np.full((n, 1), -1, np.int32)

    def learn(a, b):
        net.scan(op[a:b], slot[a:b], target[a:b], np.ones(b - a, f4), 0, rows, ids, p)

    learn(0, 2 * ASLEEP_AFTER - 2)
    assert (net.s["first"][1] == random[1]).all()
    learn(2 * ASLEEP_AFTER - 2, 2 * n)
    assert not net.s["first"][1].any() and not net.s["mean_first"][1].any()
    assert net.s["first"][2].any() and net.s["first"][0].any()
    here = net.s["first"].astype(float)
    assert net.s["first_norm"] == pytest.approx((here * here).sum(0), rel=1e-3)
