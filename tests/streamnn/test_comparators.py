"""Comparators against brute force, and the bounds of the pool's own mixer on every prefix."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from regret_bounds import best_share, interval_regret, linear_bound, static_bound, weak_bound

from streamnn.errors import LimitError, SpecError
from streamnn.mixing.copies import trust_bound, trust_interval_bound
from streamnn.mixing.mixer import Mixer
from streamnn.mixing.shares import shares_bound, shares_interval_bound
from streamnn.regret.bounds import fixed_share_bound, interval_bound
from streamnn.regret.comparators import best_expert, best_sequences, regret, worst_interval
from streamnn.regret.hindsight import best_linear, best_logistic
from streamnn.types import LEARN, OBSERVE

f4 = np.float32
FLOAT32 = 1e-7
"""Probabilities are kept in float32: a loss may be off by this an event."""

small_losses = st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**32 - 1)).map(
    lambda v: np.random.default_rng(v[2]).integers(0, 5, v[:2]) / 4.0
)


def total_of(losses: np.ndarray, path: tuple[int, ...] | np.ndarray) -> float:
    return float(losses[np.arange(len(losses)), np.asarray(path)].sum())


# -- comparators ------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(small_losses, st.integers(0, 4))
def test_best_sequences_are_those_of_all_sequences(losses: np.ndarray, most: int) -> None:
    n, N = losses.shape
    found = best_sequences(losses, most)
    for t in range(1, n + 1):
        for m in range(most + 1):
            every = [
                total_of(losses[:t], p)
                for p in itertools.product(range(N), repeat=t)
                if np.count_nonzero(np.diff(p)) <= m
            ]
            assert found.total[t - 1, m] == min(every)
    for m in range(most + 1):
        path = found.path(m)
        assert np.count_nonzero(np.diff(path)) <= m
        assert total_of(losses, path) == found.total[-1, m]


@given(small_losses, st.integers(0, 2**32 - 1))
def test_worst_intervals_are_the_worst_of_all(losses: np.ndarray, seed: int) -> None:
    n = len(losses)
    pool = np.random.default_rng(seed).integers(0, 5, n) / 4.0
    every = {
        (a, b): interval_regret(pool, losses, a, b).regret for a in range(n) for b in range(a + 1, n + 1)
    }
    worst = worst_interval(pool, losses)
    assert worst.regret == max(every.values()) == every[worst.start, worst.stop]
    for length in range(1, n + 1):
        worst = worst_interval(pool, losses, length)
        assert worst.stop - worst.start == length
        assert worst.regret == max(r for (a, b), r in every.items() if b - a == length)
        assert worst.regret == every[worst.start, worst.stop]
    np.testing.assert_array_equal(regret(pool, losses), [every[0, b] for b in range(1, n + 1)])


def test_the_best_sequence_finds_the_switches() -> None:
    rng = np.random.default_rng(1)
    losses = rng.random((900, 4))
    truth = np.repeat([2, 0, 3], 300)
    losses[np.arange(900), truth] *= 0.2
    found = best_sequences(losses, 8)
    assert np.count_nonzero(found.path(2) != truth) < 15
    drop = -np.diff(found.total[-1])
    assert drop[1] > 10 * drop[2] and (drop >= 0).all()
    assert found.total[-1, 0] == pytest.approx(best_expert(losses)[1])


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: best_expert(np.zeros(3)), "shape"),
        (lambda: best_sequences(np.zeros((3, 2)), -1), "-1 switches"),
        (lambda: regret(np.zeros(2), np.zeros((3, 2))), "pool has"),
        (lambda: interval_regret(np.zeros(3), np.zeros((3, 2)), 2, 2), "does not lie"),
        (lambda: worst_interval(np.zeros(3), np.zeros((3, 2)), 4), "no interval of 4"),
        (lambda: fixed_share_bound(0, 2, 0.1), "make no sense"),
        (lambda: best_linear(np.zeros((0, 1)), np.zeros(0)), "at least one"),
        (lambda: best_linear(np.zeros((1, 1)), np.array([np.nan])), "not finite"),
        (lambda: best_logistic(np.zeros((2, 1)), np.array([0, 2]), 2), "from 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(call: Callable[[], object], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        call()


# -- hindsight --------------------------------------------------------------------------------------------------


def test_least_squares_in_hindsight_has_no_better_neighbour() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((200, 3))
    y = x @ [1.0, -2.0, 0.5] + rng.standard_normal(200)
    fit = best_linear(x, y)
    x1 = np.column_stack([x, np.ones(200)])
    np.testing.assert_allclose(fit.losses, (y - x1 @ fit.weights[0]) ** 2)
    np.testing.assert_allclose(x1.T @ (y - x1 @ fit.weights[0]), 0.0, atol=1e-9)  # the normal equations
    assert best_linear(x[:, :0], y).losses.mean() == pytest.approx(y.var())


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_logistic_regression_in_hindsight_has_no_slope_left(classes: int) -> None:
    rng = np.random.default_rng(classes)
    x = rng.standard_normal((400, 4)) * [1.0, 10.0, 0.1, 1.0]
    y = (x @ rng.standard_normal((4, classes)) * 0.3 + rng.gumbel(size=(400, classes))).argmax(1)
    fit = best_logistic(x, y, classes)
    x1 = np.column_stack([x, np.ones(400)])
    z = x1 @ fit.weights.T
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    np.testing.assert_allclose(fit.losses, -np.log(p[np.arange(400), y]))
    slope = (p - np.eye(classes)[y]).T @ x1
    assert np.abs(slope[1:] + 1e-6 * fit.weights[1:]).max() < 0.05
    for _ in range(20):  # a step anywhere loses
        w = fit.weights + 0.05 * rng.standard_normal(fit.weights.shape)
        z = x1 @ w.T
        assert (np.log(np.exp(z).sum(1)) - z[np.arange(400), y]).sum() > fit.losses.sum()


def test_classes_that_a_line_tells_apart_cost_next_to_nothing() -> None:
    x = np.linspace(-1, 1, 100)[:, None]
    fit = best_logistic(x, (x[:, 0] > 0.3).astype(int), 2)
    assert np.isfinite(fit.weights).all() and fit.losses.sum() < 0.05


def test_too_large_a_logistic_model_is_refused() -> None:
    with pytest.raises(LimitError, match="4010 unknowns"):
        best_logistic(np.zeros((3, 400)), np.array([0, 1, 10]), 11)


# -- the mixer's bounds, on every prefix ------------------------------------------------------------------------


class Mixed:
    """The pool's mixer over members whose probabilities are given, labels at once."""

    def __init__(self, n: int, members: int, classes: int):
        self.mixer = Mixer(members, classes, closed=True)
        N = self.experts = self.mixer.experts
        shapes = {
            "p": (members, classes),
            "logs": (classes, self.mixer.logs),
            "expert": (N + 2, classes),
            "mixed": (classes,),
        }
        self.store = {k: np.zeros((n, *s), f4) for k, s in shapes.items()} | {
            "clock": np.zeros(n, np.int64),
            "copy": np.zeros(n, np.int64),
            "reserve": np.zeros((n, 2)),
        }
        self.book = np.zeros((n, 2 * N + 1))

    def run(self, a: int, b: int, ops: list[int], y: np.ndarray) -> None:
        """Operations for events a to b."""
        op, slot = np.tile(np.array(ops, np.int8), b - a), np.repeat(np.arange(a, b), len(ops))
        book = np.zeros((len(op), self.book.shape[1]))
        self.mixer.make_room(op)
        self.mixer.scan(op, slot, slot, np.repeat(y, len(ops)), np.ones(len(op), f4), self.store, 0, book)
        if LEARN in ops:
            self.book[a:b] = book[op == LEARN]

    @property
    def losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the pool (n,) and of its experts (n, N), stackers included."""
        return self.book[:, self.experts], self.book[:, : self.experts]


def at_random(n: int, members: int, classes: int, seed: int) -> Mixed:
    """Members of random quality that change their quality at random."""
    rng = np.random.default_rng(seed)
    m = Mixed(n, members, classes)
    y = rng.integers(0, classes, n)
    p = rng.random((n, members, classes)) ** rng.choice([0.5, 2.0, 8.0], (1, members, 1))
    skill = np.repeat(rng.random((4, members)) * 3.0, -(-n // 4), 0)[:n]
    p[np.arange(n), :, y] += skill
    m.store["p"][:] = p / p.sum(2, keepdims=True)
    m.run(0, n, [OBSERVE, LEARN], y)
    return m


def against(n: int, members: int, classes: int, seed: int) -> Mixed:
    """The label is always the one that the pool holds least likely."""
    rng = np.random.default_rng(seed)
    m = Mixed(n, members, classes)
    p = rng.random((n, members, classes)) + 0.05
    m.store["p"][:] = p / p.sum(2, keepdims=True)
    for e in range(n):
        m.run(e, e + 1, [OBSERVE], np.zeros(1, np.int64))
        m.run(e, e + 1, [LEARN], m.store["mixed"][e : e + 1].argmin(1))
    return m


def leaders(n: int, members: int, classes: int, seed: int) -> Mixed:
    """Certain members that are right in turn, for longer and longer: every leader falls; one never says a thing."""
    m = Mixed(n, members, classes)
    block = np.floor(np.log2(np.arange(n) + 1.0)).astype(int)
    y = np.random.default_rng(seed).integers(0, classes, n)
    p = np.zeros((n, members, classes))
    for i in range(members):
        right = block % (members - 1) == i
        p[np.arange(n), i, np.where(right, y, (y + 1) % classes)] = 1.0
    p[:, -1] = np.nan
    m.store["p"][:] = p
    m.run(0, n, [OBSERVE, LEARN], y)
    return m


SEQUENCES = [at_random, against, leaders]
every_sequence = pytest.mark.parametrize("make", SEQUENCES)
every_size = pytest.mark.parametrize(("members", "classes", "seed"), [(3, 2, 1), (12, 2, 2), (5, 7, 3)])


@every_sequence
@every_size
def test_the_pools_bounds_hold_on_every_prefix(
    make: Callable[..., Mixed], members: int, classes: int, seed: int
) -> None:
    n, most = 1500, 10
    m = make(n, members, classes, seed)
    pool, losses = m.losses
    t = np.arange(1, n + 1)
    slack = FLOAT32 * t + 1e-9
    trust = np.array([trust_bound(k) for k in t])  # the copy's price for the mixer
    static = np.array([shares_bound(k, m.mixer.prior, 0) for k in t]) + trust
    assert (regret(pool, losses) <= static + slack).all()
    assert m.mixer.regret_bound == static[-1]
    best = best_sequences(losses, most).total
    for s in range(most + 1):
        bound = np.array([shares_bound(k, m.mixer.prior, s) for k in t]) + trust
        assert (np.cumsum(pool) - best[:, s] <= bound + slack).all()


@every_sequence
@every_size
def test_the_pools_bound_holds_on_every_interval(
    make: Callable[..., Mixed], members: int, classes: int, seed: int
) -> None:
    n = 1000
    m = make(n, members, classes, seed)
    pool, losses = m.losses

    def most(length: int) -> float:
        return shares_interval_bound(length, m.mixer.prior) + trust_interval_bound(length)

    for length in (1, 2, 10, 100, 999):
        worst = worst_interval(pool, losses, length)
        assert worst.regret <= most(length) + FLOAT32 * n
    worst = worst_interval(pool, losses)
    assert worst.regret <= most(worst.stop - worst.start) + FLOAT32 * n


def test_the_bounds_are_not_idle() -> None:
    fixed = 0.0005
    # where leaders fall, weights without shares break the bound that weights with shares keep and nearly reach
    losses = leaders(1500, 4, 2, 1).losses[1][:, :3]
    n, N = losses.shape
    pool = {}
    for share in (0.0, fixed):
        v, pool[share] = np.full(N, 1.0 / N), 0.0
        for t in range(n):
            p = v * np.exp(-losses[t])
            pool[share] -= np.log(p.sum())
            v = (1.0 - share) * p / p.sum() + share / N
    best = best_sequences(losses, 10).total[-1, 10]
    bound = fixed_share_bound(n, N, fixed, 10)
    assert 0.8 * bound < pool[fixed] - best <= bound < pool[0.0] - best


# -- the other bounds, on algorithms written out ----------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("adversary", [False, True])
def test_exponential_weights_keep_their_bound_for_squared_loss(seed: int, adversary: bool) -> None:
    rng = np.random.default_rng(seed)
    n, N, B = 600, 8, 1.5
    c = 8 * B * B
    experts = np.clip(rng.standard_normal((n, N)) + rng.standard_normal(N), -B, B)
    targets = np.clip(rng.standard_normal(n), -B, B)
    pool, losses, v = np.zeros(n), np.zeros((n, N)), np.full(N, 1.0 / N)
    shared, w, share = np.zeros(n), np.full(N, 1.0 / N), best_share(n, 5)
    for t in range(n):
        q, r = v @ experts[t], w @ experts[t]
        y = (-B if q > 0 else B) if adversary else targets[t]
        pool[t], shared[t], losses[t] = (q - y) ** 2, (r - y) ** 2, (experts[t] - y) ** 2
        v = v * np.exp(-losses[t] / c)
        v /= v.sum()
        w = w * np.exp(-losses[t] / c)
        w = (1 - share) * w / w.sum() + share / N
    assert (regret(pool, losses) <= static_bound(N, c) + 1e-9).all()
    best = best_sequences(losses, 5).total
    for t, s in itertools.product(range(n), range(6)):
        assert shared[: t + 1].sum() - best[t, s] <= fixed_share_bound(t + 1, N, share, s, c) + 1e-9


@pytest.mark.parametrize("adversary", [False, True])
def test_the_weak_aggregating_algorithm_keeps_its_bound(adversary: bool) -> None:
    rng = np.random.default_rng(3)
    n, N = 800, 6
    experts = rng.random((n, N)) ** rng.random(N)
    pool, losses = np.zeros(n), np.zeros((n, N))
    for t in range(n):
        a = np.exp(-(losses[:t].sum(0) - losses[:t].sum(0).min()) / np.sqrt(t + 1))
        q = a @ experts[t] / a.sum()
        y = float(q < 0.5) if adversary else float(rng.random() < 0.3)
        pool[t], losses[t] = abs(q - y), np.abs(experts[t] - y)
    bound = np.array([weak_bound(t + 1, N, 1.0) for t in range(n)])
    assert (regret(pool, losses) <= bound).all()


@pytest.mark.parametrize("adversary", [False, True])
def test_the_linear_forecaster_keeps_its_bound_to_every_linear_model(adversary: bool) -> None:
    rng = np.random.default_rng(4)
    n, d, ridge = 300, 4, 0.7
    x = np.column_stack([rng.standard_normal((n, d - 1)), np.ones(n)])
    y, forecast = np.clip(x @ rng.standard_normal(d) * 0.4 + 0.2 * rng.standard_normal(n), -1, 1), np.zeros(n)
    a, b = ridge * np.eye(d), np.zeros(d)
    for t in range(n):
        a += np.outer(x[t], x[t])  # the coming row is counted before its label is known
        forecast[t] = x[t] @ np.linalg.solve(a, b)
        if adversary:
            y[t] = -1.0 if forecast[t] > 0 else 1.0
        b += y[t] * x[t]
        w = best_linear(x[: t + 1, :-1], y[: t + 1]).weights[0]
        for comparator in (w, np.zeros(d), rng.standard_normal(d)):
            own = ((y[: t + 1] - forecast[: t + 1]) ** 2).sum()
            theirs = ((y[: t + 1] - x[: t + 1] @ comparator) ** 2).sum()
            assert own - theirs <= linear_bound(x[: t + 1], comparator, 1.0, ridge) + 1e-7


def test_bounds_are_these_numbers() -> None:
    assert (round(static_bound(20), 3), round(static_bound(20, scale=8 * 1.5**2), 1)) == (2.996, 53.9)
    assert best_share(10_001, 5) == 0.0005
    assert round(weak_bound(10_000, 20, 1.0)) == 325
    assert round(linear_bound(np.ones((1000, 1)), np.array([0.5]), 1.0), 2) == 7.16
    found = interval_regret(np.ones(4), np.array([[0.0], [0.5], [0.5], [0.0]]), 1, 3)
    assert (found.start, found.stop, found.regret, found.expert) == (1, 3, 1.0, 0)


@given(st.integers(2, 10_000), st.integers(1, 50), st.floats(1e-6, 0.5), st.integers(0, 50))
def test_bounds_grow_with_events_switches_and_experts(n: int, N: int, share: float, m: int) -> None:
    here = fixed_share_bound(n, N, share, m)
    assert here >= static_bound(N)
    assert fixed_share_bound(n + 1, N, share, m) >= here
    assert fixed_share_bound(n, N + 1, share, m) > here
    assert fixed_share_bound(n, N, share, m + 1) >= here or share * (N - 1) > N * (1 - share)
    assert interval_bound(n, N, share) >= fixed_share_bound(n, N, share)
