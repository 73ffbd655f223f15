"""Learned orders of a guest in a pool, in its compiled scan: from open to committed, re-grouped, reopened, rewired."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamnn import TorchRegressor
from streamnn.errors import SpecError
from streamnn.lowered.grouped_network import grouped_network
from streamnn.lowered.reopening import permutations
from streamnn.permutations.fingerprints import Fingerprints, rewired
from streamnn.permutations.places import (
    COMMITS,
    COMMITTED,
    COUNTERS_AT,
    OPEN,
    TRIAL,
    TRIALS_BEGUN,
    WATCHING,
)
from streamnn.permutations.reopening import index_of, shares_of, state_of
from streamnn.permutations.schedule import Schedule
from streamnn.types import LOOK

N, GROUPS = 8, 2
BEFORE, AFTER = [0, 2, 4, 6, 1, 3, 5, 7], [0, 1, 4, 5, 2, 3, 6, 7]
SHORT = Schedule(every=8, hold=200, ramp=200, trial=150, tolerance=1e6, seed=1)


def stream(events: int, order: list[int] = BEFORE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and sums of a small network of each group of columns."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(9)
    x = rng.standard_normal((events, N))
    w, out = fixed.standard_normal((GROUPS, 6, N // GROUPS)), fixed.standard_normal((GROUPS, 6))
    z = np.einsum("egk,guk->egu", x[:, order].reshape(events, GROUPS, -1), w)
    return x, (np.tanh(z) * out).sum((1, 2))


def columns(x: np.ndarray) -> dict[str, np.ndarray]:
    return {f"c{j}": v for j, v in enumerate(x.T)}


def learner(by, schedule: Schedule | None = None, **options) -> TorchRegressor:
    return TorchRegressor(grouped_network(16, GROUPS, by, schedule, events=300, seed=3), lr=0.005, **options)


def learn(model: TorchRegressor, x: np.ndarray, y: np.ndarray, chunk: int = 4096) -> None:
    for a in range(0, len(x), chunk):
        model.learn_many(columns(x[a : a + chunk]), y[a : a + chunk].tolist())


def settled(model: TorchRegressor) -> tuple[int, list[int], int, int]:
    """Its state, its index, trials begun and commits."""
    net = model._pool.members[0]
    ((_, p, t),) = permutations(net.plan, net.learnt)
    counters = t.counters[t.whole[p + COUNTERS_AT] :]
    return state_of(p, t), index_of(p, t).tolist(), int(counters[TRIALS_BEGUN]), int(counters[COMMITS])


@pytest.mark.parametrize("by", ["learned", "grouping", "correlation"])
def test_it_settles_with_the_same_bits_however_the_log_is_cut(by: str) -> None:
    x, y = stream(1500)
    if by == "correlation":  # what goes together is to be seen
        x[:, BEFORE] += 2.0 * np.random.default_rng(5).standard_normal((1500, GROUPS)).repeat(N // GROUPS, 1)
    schedule = None if by == "correlation" else SHORT
    whole, first = learner(by, schedule), learner(by, schedule)
    learn(first, x[:1], y[:1])
    state, random, _, _ = settled(first)
    assert state == (WATCHING if by == "correlation" else OPEN)
    learn(whole, x, y)
    state, index, trials, commits = settled(whole)
    assert state == COMMITTED
    if by == "correlation":
        assert {frozenset(index[:4]), frozenset(index[4:])} == {frozenset(BEFORE[:4]), frozenset(BEFORE[4:])}
        assert random != index
    else:
        assert trials == commits == 1
    for chunk in (1, 7):
        cut = learner(by, schedule)
        learn(cut, x, y, chunk)
        assert cut.state_hash() == whole.state_hash(), chunk


def test_it_resumes_in_the_middle_of_a_trial() -> None:
    x, y = stream(1500)
    first, at = learner("learned", SHORT), 0
    while not at or settled(first)[0] != TRIAL:
        learn(first, x[at : at + 20], y[at : at + 20])
        at += 20
    second = learner("learned", SHORT)
    second.load_state_dict(*first.state_dict())
    assert settled(second)[0] == TRIAL and second.state_hash() == first.state_hash()
    for model in (first, second):
        learn(model, x[at:], y[at:])
    assert settled(first)[0] == COMMITTED and second.state_hash() == first.state_hash()


def test_a_trial_that_costs_too_much_is_not_committed() -> None:
    x, y = stream(1500)
    model = learner("learned", replace(SHORT, tolerance=0.0))
    learn(model, x, y)
    state, _, trials, commits = settled(model)
    assert trials >= 2 and commits == 0 and state in (OPEN, TRIAL)


def test_reopened_at_an_alarm_it_recovers() -> None:
    x, y = stream(6_000)
    later, labels = stream(11_000, AFTER, 1)
    unseen, true = stream(1_000, AFTER, 2)
    errors = {}
    for reaction in ("off", "reopen"):
        model = learner(BEFORE, reaction=reaction)
        learn(model, x, y)
        learn(model, later, labels)
        errors[reaction] = float(np.mean((np.array(model.predict_many(columns(unseen))) - true) ** 2))
        if reaction == "off":
            assert settled(model)[1] == BEFORE
        else:
            state, index, _, commits = settled(model)
            assert state == COMMITTED and commits >= 1
            assert {frozenset(index[:4]), frozenset(index[4:])} == {
                frozenset(AFTER[:4]),
                frozenset(AFTER[4:]),
            }
    assert errors["reopen"] < 0.7 * errors["off"]


def test_rewired_by_fingerprints_it_goes_on_as_before() -> None:
    x, y = stream(4_000)
    shapes = np.array([0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0])
    x = np.sign(x) * np.abs(x) ** shapes  # columns with distributions of their own
    model = learner(BEFORE)
    learn(model, x[:3000], y[:3000])
    swapped = np.random.default_rng(3).permutation(N)
    moved = np.empty_like(x)
    moved[:, swapped] = x
    before, after = Fingerprints(N), Fingerprints(N)
    before.see(x[:3000])
    after.see(moved[3000:])
    order = rewired(before, after)
    assert order.tolist() == swapped.tolist()
    net = model._pool.members[0]
    z = np.random.default_rng(4).standard_normal((5, N)).astype(np.float32)
    there = np.empty_like(z)
    there[:, order] = z
    expected = looked(net, z)
    net.rewire(order)
    np.testing.assert_allclose(looked(net, there), expected, rtol=1e-6)
    assert not np.allclose(looked(net, z), expected)
    with pytest.raises(SpecError, match="order of 8"):
        net.rewire(np.zeros(N, int))


def looked(net, z: np.ndarray) -> np.ndarray:
    """Its outputs for rows, by looks."""
    m = len(z)
    store = {
        "row": np.ascontiguousarray(z),
        "names": np.full((m, net.s["held_names"].shape[1]), -1, np.int32),
        "p": np.zeros((m, net.place + 1, 1), np.float32),
    }
    one = np.ones(m, np.float32)
    net.scan(np.full(m, LOOK, np.int8), np.arange(m), one, one, 0, N, store)
    return store["p"][:, net.place, 0].copy()


def test_a_grouping_stays_within_its_slope_however_the_log_is_cut() -> None:
    x, y = stream(1500)
    limit = 0.3
    free, whole, cut = (learner("grouping", SHORT, slope=slope) for slope in (0.0, limit, limit))
    learn(free, x, y)
    learn(whole, x, y)
    seen = set()
    for a in range(0, len(x), 7):
        learn(cut, x[a : a + 7], y[a : a + 7])
        seen.add(settled(cut)[0])
        assert steepness(cut) <= limit
        if a == 1050:
            state, cut = cut.state_dict(), learner("grouping", SHORT, slope=limit)
            cut.load_state_dict(*state)
    assert seen == {OPEN, TRIAL, COMMITTED} and cut.state_hash() == whole.state_hash()
    assert steepness(free) > 2 * limit


def steepness(model: TorchRegressor) -> float:
    """Of the first layer as its shares are, or its index is, now."""
    net = model._pool.members[0]
    ((_, p, t),) = permutations(net.plan, net.learnt)
    shares = np.eye(GROUPS)[index_of(p, t)] if state_of(p, t) == COMMITTED else shares_of(p, t)
    w = net.plan.named(net.s["w"])["first.weight"]
    return float(np.linalg.norm(w * shares.T.astype(np.float64).repeat(len(w) // GROUPS, 0), 2))
