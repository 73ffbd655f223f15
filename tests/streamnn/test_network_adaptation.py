"""Knots that die by an exact proximal step, and grids that follow what comes in."""

from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_network import drive, predict, xor

from streamnn._kernels.jit import recorded
from streamnn._kernels.program import Program
from streamnn.errors import SpecError
from streamnn.network import Functions, Network, NetworkSpec
from streamnn.network.arrays import Adaptation, Splines
from streamnn.network.spline_adaptation import GRID_EVERY, adapt_splines
from streamnn.types import LEARN, OBSERVE

f4 = np.float32
NONE = np.zeros((0, 0), f4)


def prox(c, pull, piece=0.4, limit=0.0, patience=0, side=None, dead=None):
    """One proximal step by the kernel on units x knots; returns values, sides, ages."""
    c = np.array(c, f4)
    U, K = c.shape
    side = np.zeros((U, K - 2), np.int8) if side is None else side
    dead = np.zeros((U, K - 2), np.uint8) if dead is None else dead
    grid = np.repeat(np.array([[1 / piece], [piece], [K // 2]], f4), U, 1)
    none = np.zeros((2, 0), f4)
    count = np.array([50], np.int64)
    splines = Splines(c, NONE, grid, none, side, dead)
    adapt_splines(
        count, np.zeros(1, np.int64), splines, Adaptation(np.full(U, pull, f4), 50, limit, patience, 0.0)
    )
    return c, side, dead


def objective(x, c, weight):
    return 0.5 * ((x - c) ** 2).sum() + weight * np.abs(np.diff(x, 2)).sum()


def by_enumeration(c, weight):
    """The minimiser: of all choices of bends' signs, the best of those solved as dense equations."""
    D = np.diff(np.eye(len(c)), 2, axis=0)
    best = c
    for signs in itertools.product((-1, 0, 1), repeat=len(D)):
        s = np.array(signs)
        free = D[s == 0]
        x = c - weight * D.T @ s
        if len(free):
            x = x - free.T @ np.linalg.solve(free @ free.T, free @ x)
        if objective(x, c, weight) < objective(best, c, weight):
            best = x
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_step_is_the_minimiser(seed):
    rng = np.random.default_rng(seed)
    c = rng.normal(size=(1, 7)).astype(f4).round(3)
    weight = 10.0 ** rng.uniform(-2, 1)
    x, _, _ = prox(c, weight * 0.4)
    want = by_enumeration(c[0].astype(float), weight)
    assert np.abs(x[0] - want).max() < 1e-5


values = st.lists(st.floats(-50, 50, width=32), min_size=21, max_size=21)


@settings(max_examples=200)
@given(values, st.floats(1e-4, 100), st.integers(0, 2**31))
@example([0.0] * 21, 1.0, 0)
@example([abs(i - 10) * 0.4 for i in range(21)], 1e-3, 1)
def test_of_a_whole_spline_too_by_the_gap_to_its_dual(c, pull, seed):
    """Any u within the box bounds the minimum from below: |c|^2 / 2 - |c - D'u|^2 / 2."""
    rng = np.random.default_rng(seed)
    guess = rng.integers(-1, 2, (1, 19)).astype(np.int8)
    x, side, _ = prox([c], pull, side=guess)
    x, c, weight = x[0].astype(float), np.array(c, f4).astype(float), f4(pull) / float(f4(0.4))
    D = np.diff(np.eye(21), 2, axis=0)
    u = np.linalg.lstsq(D.T, c - x, rcond=None)[0].clip(-weight, weight)
    gap = objective(x, c, weight) - 0.5 * (c @ c - ((c - D.T @ u) ** 2).sum())
    assert gap <= 1e-4 * (1e-6 + 0.5 * c @ c + weight * np.abs(x).max())
    # dead is dead, in the arithmetic of the kernel and in any other
    f32 = x.astype(f4)
    bend = (f32[2:] - f32[1:-1]) - (f32[1:-1] - f32[:-2])
    assert np.array_equal(np.sign(bend), side[0]) and np.array_equal(np.sign(D @ x), side[0])
    assert np.array_equal(prox(f32[None], 0.0, side=side.copy())[0][0], f32)  # and stays so


@settings(max_examples=100)
@given(values, st.floats(1e-4, 10), st.floats(0.1, 3))
def test_slopes_stay_within_the_limit(c, pull, limit):
    x, _, _ = prox([c], pull, limit=limit)
    assert np.abs(np.diff(x[0].astype(float))).max() / 0.4 <= limit


def test_a_larger_step_leaves_fewer_knots():
    rng = np.random.default_rng(1)
    c = np.cumsum(np.cumsum(rng.normal(size=(32, 21)) * 0.1, 1), 1)
    live = [(prox(c, pull)[1] != 0).sum() for pull in (1e-4, 1e-3, 1e-2, 0.1, 1.0, 1e3)]
    assert live == sorted(live, reverse=True) and live[0] > 400 and live[-1] == 0


def test_a_pruned_knot_comes_back_for_four_times_as_much():
    line = np.zeros((1, 21))
    _, side, dead = prox(line, 0.1)
    for _ in range(4):
        _, side, dead = prox(line, 0.1, side=side, dead=dead)
    assert (dead == 5).all()
    for bend, alive in ((2.0, False), (6.0, True)):  # times what kills a knot that is not pruned
        kink = np.maximum(np.arange(21) - 10, 0.0)[None]
        D = np.diff(np.eye(21), 2, axis=0)
        force = np.abs(np.linalg.solve(D @ D.T, D @ kink[0])).max()
        c = kink * bend * 0.25 / force
        assert (prox(c, 0.1)[1] != 0).any()
        assert (prox(c, 0.1, patience=5, side=side.copy(), dead=dead.copy())[1] != 0).any() == alive


def moved(c, low, high, piece=0.4, offset=10.0, means=None):
    """Grid and values after a look at the reach [low, high]."""
    c = np.array([c], f4)
    grid = np.array([[1 / piece], [piece], [offset]], f4)
    none = np.zeros((0, 19), np.int8)
    reach = np.array([[low], [high]], f4)
    splines = Splines(c, NONE if means is None else means, grid, reach, none, none.view(np.uint8))
    adaptation = Adaptation(np.zeros(1, f4), 1, 0.0, 0, 0.025)
    adapt_splines(np.array([GRID_EVERY]), np.zeros(1, np.int64), splines, adaptation)
    return c, grid


def function(c, grid):
    _, piece, offset = grid.astype(float)
    return Functions(-offset * piece, piece, np.asarray(c, float))


@settings(max_examples=150)
@given(values, st.floats(-30, 30), st.floats(0.1, 40))
def test_a_grid_moves_and_keeps_its_function(c, middle, width):
    low, high = middle - width / 2, middle + width / 2
    before = function([c], np.array([[2.5], [0.4], [10]], f4))
    after_c, grid = moved(c, low, high)
    after = function(after_c, grid)
    piece, offset = float(grid[1, 0]), float(grid[2, 0])
    assert offset == round(offset) and np.log2(piece / f4(0.4)) in (-1, 0, 1)
    steepest = np.abs(before.slopes()).max()
    scale = 1e-5 * (1 + np.abs(before.on(np.array([low, high]))).max() + 60 * steepest)
    if piece > 0.5:  # doubled: kept at its knots, and no steeper
        x = (np.arange(21) - offset) * piece
    else:  # kept everywhere on the new grid
        x = np.linspace(-offset * piece, (20 - offset) * piece, 400)
    assert np.abs(after.on(x) - before.on(x)).max() <= scale
    assert np.abs(after.slopes()).max() <= steepest * (1 + 1e-4) + 1e-4
    if width < 0.9 * 8:
        assert -offset * piece <= low + 1e-5 and high - 1e-5 <= (20 - offset) * piece


def test_a_doubled_grid_keeps_a_function_whose_lost_knots_are_dead():
    x = (np.arange(21) - 10) * 0.4
    c = np.maximum(x, 0) - 0.5 * np.maximum(x - 1.6, 0)  # bends on even knots
    after_c, grid = moved(c, -6.0, 6.0)
    assert grid[1, 0] == f4(0.8) and grid[2, 0] == 10
    at = np.linspace(-8, 8, 300)
    want = function([c], np.array([[2.5], [0.4], [10]], f4)).on(at)
    assert np.abs(function(after_c, grid).on(at) - want).max() < 1e-6


def test_averages_move_with_their_grid():
    mean = np.array([np.abs(np.arange(21) - 10) * 0.4], f4)
    before = function(mean.copy(), np.array([[2.5], [0.4], [10]], f4))
    _, grid = moved(np.zeros(21), 3.0, 6.0, means=mean)
    at = np.linspace(3.0, 6.0, 50)
    assert np.abs(function(mean, grid).on(at) - before.on(at)).max() < 1e-5 and grid[2, 0] != 10


@pytest.mark.parametrize("hidden", [(64,), (64, 32)], ids=str)
def test_dead_knots_are_counted_and_the_budget_holds(hidden):
    x, y = xor(4000)
    spec = NetworkSpec(
        "n", hidden, "sgd", 0.05, categories=False, tv=2e-3, every=200, prune=3, follow=True, average=500
    )
    net = Network(spec, 6, 2, True, 1)
    p, ids = np.zeros((4000, 2, 2), f4), np.full((4000, 1), -1, np.int32)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), 4000), np.repeat(np.arange(4000), 2)
    cuts = [0, 6000, *range(6002, 8002, 2)]
    for a, b in pairwise(cuts):  # to an event at which knots die
        target = np.repeat(y, 2).astype(f4)
        net.scan(op[a:b], slot[a:b], target[a:b], np.ones(b - a, f4), 0, x.astype(f4), ids, p)
        if a and net.s["learnt"][0] % 200 == 0:
            break
    assert net.s["learnt"][0] % 200 == 0 and net.s["settled"][0] == net.s["learnt"][0] > 1000
    assert np.array_equal(net.bends(), net.functions().bends())  # nothing learnt since
    assert net.bends().sum() < 0.5 * 19 * sum(hidden)
    for mean in (False, True):
        assert np.abs(net.functions(mean).slopes()).max() <= 1.0
    assert len(np.unique(net.s["grid"][1])) > 1
    assert (p[2000:3000].argmax(2) == y[2000:3000, None]).mean() > 0.85
    o = logits_on_grids(net, x[:500])
    assert np.abs(predict(net, x[:500]) - np.exp(o) / np.exp(o).sum(1, keepdims=True)).max() < 2e-5


def logits_on_grids(net, x):
    first, hidden, out = net.matrices(False)
    z, at, f = x.astype(float), 0, net.functions()
    for w in (first, *hidden):
        h = w.shape[1]
        z = f.of(at, at + h).at(z.astype(f4).astype(float) @ w.astype(float) + net.s["bias"][at : at + h])[0]
        at += h
    return z @ out.T.astype(float) + net.s["out_bias"]


def test_a_program_of_single_events_adapts_splines_too():
    x, y = xor(700)
    spec = NetworkSpec("n", (32,), "sgd", 0.05, categories=False, tv=2e-3, every=150, follow=True)
    whole, single = (Network(spec, 6, 2, True, 1) for _ in range(2))
    want = drive(whole, x, y)
    row, target, p = np.zeros((1, 6), f4), np.zeros(2, f4), np.zeros((1, 1, 2), f4)
    with recorded() as calls:
        single.scan(
            *(np.array([OBSERVE, LEARN], np.int8), np.zeros(2, np.int64), target, np.ones(2, f4), 0),
            *(row, np.full((1, 1), -1, np.int32), p),
        )
    program, found = Program(calls), []
    for i in range(700):
        row[0], target[1] = x[i], y[i]
        program.run()
        found.append(p[0, 0].copy())
    assert np.array_equal(np.array(found), want)
    assert all(np.array_equal(v, whole.s[k]) for k, v in single.s.items())


def test_reading_adapts_nothing():
    x, y = xor(200)
    spec = NetworkSpec("n", (16,), "sgd", 0.05, categories=False, tv=1e-2, every=200)
    net = Network(spec, 6, 2, True, 1)
    drive(net, x, y)
    before = net.state_dict()
    predict(net, x)
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())


def test_a_grid_that_follows_recovers_when_inputs_double():
    """Experiment 1g: off its grid a spline is a line, and four lines make no circle."""
    right = {}
    for follow in (False, True):
        runs = []
        for seed in range(3):
            x = np.random.default_rng(seed).uniform(-1, 1, (16000, 2))
            y = ((x**2).sum(1) < 2 / np.pi).astype(int)
            x[10000:] *= 2.0
            spec = NetworkSpec(
                *("n", (4,), "sgd", 0.05),
                categories=False,
                follow=follow,
                range=1.0,
                slope=4.0,
                row_norm=16.0,
            )
            hit = drive(Network(spec, 2, 2, True, seed), x, y).argmax(1) == y
            runs.append([hit[8000:10000].mean(), hit[11000:12000].mean(), hit[14000:].mean()])
        right[follow] = np.mean(runs, 0)
    assert (right[True] > right[False] + 0.02).all()
    assert right[True][2] > right[True][0] - 0.03  # about where it was


@pytest.mark.parametrize(
    "bad",
    [
        {"tv": -1.0},
        {"tv": 1.0, "activation": "relu"},
        {"every": 0},
        {"prune": 256},
        {"follow": True, "activation": "prelu"},
    ],
)
def test_options_are_checked(bad):
    with pytest.raises(SpecError, match=f"network n: {next(iter(bad))} is"):
        NetworkSpec("n", **bad)
