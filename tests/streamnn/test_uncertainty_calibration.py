"""P-values, sets and intervals: against plain references, what they promise, their invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.checks import check_scan
from streamnn.errors import SpecError
from streamnn.types import EXPIRE, LEARN, LOOK, OBSERVE
from streamnn.uncertainty import PredictionIntervals, PredictionSets, SurpriseRank


def late_log(n, seed, delay=20):
    """Operations and slots of n events whose labels come late or never."""
    rng = np.random.default_rng(seed)
    due = np.arange(n) + rng.integers(0, delay + 1, n)
    ops = [(float(e), OBSERVE, e) for e in range(n)]
    ops += [(d + 0.5, EXPIRE if rng.random() < 0.1 else LEARN, e) for e, d in enumerate(due)]
    ops.sort()
    return np.array([o for _, o, _ in ops], np.int8), np.array([e for *_, e in ops])


def at_once(n):
    return np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.arange(n).repeat(2)


# -- p-values ---------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([0.0, 1.0, 1.5, -3.0, 7.0]), min_size=1, max_size=60), st.integers(1, 9))
def test_ranks_equal_a_count(values, window):
    rank = SurpriseRank(window)
    x = np.array(values)
    got = rank.scan(np.array([LEARN] + [OBSERVE] * len(x), np.int8), np.append(0.0, x))[1:]
    for i, v in enumerate(x):
        past = x[max(0, i - window) : i]
        assert got[i] == (1 + np.sum(past >= v)) / (len(past) + 1)


def test_rank_keeps_the_invariants():
    op, _ = late_log(400, 0)
    x = np.random.default_rng(0).standard_normal(len(op)).round(1)
    check_scan(
        lambda: SurpriseRank(50),
        lambda s, a, b: s.scan(op[a:b], x[a:b]),
        len(op),
        look=lambda s: s.scan(np.full(9, LOOK, np.int8), x[:9]),
    )


def test_p_values_hold_their_level_and_follow_a_move():
    rng = np.random.default_rng(1)
    x = rng.standard_cauchy(20_000)
    x[10_000:] += 1000
    op = np.full(20_001, OBSERVE, np.int8)
    op[0] = LEARN
    p = SurpriseRank().scan(op, np.append(0.0, x))[1:]
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p[1000:10_000] <= level) == pytest.approx(level, rel=0.25)
        assert np.mean(p[12_000:] <= level) == pytest.approx(level, rel=0.25)
    assert p[10_000] < 0.01
    assert (p > 0).all() and (p <= 1).all()


def test_nothing_is_kept_before_the_first_label():
    rank = SurpriseRank()
    assert rank.scan(np.full(50, OBSERVE, np.int8), np.arange(50.0)).tolist() == [1.0] * 50
    assert rank.s["taken"][0] == 0


# -- sets -------------------------------------------------------------------------------------------------------


def sets_of(coverage, y, proba, op, slot, known=None):
    sets = PredictionSets(coverage, proba.shape[1] if known is None else known)
    limit = np.zeros((len(proba), 2))
    sets.scan(op, slot, y[slot], proba, limit)
    return sets, limit


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.95]))
def test_share_of_misses_comes_to_the_one_wanted_whatever_happens(seed, coverage):
    rng = np.random.default_rng(seed)
    n = 3000
    y = rng.integers(0, 3, n)
    proba = rng.dirichlet(np.ones(3), n)
    for a in range(0, n, 500):  # forecasts that turn from good to bad and back
        if rng.random() < 0.5:
            proba[a : a + 500] = np.where(np.eye(3)[y[a : a + 500]] > 0, 0.9, 0.05)
    sets, limit = sets_of(coverage, y, proba.astype("f4"), *at_once(n))
    covered = proba.astype("f4")[np.arange(n), y] >= limit[:, 0]
    assert sets.summary()["covered"] == pytest.approx(covered.mean())
    assert abs(covered.mean() - coverage) <= 1.005 / (0.005 * n) + 1e-9


def test_sets_are_small_where_the_forecast_is_sure():
    rng = np.random.default_rng(0)
    n = 6000
    y = rng.integers(0, 4, n)
    proba = np.full((n, 4), 0.02, "f4")
    proba[np.arange(n), y] = 0.94
    unsure = rng.random(n) < 0.3
    proba[unsure] = [0.3, 0.3, 0.2, 0.2]
    y[unsure] = rng.choice(4, unsure.sum(), p=[0.3, 0.3, 0.2, 0.2])
    sets, limit = sets_of(0.9, y, proba, *at_once(n))
    size = (proba >= limit[:, :1]).sum(1)[1000:]
    assert size[~unsure[1000:]].mean() == 1
    assert 2 <= size[unsure[1000:]].mean() <= 4
    assert sets.summary()["recent"] == pytest.approx(0.9, abs=0.04)
    assert sets.summary()["set_size"] == pytest.approx((proba >= limit[:, :1]).sum(1).mean())


def test_a_class_nobody_could_know_is_not_covered():
    y = np.repeat([0, 1, 2], 50)
    proba = np.full((150, 3), 1 / 3, "f4")
    sets, limit = sets_of(0.9, y, proba, *at_once(150), known=0)
    assert limit[[0, 1, 50, 51, 100, 101], 1].tolist() == [0, 1, 1, 2, 2, 3]
    assert sets.summary()["covered"] == pytest.approx(147 / 150)


def test_sets_keep_the_invariants():
    op, slot = late_log(300, 2)
    rng = np.random.default_rng(0)
    y, proba = rng.integers(0, 3, 300), rng.dirichlet(np.ones(3), 300).astype("f4")
    limit = np.zeros((301, 2))

    def run(s, a, b):
        s.scan(op[a:b], slot[a:b], y[slot[a:b]], proba, limit)
        return limit[slot[a:b][op[a:b] == OBSERVE]]

    def look(s):
        s.scan(
            np.array([LOOK], np.int8),
            np.array([300]),
            np.zeros(1, int),
            np.append(proba, proba[:1], 0),
            limit,
        )
        return limit[300:].copy()

    check_scan(lambda: PredictionSets(0.9), run, len(op), look)


# -- intervals --------------------------------------------------------------------------------------------------


def intervals_of(coverage, y, centre, deviation, op, slot):
    intervals, out = PredictionIntervals(coverage), np.zeros((len(y), 4))
    intervals.scan(op, slot, y[slot], centre, deviation[slot], out)
    return intervals, out


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("kind", ["still", "growing", "jumps", "skewed"])
def test_targets_are_covered_as_often_as_asked(kind, coverage):
    rng = np.random.default_rng(0)
    n = 20_000
    y = rng.standard_t(3, n)
    if kind == "growing":
        y *= np.exp(np.arange(n) / 2000)
    elif kind == "jumps":
        y += np.where(np.arange(n) // 2500 % 2, 100, -100)
    elif kind == "skewed":
        y = rng.lognormal(0, 1.5, n)
    intervals, out = intervals_of(coverage, y, np.zeros(n), np.ones(n), *at_once(n))
    covered = (y >= out[:, 0]) & (y <= out[:, 1])
    assert covered.mean() == pytest.approx(coverage, abs=0.01)
    assert intervals.summary()["covered"] == pytest.approx(covered.mean())
    for side in (y < out[:, 0], y > out[:, 1]):
        assert side.mean() == pytest.approx((1 - coverage) / 2, abs=0.01)
    curves = intervals.curves()
    assert curves["covered_at"][-1] == n
    assert len(curves["covered"]) <= 256
    sizes = np.diff(curves["covered_at"], prepend=0)
    assert np.sum(curves["covered"] * sizes) / n == pytest.approx(covered.mean())


def test_intervals_are_wide_where_the_noise_is():
    rng = np.random.default_rng(3)
    deviation = rng.choice([0.1, 10.0], 8000)
    y = 5 + deviation * rng.standard_normal(8000)
    _, out = intervals_of(0.9, y, np.full(8000, 5.0), deviation, *at_once(8000))
    inside = (y >= out[:, 0]) & (y <= out[:, 1])
    for d in (0.1, 10.0):
        assert inside[2000:][deviation[2000:] == d].mean() == pytest.approx(0.9, abs=0.03)


def test_nothing_is_known_at_first():
    _, out = intervals_of(
        0.9, np.zeros(3), np.zeros(3), np.array([0.0, 1, 1]), np.full(3, OBSERVE, np.int8), np.arange(3)
    )
    assert np.isneginf(out[:, 0]).all()
    assert np.isposinf(out[:, 1]).all()


def test_intervals_keep_the_invariants():
    op, slot = late_log(300, 4)
    rng = np.random.default_rng(0)
    y, centre, deviation = rng.standard_normal(300), rng.standard_normal(301), rng.uniform(0.5, 2, 300)
    out = np.zeros((301, 4))

    def run(s, a, b):
        s.scan(op[a:b], slot[a:b], y[slot[a:b]], centre, deviation[slot[a:b]], out)
        return out[slot[a:b][op[a:b] == OBSERVE]]

    def look(s):
        s.scan(np.array([LOOK], np.int8), np.array([300]), np.zeros(1), centre, np.ones(1), out)
        return out[300:].copy()

    check_scan(lambda: PredictionIntervals(0.9), run, len(op), look)


def test_options():
    for bad in (0.3, 1.0, float("nan")):
        with pytest.raises(SpecError, match="coverage"):
            PredictionSets(bad)
        with pytest.raises(SpecError, match="coverage"):
            PredictionIntervals(bad)
    with pytest.raises(SpecError, match="window"):
        SurpriseRank(0)
