"""From open to committed, alone: a linear map whose only unknown is the order of its inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamnn.errors import SpecError
from streamnn.permutations.host import alone, settle_alone
from streamnn.permutations.penalty import balanced, penalty
from streamnn.permutations.places import COMMITS, COMMITTED, OPEN, SINCE, TRIAL, TRIALS_BEGUN, Tables
from streamnn.permutations.reopening import (
    index_of,
    is_committed,
    named_reopening,
    reopen,
    rewire,
    shares_of,
    state_of,
)
from streamnn.permutations.schedule import Schedule

N = 6
QUICK = Schedule(every=8, hold=400, ramp=800, trial=50, seed=3)
ORDER = np.random.default_rng(5).permutation(N)


def new(schedule=QUICK, columns=N):
    return alone(schedule.start(N, columns))


def learn(t, events, first=0, order=ORDER, refused=False):
    """Squared error of shares against the true order, a drawn row an event; a loss each, and where it committed."""
    losses, committed = [], -1
    for e in range(first, first + events):
        x = np.random.default_rng([7, e]).normal(size=N)
        if state_of(0, t) == COMMITTED:
            losses.append(float(((x[index_of(0, t)] - x[order]) ** 2).sum()))
            continue
        error = x @ shares_of(0, t) - x[order]
        rounded = ((x[index_of(0, t)] - x[order]) ** 2).sum()
        losses.append(float((error**2).sum()))
        t.slow_g[: N * N] += (2.0 * np.outer(x, error)).ravel().astype(np.float32)
        if settle_alone(t, losses[-1], np.inf if refused else rounded):
            committed = e
    return np.array(losses), committed


def test_it_finds_the_order_and_costs_nothing_more():
    t = new()
    losses, committed = learn(t, 3000)
    assert 0 < committed < 3000 and (index_of(0, t) == ORDER).all()
    assert losses[committed + 1 :].max() == 0.0 and losses[:20].mean() > 1.0
    assert not shares_of(0, t).any() and not t.slow_g[: N * N].any()


def test_without_a_penalty_it_never_commits_and_with_one_shares_are_nearly_whole():
    soft, driven = new(replace(QUICK, penalty=0.0)), new(replace(QUICK, trial=10**6))
    wanted = balanced(np.random.default_rng(0).uniform(0.1, 1.0, (N, N)), 50)  # is no permutation
    for t in (soft, driven):
        for _ in range(4000):
            t.slow_g[: N * N] += (shares_of(0, t) - wanted).ravel().astype(np.float32)
            settle_alone(t, 1.0, 1.0)
    assert state_of(0, soft) == OPEN and penalty(shares_of(0, soft)) > 0.05
    assert state_of(0, driven) == TRIAL and penalty(shares_of(0, driven)) < 0.05


def test_a_rounding_that_is_worse_is_refused():
    t = new()
    _, committed = learn(t, 2000, refused=True)
    assert committed == -1 and t.counters[TRIALS_BEGUN] > 1 and t.counters[COMMITS] == 0
    assert not is_committed(0, t) and shares_of(0, t).sum() == pytest.approx(N, abs=1e-3)


@pytest.mark.parametrize("at", [100, 1111, 2500])
def test_stopped_and_loaded_it_goes_on_with_the_same_bits(at):
    whole, parted = new(), new()
    learn(whole, 3000)
    learn(parted, at)
    parted = Tables(*(a.copy() for a in parted))
    learn(parted, 3000 - at, at)
    for a, b in zip(whole, parted, strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_gradient_that_is_not_finite_is_left_out():
    t = new()
    learn(t, 80)
    before = shares_of(0, t).copy()
    t.slow_g[3] = np.nan
    learn(t, 8, 80)
    assert np.array_equal(shares_of(0, t), before) and not t.slow_g[: N * N].any()
    learn(t, 8, 88)
    assert not np.array_equal(shares_of(0, t), before)


@pytest.mark.parametrize("how", ["part", "all"])
def test_reopened_it_finds_another_order(how):
    t = new()
    learn(t, 3000)
    moved = ORDER[[1, 0, 2, 3, 4, 5]] if how == "part" else np.roll(ORDER, 1)
    assert learn(t, 50, 3000, moved)[0].mean() > 0.5
    reopen(0, t, replace(named_reopening(how), hold=400, ramp=800))
    assert state_of(0, t) == OPEN and t.counters[SINCE] == 0
    losses, committed = learn(t, 3000, 3050, moved)
    assert committed > 0 and (index_of(0, t) == moved).all() and losses[-1] == 0.0


def test_rewired_inputs_are_read_where_they_lie_now():
    order = np.random.default_rng(8).permutation(N)
    x = np.arange(float(N))
    now = np.empty(N)
    now[order] = x
    t = new()
    soft = x @ shares_of(0, t)
    rewire(0, t, order)
    np.testing.assert_allclose(now @ shares_of(0, t), soft)
    learn(t, 3000)
    before = x[index_of(0, t)]
    rewire(0, t, order)
    assert np.array_equal(now[index_of(0, t)], before)


def test_groups_are_of_equal_size():
    t = new(replace(QUICK, step=0.5), columns=2)
    wanted = np.array([0, 1, 0, 1, 1, 0])
    for _ in range(3000):
        g = -np.eye(2)[wanted] + 0.3 * np.random.default_rng(0).normal(size=(N, 2))
        t.slow_g[: 2 * N] += g.ravel().astype(np.float32)
        settle_alone(t, 1.0, 1.0)
    assert is_committed(0, t) and (index_of(0, t) == wanted).all()


def test_settings_and_orders_out_of_range_are_refused():
    for wrong in ({"every": 0}, {"penalty": -1.0}, {"noise": 1.0}, {"rule": "adam"}, {"step": float("nan")}):
        with pytest.raises(SpecError, match=next(iter(wrong))):
            Schedule(**wrong)
    with pytest.raises(SpecError, match="half"):
        named_reopening("half")
    with pytest.raises(SpecError, match="each of"):
        rewire(0, new(), np.zeros(N, int))
