"""The mixer's proven bound is an exact test: on every prefix, against every expert, on adversarial sequences too."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn._kernels.lanes import LANES
from streamnn.errors import StateError
from streamnn.mixing.copies import copies_bound, trust_bound
from streamnn.mixing.mixer import STACKS, VARIANCE, Mixer
from streamnn.mixing.mixer_kernel import PROBABILITY_FLOOR
from streamnn.mixing.shares import shares_bound
from streamnn.types import EXPIRE, LEARN, OBSERVE

f4 = np.float32


class Game:
    """A mixer over members whose probabilities are given, one operation after another."""

    def __init__(self, p, begins=()):
        n, M, C = p.shape
        self.mixer = Mixer(M, C, closed=True, begins=begins)
        N = self.mixer.experts
        self.store = {
            "p": p.astype(f4),
            "logs": np.zeros((n, C, self.mixer.logs), f4),
            "expert": np.zeros((n, N + 2, C), f4),
            "mixed": np.zeros((n, C), f4),
            "clock": np.zeros(n, np.int64),
            "copy": np.zeros(n, np.int64),
            "reserve": np.zeros((n, 2)),
        }

    def play(self, op, event, y):
        """Losses of every expert and of the pool at LEARN operations; copies there were after each."""
        op, event = np.asarray(op, np.int8), np.asarray(event)
        book = np.zeros((len(op), 2 * self.mixer.experts + 1))
        self.mixer.make_room(op)
        self.mixer.scan(op, event, event, y[event], np.ones(len(op), f4), self.store, 0, book)
        return book[op == LEARN][:, : self.mixer.experts + 1]


def late(n, delay):
    """Operations when every label comes `delay` events later, the last ones never."""
    op = [[OBSERVE, LEARN] if t >= delay else [OBSERVE] for t in range(n)]
    event = [[t, t - delay] if t >= delay else [t] for t in range(n)]
    return list(chain(*op)), list(chain(*event))


def run(p, y, delay=0, begins=()):
    """Cumulative losses of every expert and of the pool."""
    game = Game(p, begins)
    losses = game.play(*late(len(p), delay), y).cumsum(0)
    return losses[:, :-1], losses[:, -1], game.mixer


def slack(t):
    # the mixture's float32 probabilities and its floor cost less than this
    return 1e-6 * t / PROBABILITY_FLOOR * 1e-7 + 1e-6 * t


def holds(p, y, begins=()):
    experts, pool, mixer = run(p, y, begins=begins)
    n, N = experts.shape
    t = np.arange(1, n + 1)
    bound = np.array([shares_bound(k, mixer.prior, 0) + trust_bound(k) for k in t])
    assert (pool - experts.min(1) <= bound + slack(t)).all()
    assert mixer.regret_bound == bound[-1] < np.log(N) + 3


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


def test_newton_stackers_tell_members_apart_that_are_alike():
    # what counts is how two members differ, who are otherwise one: no mixture of probabilities sees that
    rng = np.random.default_rng(6)
    n = 4000
    common, little = rng.standard_normal(n) * 2, rng.standard_normal(n) * 0.3
    y = (rng.random(n) < 1 / (1 + np.exp(-6 * little))).astype(np.int64)
    q = 1 / (1 + np.exp(-np.column_stack([common + little, common - little])))
    experts, pool, mixer = run(np.stack([1 - q, q], 2), y)
    best = -np.log(1 / (1 + np.exp(-6 * little * (2 * y - 1)))).sum()
    for newton in experts[:, -2:].T:
        assert newton[-1] - newton[n // 2] < 1.03 * 0.5 * best + 20
        assert pool[-1] <= newton[-1] + np.log(1 / mixer.prior[-1]) + 3 < experts[-1, :2].min() - 500


def test_covariances_stay_positive_and_within_their_trace():
    rng = np.random.default_rng(7)
    n, M = 20_000, 5
    p = (
        rng.dirichlet(np.full(3, 0.3), (n, 1)).repeat(M, 1) * 0.999
        + rng.dirichlet(np.ones(3), (n, M)) * 0.001
    )
    mixer = run(p, rng.integers(0, 3, n))[2]
    for leaf, k in (("cov", M), ("top_cov", len(STACKS) + 1)):
        wide = -(-k // LANES) * LANES
        for rows in mixer.s[leaf].reshape(-1, k, wide):
            cov = rows[:, :k].astype(float)
            assert (cov == cov.T).all() and (rows[:, k:] == 0).all()
            assert np.linalg.eigvalsh(cov)[0] > -1e-7 and 0 < np.trace(cov) < 1.01 * k * VARIANCE


def test_stackers_learn_little_from_what_was_said_before_anything_was_known():
    rng = np.random.default_rng(9)
    n, delay = 3000, 1000
    y = rng.integers(0, 2, n)
    right = rng.normal(0.47, 0.02, (n, 6))  # at first members know nothing, and are a little wrong by chance
    right[delay:] = 0.9
    p = np.zeros((n, 6, 2))
    p[np.arange(n), :, y], p[np.arange(n), :, 1 - y] = right, 1 - right
    experts, _, _ = run(p, y, delay)
    lost = experts[-1] - experts[delay]
    assert (lost[6:] < lost[:6].min()).all()


def holds_late(p, y, delay):
    experts, pool, mixer = run(p, y, delay)
    t = np.arange(1, len(pool) + 1)
    bound = np.array([copies_bound(delay + 1, k, mixer.prior) for k in t])
    assert (pool - experts.min(1) <= bound + slack(t)).all()
    assert mixer.s["used"].tolist()[0] == delay + 1 and mixer.regret_bound == bound[-1]
    assert mixer.bound(1) == np.inf


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 40))
def test_bound_when_labels_come_late(seed, M, delay):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(3, 0.5), (300, M))
    holds_late(p, rng.integers(0, 3, 300), delay)


@pytest.mark.parametrize("q", [0.9, 1.0])
def test_bound_against_an_adversary_who_knows_what_is_not_known_yet(q):
    # each label is against the leader that the pool can't see yet: a single mixer at full rate pays for ever
    n, delay = 4000, 20
    p = np.zeros((n, 2, 2))
    p[:, 0], p[:, 1] = [q, 1 - q], [1 - q, q]
    y = np.repeat(np.arange(n // delay) % 2, delay)
    holds_late(p, y, delay)


def test_copies_wait_with_their_events_and_are_given_back():
    rng = np.random.default_rng(3)
    n = 2000
    p, y = rng.dirichlet(np.ones(2), (n, 3)), rng.integers(0, 2, n)
    game, waiting, op, event, most = Game(p), [], [], [], 0
    for t in range(n):
        op.append(OBSERVE)
        event.append(t)
        waiting.append(t)
        most = max(most, len(waiting))
        while waiting and rng.random() < 0.49:
            op.append(EXPIRE if rng.random() < 0.3 else LEARN)
            event.append(waiting.pop(int(rng.integers(len(waiting)))))
    losses = game.play(op, event, y)
    made, free = game.mixer.s["used"].tolist()
    assert made == most and made - free == len(waiting)
    held = game.mixer.s["free"][:free].tolist() + game.store["copy"][waiting].tolist()
    assert sorted(held) == list(range(made)), "a copy is free, or waits with one event"
    regret = losses[:, -1].sum() - losses[:, :-1].sum(0).min()
    assert regret <= copies_bound(made, len(losses), game.mixer.prior)


def test_who_joins_later_counts_as_the_others_until_then():
    rng = np.random.default_rng(4)
    n = 1500
    y = rng.integers(0, 2, n)
    p = rng.dirichlet(np.ones(2), (n, 3))
    p[np.arange(n), 2, y], p[np.arange(n), 2, 1 - y] = 0.95, 0.05
    holds(p, y, begins=(0, 0, 1000))
    experts, pool, _ = run(p, y, begins=(0, 0, 1000))
    nonsense = p.copy()
    nonsense[:1000, 2] = np.nan
    again, same, _ = run(nonsense, y, begins=(0, 0, 1000))
    assert (again == experts).all() and (same == pool).all(), "what a sleeper says reaches nothing"
    assert pool[-1] - pool[1020] < 100, "from its first event on it leads"
    assert pool[999] > 500


def test_a_state_with_copies_goes_on_the_same():
    rng = np.random.default_rng(5)
    n, cut = 600, 700
    p, y = rng.dirichlet(np.ones(2), (n, 3)), rng.integers(0, 2, n)
    op, event = late(n, 100)
    whole = Game(p)
    whole.play(op, event, y)
    a, b = Game(p), Game(p)
    a.play(op[:cut], event[:cut], y)
    b.mixer.load_state_dict(a.mixer.state_dict())
    b.store = a.store
    b.play(op[cut:], event[cut:], y)
    assert (b.store["mixed"] == whole.store["mixed"]).all()
    broken = a.mixer.state_dict()
    broken["mixer/used"] = broken["mixer/used"] + 1
    with pytest.raises(StateError, match="copies"):
        Game(p).mixer.load_state_dict(broken)
