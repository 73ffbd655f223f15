"""The mixer's proven bound is an exact test: on every prefix, against every expert, on adversarial sequences too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn.learners.mixer import FLOOR, Mixer
from streamnn.learners.shares import shares_bound

f4 = np.float32


def run(p, y):
    """Labels at once; returns cumulative losses of every expert and of the pool."""
    n, M, C = p.shape
    mixer = Mixer(M, C, closed=True)
    N = mixer.experts
    store = {
        "p": p.astype(f4),
        "logs": np.zeros((n, M, C), f4),
        "expert": np.zeros((n, N, C), f4),
        "mixed": np.zeros((n, C), f4),
        "clock": np.zeros(n, np.int64),
        "reserve": np.zeros((n, 2)),
    }
    book = np.zeros((2 * n, 2 * N + 1))
    op, slot = np.tile(np.array([0, 1], np.int8), n), np.repeat(np.arange(n), 2)
    mixer.scan(op, slot, np.repeat(y, 2), np.ones(2 * n, f4), store, 0, book)
    losses = book[1::2, : N + 1].cumsum(0)
    return losses[:, :N], losses[:, N], mixer


def holds(p, y):
    experts, pool, mixer = run(p, y)
    n, N = experts.shape
    t = np.arange(1, n + 1)
    bound = np.array([shares_bound(k, mixer.prior, 0) for k in t])
    # the mixture's float32 probabilities and its floor cost less than this
    slack = 1e-6 * t / FLOOR * 1e-7 + 1e-6 * t
    assert (pool - experts.min(1) <= bound + slack).all()
    assert mixer.regret_bound == bound[-1] < np.log(N) + 2


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 4), st.floats(0.05, 5))
def test_bound_on_random_experts(seed, M, C, sharp):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(C, sharp), (200, M))
    holds(p, rng.integers(0, C, 200))


@pytest.mark.parametrize("q", [0.6, 0.9, 0.999, 1.0])
def test_bound_against_an_adversary(q):
    # two opposite experts; the label is whatever the leader of the moment thinks less likely
    n = 2000
    p = np.zeros((n, 2, 2))
    p[:, 0], p[:, 1] = [q, 1 - q], [1 - q, q]
    y, lead = np.zeros(n, np.int64), 0
    for t in range(n):
        y[t] = 1 if lead >= 0 else 0
        lead += 1 if y[t] == 0 else -1
    holds(p, y)


def test_bound_when_the_best_expert_changes():
    n = 3000
    y = np.random.default_rng(0).integers(0, 2, n)
    p = np.full((n, 2, 2), 0.5)
    good = np.arange(n) // 500 % 2
    p[np.arange(n), good, y] = 0.95
    p[np.arange(n), good, 1 - y] = 0.05
    experts, pool, _ = run(p, y)
    holds(p, y)
    assert pool[-1] < 0.5 * experts[-1, :2].min()  # fixed share follows the change


def test_a_broken_member_does_no_harm():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 500)
    p = np.full((500, 3, 2), 0.5)
    p[np.arange(500), 0, y], p[np.arange(500), 0, 1 - y] = 0.9, 0.1
    p[:, 1] = np.nan
    _, pool, _ = run(p, y)
    assert np.isfinite(pool).all()
    assert pool[-1] / 500 < 0.2
