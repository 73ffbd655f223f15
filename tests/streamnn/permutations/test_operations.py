"""Learned orders as operations of a plan: what they compute, their gradients, and what reopening and rewiring keep."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn._kernels.jit import kernel
from streamnn.errors import SpecError
from streamnn.lowered.arrays import COUNT_WIDTH, Learnt, Scratch
from streamnn.lowered.codes import SHUFFLE
from streamnn.lowered.grouped_network import grouped_network
from streamnn.lowered.grouping import backward_grouping, drop_unread, forward_grouping, learned_grouping
from streamnn.lowered.plan import PlanArrays, PlanBuilder
from streamnn.lowered.reopening import permutations, reopen_network, rewire_network
from streamnn.lowered.shuffle import backward_shuffle, forward_shuffle, learned_shuffle
from streamnn.permutations.places import COMMITTED, COUNTERS_AT, OPEN, STATE_AT
from streamnn.permutations.reopening import index_of, shares_of, state_of
from streamnn.permutations.schedule import Schedule

f4 = np.float32


@kernel
def _ahead(shuffle, plan: PlanArrays, learnt: Learnt, scratch: Scratch):
    if shuffle:
        forward_shuffle(0, plan, learnt, scratch, True)
    else:
        forward_grouping(0, plan, learnt, scratch, True)


@kernel
def _back(shuffle, plan: PlanArrays, learnt: Learnt, scratch: Scratch):
    if shuffle:
        backward_shuffle(0, plan, learnt, scratch)
    else:
        backward_grouping(0, plan, learnt, scratch)


@kernel
def _drop(plan: PlanArrays, learnt: Learnt):
    drop_unread(0, plan, learnt)


def new(kind, positions=()):
    """A plan of one operation on six inputs, and what it learns."""
    b = PlanBuilder((6, *positions))
    if kind == "shuffle":
        y = learned_shuffle(b, b.input, Schedule(seed=1))
    else:
        rng = np.random.default_rng(2)
        y = learned_grouping(
            b, b.input, "first", rng.normal(size=(4, 6)), rng.normal(size=4), 2, Schedule(seed=1)
        )
    plan = b.finish(y, y)
    w = plan.weights.copy()
    slow, counters = plan.slow.copy(), plan.counters.copy()
    return plan, Learnt(w, w * 0, w * 0, slow, slow * 0, counters, np.zeros(COUNT_WIDTH, np.int64))


def run(plan, learnt, x, d=None):
    """Outputs; and with the gradient by them those by inputs and by weights."""
    scratch = Scratch(*(np.zeros(n, f4) for n in (plan.values, plan.values, len(plan.weights), plan.kept)))
    scratch.z[: x.size] = x.ravel()
    shuffle = bool(plan.arrays.ops[0, 0] == SHUFFLE)
    _ahead(shuffle, plan.arrays, learnt, scratch)
    if d is not None:
        scratch.d[plan.output.at :] = d.ravel()
        _back(shuffle, plan.arrays, learnt, scratch)
    return (
        scratch.z[plan.output.at :].reshape(plan.output.shape),
        scratch.d[: x.size].reshape(x.shape),
        scratch.g,
    )


def commit(plan, learnt, index):
    _, p, t = next(permutations(plan, learnt))
    index_of(p, t)[...] = index
    t.counters[t.whole[p + COUNTERS_AT] + STATE_AT] = COMMITTED


def dense(plan, learnt):
    """What the operation multiplies its inputs with, shape (outputs, inputs)."""
    _, p, t = next(permutations(plan, learnt))
    if plan.arrays.ops[0, 0] == SHUFFLE:
        return shares_of(p, t).T
    w = plan.named(learnt.w)["first.weight"]
    shares = shares_of(p, t) if state_of(p, t) == OPEN else np.eye(2)[index_of(p, t)]
    return w * np.repeat(shares, 2, axis=1).T


@pytest.mark.parametrize("positions", [(), (3,), (2, 2)])
@pytest.mark.parametrize("kind", ["shuffle", "grouping"])
def test_soft_it_is_a_weighted_sum_with_its_gradients(kind, positions):
    plan, learnt = new(kind, positions)
    rng = np.random.default_rng(0)
    x, d = rng.normal(size=(6, *positions)).astype(f4), rng.normal(size=plan.output.shape).astype(f4)
    y, dx, g = run(plan, learnt, x, d)
    m = dense(plan, learnt)
    bias = 0.0
    if kind == "grouping":
        bias = plan.named(learnt.w)["first.bias"].reshape(-1, *[1] * len(positions))
    np.testing.assert_allclose(y, np.tensordot(m, x, 1) + bias, atol=1e-5)
    np.testing.assert_allclose(dx, np.tensordot(m.T, d, 1), atol=1e-5)
    _, p, t = next(permutations(plan, learnt))
    outer = np.tensordot(d.reshape(len(d), -1), x.reshape(6, -1), (1, 1))
    found = learnt.slow_g[: shares_of(p, t).size].reshape(6, -1)
    if kind == "shuffle":
        np.testing.assert_allclose(found, outer.T, atol=1e-5)
        return
    w = plan.named(learnt.w)["first.weight"]
    np.testing.assert_allclose(found, (w * outer).reshape(2, 2, 6).sum(1).T, atol=1e-4)
    given = plan.named(g)
    np.testing.assert_allclose(
        given["first.weight"], outer * np.repeat(shares_of(p, t), 2, axis=1).T, atol=1e-5
    )
    np.testing.assert_allclose(given["first.bias"], d.reshape(4, -1).sum(1), atol=1e-5)


@pytest.mark.parametrize("kind", ["shuffle", "grouping"])
def test_committed_it_reads_by_the_index(kind):
    plan, learnt = new(kind)
    rng = np.random.default_rng(0)
    x, d = rng.normal(size=6).astype(f4), rng.normal(size=plan.output.shape).astype(f4)
    index = np.array([3, 1, 5, 0, 4, 2] if kind == "shuffle" else [0, 1, 1, 0, 1, 0])
    commit(plan, learnt, index)
    y, dx, _ = run(plan, learnt, x, d)
    if kind == "shuffle":
        assert np.array_equal(y, x[index]) and np.array_equal(dx[index], d)
    else:
        m = dense(plan, learnt)
        np.testing.assert_allclose(y, m @ x + plan.named(learnt.w)["first.bias"], atol=1e-5)
        np.testing.assert_allclose(dx, m.T @ d, atol=1e-5)
        _drop(plan.arrays, learnt)
        assert np.array_equal(plan.named(learnt.w)["first.weight"], m.astype(f4))
        assert np.array_equal(run(plan, learnt, x)[0], y)
    assert not learnt.slow_g.any()


@pytest.mark.parametrize("kind", ["shuffle", "grouping"])
def test_rewired_and_reopened(kind):
    plan, learnt = new(kind)
    x, order = np.random.default_rng(0).normal(size=6).astype(f4), np.array([2, 0, 1, 5, 3, 4])
    commit(plan, learnt, [3, 1, 5, 0, 4, 2] if kind == "shuffle" else [0, 1, 1, 0, 1, 0])
    before = run(plan, learnt, x)[0]
    moved = np.empty_like(x)
    moved[order] = x
    rewire_network(plan, learnt, order)
    np.testing.assert_allclose(run(plan, learnt, moved)[0], before, atol=1e-5)
    assert reopen_network(plan, learnt, "part") == 1 and reopen_network(plan, learnt) == 0
    _, p, t = next(permutations(plan, learnt))
    assert state_of(p, t) == OPEN
    np.testing.assert_allclose(shares_of(p, t).sum(1), 1.0, atol=1e-5)
    with pytest.raises(SpecError, match="each of"):
        rewire_network(plan, learnt, np.zeros(6, int))


def test_ready_networks_say_what_they_are_and_what_they_cannot_be():
    assert grouped_network(8, 2, "grouping")(5, 3).words[0] == "LearnedGrouping(6 -> 8, 2 groups)"
    assert grouped_network(8, 2, [1, 0, 3, 2])(4, 1).words[0] == "LearnedShuffle(4)"
    assert grouped_network(8, 1, "none")(5, 1).words[0].startswith("Grouped(5 -> 8")
    with pytest.raises(SpecError, match="multiple"):
        grouped_network(8, 3)
    with pytest.raises(SpecError, match="sorted"):
        grouped_network(8, 2, "sorted")
    with pytest.raises(SpecError, match="each of"):
        grouped_network(8, 2, [0, 0, 1, 2])(4, 1)
