"""A family of signals: one budget, causes with evidence, reviews, and columns that are named."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.alarms import DriftMonitor, FeatureWatch, OtherDetector
from streamnn.alarms.feature_watch import FEATURE_SIGNALS
from streamnn.errors import SpecError, StateError
from streamnn.learners import Classifier, Regressor
from streamnn.pool.signals import fill_signals
from streamnn.state import state_hash
from streamnn.types import LEARN, OBSERVE

AT, N = 8000, 12_000
LEARNER = ["surprise", "entropy", "loss", "label"]


def noise(n, *seed):
    return np.random.default_rng(seed).standard_normal(n)


def quiet(names, seed=0, n=N):
    return {k: noise(n, seed, i) for i, k in enumerate(names)}


def raised(values, monitor=None, **more):
    monitor = monitor or DriftMonitor(list(values))
    n = len(next(iter(values.values())))
    return [a for a in monitor.scan(values, np.arange(n), **more) if a.event >= AT]


def test_eight_signals_share_one_budget():
    found = [
        DriftMonitor(list("abcdefgh")).scan(quiet("abcdefgh", s, 20_000), np.arange(20_000)) for s in range(5)
    ]
    assert sum(map(len, found)) <= 10  # one per 10,000 events, not eight


def test_more_than_eight_are_refused():
    with pytest.raises(SpecError, match="one to 8"):
        DriftMonitor(list("abcdefghi"))


def test_evidence_of_a_shift():
    values = quiet(LEARNER)
    values["surprise"] = 5 + values["surprise"]
    values["surprise"][AT:] += 3
    a = raised(values)[0]
    assert (a.signal, a.cause) == ("surprise", "new inputs")
    assert abs(a.before - 5) < 0.3
    assert abs(a.after - 8) < 1
    assert set(a.moved) == {"surprise"}
    assert a.moved["surprise"] > 0
    assert abs(a.began - AT) < 10


def test_a_loss_that_falls_is_an_improvement_and_costs_nothing():
    values = quiet(LEARNER)
    values["loss"][AT:] -= 3
    monitor = DriftMonitor(LEARNER)
    assert raised(values, monitor) == []
    assert monitor.status()["loss"]["improvements"] == 1
    rises = {**values, "loss": -values["loss"]}
    assert raised(rises)[0].cause == "new concept"


@pytest.mark.parametrize(("rise", "causes"), [(1.0, ["more noise"]), (0.002, []), (-1.0, [])])
def test_an_entropy_that_hardly_rises_is_no_alarm(rise, causes):
    values = quiet(LEARNER)
    values["entropy"] *= 0.001 if abs(rise) < 0.02 else 1.0
    values["entropy"][AT:] += 2 * rise
    found = [a for a in raised(values) if a.signal == "entropy" and a.event < AT + 500]
    assert [a.cause for a in found] == causes


def test_another_law_of_the_loss_is_no_alarm_while_it_is_no_higher():
    values = quiet(LEARNER)
    values["loss"] = np.abs(values["loss"]) + 1
    mean = values["loss"][:AT].mean()
    values["loss"][AT:] = mean + 0.01 * (values["loss"][AT:] - mean)  # far narrower around the same mean
    monitor = DriftMonitor(LEARNER)
    assert [a for a in raised(values, monitor) if a.signal == "loss"] == []
    assert monitor.status()["loss"]["improvements"] >= 1


def test_a_learner_is_left_alone_at_first():
    n = 1500
    rows, book = np.zeros((n, 2)), np.full((2 * n, 3), 7.0)
    op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
    known = np.full(2 * n, 3.0)
    for cut in (2 * n, 999):
        watch = FeatureWatch()
        watch.grow([False] * 2)
        values = np.concatenate(
            [
                fill_signals(
                    op[a : a + cut],
                    rows[(a + 1) // 2 : (a + cut + 1) // 2],
                    watch,
                    (known[a : a + cut], known[a : a + cut]),
                    book[a : a + cut],
                    1,
                    np.ones(len(op[a : a + cut])),
                )[0]
                for a in range(0, 2 * n, cut)
            ],
            1,
        )
        for k, x in ((0, 3.0), (1, 3.0), (2, 7.0)):
            assert np.isnan(values[k, : 2 * 999]).all()
            assert (values[k, 2 * 999 :] == x).all()
        assert (values[3] == 1.0).all()


@pytest.mark.parametrize(("stays", "said"), [(True, ["new concept", "more noise"]), (False, ["new concept"])])
def test_a_loss_that_stays_up_is_noise_after_all(stays, said):
    values = quiet(LEARNER)
    values["loss"][AT : N if stays else AT + 60] += 3
    found = [a for a in raised(values) if a.event < AT + 1200]
    assert [a.cause for a in found] == said
    if stays:
        assert found[1].statistic == "review"
        assert found[1].began == found[0].began


def test_every_alarm_is_reviewed_though_others_follow():
    values = quiet(LEARNER)
    values["loss"][AT:] += 3
    values["label"][AT + 300 :] += 3
    found = [a for a in raised(values) if a.event < AT + 1200]
    reviews = [a for a in found if a.statistic == "review"]
    assert [(a.signal, a.cause) for a in found[:2]] == [
        ("loss", "new concept"),
        ("label", "new label balance"),
    ]
    assert (reviews[0].began, reviews[0].signal) == (found[0].began, "loss")


def test_a_review_is_no_alarm_of_its_own():
    values = quiet(LEARNER)
    values["loss"][AT:] += 3
    monitor = DriftMonitor(LEARNER)
    found = monitor.scan(values, np.arange(N))
    assert sum(s["alarms"] for s in monitor.status().values()) == len(found) - 1


def test_labels_that_move_alone_are_another_balance():
    values = quiet(LEARNER)
    values["label"] = (np.random.default_rng(1).random(N) < np.where(np.arange(N) < AT, 0.5, 0.9)) * 1.0
    assert raised(values)[0].cause == "new label balance"


def test_values_only_count_where_they_are_known():
    values = {"surprise": noise(N, 1), "loss": noise(N, 2)}
    op = np.tile(np.array([OBSERVE, LEARN], np.int8), N // 2)
    monitor = DriftMonitor(["surprise", "loss"])
    monitor.scan(values, np.arange(N) // 2, op)
    assert [s["values"] for s in monitor.status().values()] == [N // 2, N // 2]
    assert [s["skipped"] for s in monitor.status().values()] == [0, 0]


def test_while_it_calibrates_it_says_what_it_would_see():
    values = quiet(["loss"], n=150)
    monitor = DriftMonitor(["loss"])
    monitor.scan(values, np.arange(150))
    young = monitor.status()["loss"]
    assert young["state"] == "calibrating"
    assert young["says"] == f"calibrating: would see a shift of {young['sees']:.2g} sd now"
    monitor.scan(quiet(["loss"], n=5000), np.arange(5000))
    assert monitor.status()["loss"]["sees"] < young["sees"]


def columns(seed, n=N, d=12, constant=None):
    x = noise((n, d), seed, 7)
    if constant is not None:
        x[:AT, constant] = 3.0
    return x


def watched(x, cut=4096):
    watch, monitor = FeatureWatch(), DriftMonitor(FEATURE_SIGNALS)
    names = [f"c{i}" for i in range(x.shape[1])]
    watch.grow([False] * x.shape[1])
    found = []
    for a in range(0, len(x), cut):
        m = len(x[a : a + cut])
        values, tags = np.zeros((4, m)), np.zeros(m, np.int32)
        watch.scan(np.full(m, OBSERVE, np.int8), x[a : a + cut], values, tags)
        found += monitor.scan(values, np.arange(a, a + m), None, tags, names)
    return found, state_hash(*monitor.state_dict()), state_hash(watch.state_dict(), {})


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda v: v[0] + 0 * v, "feature died"),
        (lambda v: np.nan * v, "feature died"),
        (lambda v: 1000 * v, "feature changed unit"),
        (lambda v: v / 1000, "feature changed unit"),
        (lambda v: v + 2, "new inputs"),
    ],
)
def test_one_column_of_twelve_is_named(change, cause):
    for seed in range(2):
        x = columns(seed)
        x[AT:, 5] = change(x[AT:, 5])
        first = next(a for a in watched(x)[0] if a.event >= AT)
        assert first.event < AT + 60
        assert (first.cause, first.feature) == (cause, "c5")
        assert abs(first.began - AT) < 40


def test_a_constant_that_comes_to_life_is_named():
    first = next(a for a in watched(columns(0, constant=2))[0] if a.event >= AT)
    assert (first.feature, first.cause) == ("c2", "new inputs")
    assert first.event < AT + 60


def test_a_dead_column_hides_no_other_for_good():
    x = columns(3)
    x[4000:, 1] = 0.5
    x[AT:, 7] = np.nan
    names = [(a.cause, a.feature) for a in watched(x)[0]]
    assert ("feature died", "c1") in names
    assert ("feature died", "c7") in names


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_chunks_of_columns_do_not_matter(cut):
    x = columns(4, 3000)
    x[2000:, 3] = 0.0
    assert watched(x, cut) == watched(x, 3000)


def test_a_pool_names_the_column_that_died():
    rng = np.random.default_rng(5)
    n, at = 7000, 5000
    x = rng.standard_normal((n, 4))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    x[at:, 3] = 1.25
    pool = Classifier()
    found = []
    for a in range(0, n, 500):
        before = pool._pool.monitor.status()
        pool.learn_many({f"c{i}": x[a : a + 500, i] for i in range(4)}, y[a : a + 500])
        found.append(sum(s["alarms"] for s in pool._pool.monitor.status().values()))
        assert set(before) == set(pool.alarm_status())
    assert found[at // 500] > found[at // 500 - 1]


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_without_alarms_all_else_is_the_same(make):
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((3000, 2)), rng.integers(0, 2, 3000)
    x[2000:] += 5.0
    watched, other = make(), make(alarms=False)
    for model in (watched, other):
        model.learn_many({"a": x[:2900, 0], "b": x[:2900, 1]}, y[:2900])
        for (a, b), label in zip(x[2900:].tolist(), y[2900:].tolist(), strict=True):
            model.learn_one({"a": a, "b": b}, label)
    assert sum(s["alarms"] for s in watched.alarm_status().values()) > 0 and other.alarm_status() == {}
    mine, theirs = watched.state_dict()[0], other.state_dict()[0]
    apart = {k.split("/")[0] for k in mine if mine[k].tobytes() != theirs[k].tobytes()}
    assert apart == {"alarms", "features"}
    again = make(alarms=False)
    again.load_state_dict(*other.state_dict())
    assert again.state_hash() == other.state_hash()
    with pytest.raises(StateError, match="alarms"):
        make().load_state_dict(*other.state_dict())
    with pytest.raises(SpecError, match="alarms"):
        make(alarms=1)
    with pytest.raises(SpecError, match="nothing to react to"):
        make(alarms=False, reaction="young")


def test_detectors_of_other_packages():
    drift = pytest.importorskip("river.drift", reason="river is not installed")
    x = noise(2000, 9)
    x[1000:] += 2
    other = OtherDetector({"loss": drift.ADWIN, "surprise": drift.PageHinkley})
    found = other.scan({"loss": x, "surprise": np.full(2000, np.nan)}, np.arange(2000))
    assert (found[0].signal, found[0].statistic, found[0].cause) == ("loss", "ADWIN", "change of loss")
    assert 1000 <= found[0].event < 1100
    with pytest.raises(StateError, match="DriftMonitor"):
        other.state_dict()
    with pytest.raises(SpecError, match="'surprise' is watched"):
        other.scan({"loss": x}, np.arange(2000))


@pytest.mark.parametrize("make", [{}, {"loss": dict}])
def test_detectors_that_are_none(make):
    with pytest.raises(SpecError, match="detector"):
        OtherDetector(make)
