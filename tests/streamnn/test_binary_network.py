"""Binarised networks on streams: the four invariants, growth, and that they learn."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from machine_helpers import printed
from test_invariants import Log
from test_stages import CLASS, IDS, OP, ROWS, TICKET, WEIGHT, N

from streamnn.binary import BinaryNetwork, BinarySpec
from streamnn.checks import MACHINES, check_scan, digest
from streamnn.errors import StateError
from streamnn.learners import Classifier, Regressor
from streamnn.members.binary_member import BinaryMember
from streamnn.types import LEARN, LOOK, OBSERVE

f4 = np.float32
C, INPUTS = 3, 9
SPECS = {
    "real": BinarySpec("b", (32, 16)),
    "ternary": BinarySpec("b", (32, 16), "ternary", average=20),
    "binary": BinarySpec("b", (20, 3), "binary", average=0),
    "real hidden": BinarySpec("b", (32, 16), weights="real", normalisation="running"),
    "online": BinarySpec("b", (32, 32), normalisation="online", average=20, estimator="window"),
    "stochastic": BinarySpec("b", (32, 16), activation="stochastic", average=20),
    "adamax": BinarySpec("b", (32, 16), "binary", rule="adamax", step=2.0**-8),
    "bop": BinarySpec("b", (32, 16), "binary", rule="bop"),
    "sgd": BinarySpec("b", (32, 16), "ternary", rule="sgd", step=0.1),
}


def made(spec: BinarySpec, classify: bool = True) -> BinaryNetwork:
    net = BinaryNetwork(spec, INPUTS, C if classify else 1, classify, 1)
    net.grow(np.arange(INPUTS), INPUTS, C if classify else 1, 8)
    return net


class Bench:
    """Runs a network over the log of the stages' tests."""

    def run(self, net, a, b):
        if a == 0:
            self.p = np.zeros((N, len(net.spec.members), C), f4)
        op, slot, latent = OP[a:b], TICKET[a:b], np.zeros((b - a, sum(net.sizes)), f4)
        y = np.where(op == LEARN, CLASS[slot], 0).astype(f4)
        net.scan(op, slot, y, WEIGHT[a:b], 3, ROWS, IDS, self.p, latent)
        return self.p[slot[op == OBSERVE]], latent

    def look(self, net):
        p, slot = np.zeros_like(self.p), np.arange(5)
        net.scan(np.full(5, LOOK, np.int8), slot, np.zeros(5, f4), np.ones(5, f4), 3, ROWS, IDS, p)
        return p[:5]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_network_keeps_the_invariants(spec):
    bench = Bench()
    bench.run(made(spec), 0, 1)
    check_scan(partial(made, spec), bench.run, len(OP), bench.look)


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_a_pool_with_a_binarised_member_keeps_the_invariants(make):
    log = Log(100, make is Regressor, 1, 7)
    member = partial(BinaryMember, BinarySpec("signs", (32, 16), "ternary", average=20))
    check_scan(partial(make, members=[member]), log.run, len(log), log.look)


_RUN = """
import sys
sys.path.insert(0, {folder!r})
from test_binary_network import *
for spec in SPECS.values():
    net = made(spec)
    Bench().run(net, 0, len(OP))
    print(digest(net))
"""


def hashes(**env: str) -> list[str]:
    code = _RUN.format(folder=str(Path(__file__).parent))
    return printed(code, **env)


@pytest.mark.slow
def test_same_bits_on_every_machine():
    native = hashes()
    assert len(native) == len(SPECS)
    for machine, env in MACHINES.items():
        assert hashes(**env) == native, machine
    assert hashes(NUMBA_DISABLE_JIT="1") == native


def drive(net, x, y, ids=None, op=(OBSERVE, LEARN)):
    n, k = len(x), len(op)
    p = np.zeros((n, len(net.spec.members), len(net.s["out"])), f4)
    ids = np.full((n, 1), -1, np.int32) if ids is None else ids
    ops, slot = np.tile(np.array(op, np.int8), n), np.repeat(np.arange(n), k)
    target = np.repeat(np.asarray(y, f4), k)
    net.scan(ops, slot, target, np.ones(n * k, f4), 0, np.ascontiguousarray(x, f4), ids, p)
    return p


def stream(n, seed=0):
    """Whether two of six numbers together are above the square of a third; 54 per cent are."""
    x = np.random.default_rng(seed).standard_normal((n, 6))
    return x, (x[:, 0] + x[:, 1] > x[:, 2] ** 2 - 1.0).astype(int)


@pytest.mark.parametrize("average", [0, 2000])
@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({}, 0.92),
        ({"estimator": "window"}, 0.92),
        ({"hidden": (64, 64)}, 0.92),
        ({"hidden": (64, 64), "weights": "real"}, 0.92),
        ({"hidden": (64, 64), "normalisation": "online"}, 0.92),
        ({"first": "ternary"}, 0.82),
        ({"first": "binary"}, 0.74),
        ({"activation": "stochastic"}, 0.92),
    ],
)
def test_it_beats_the_majority(options, least, average):
    x, y = stream(8000)
    p = drive(
        BinaryNetwork(BinarySpec("b", categories=False, average=average, **options), 6, 2, True, 1), x, y
    )
    right = (p[5000:].argmax(2) == y[5000:, None]).mean(0)
    assert (right > least).all() and least > max(y.mean(), 1 - y.mean()) + 0.1


@pytest.mark.parametrize("rule", ["rms", "adamax", "bop", "sgd"])
def test_every_rule_learns_signs_of_sums(rule):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((6000, 12))
    y = (x[:, :6].sum(1) > x[:, 6:].sum(1)).astype(int)
    step = {"rms": 0.001, "adamax": 2.0**-8, "bop": 0.001, "sgd": 1.0}[rule]
    p = drive(BinaryNetwork(BinarySpec("b", (64,), "binary", rule=rule, step=step, categories=False), 12, 2, True, 1), x, y)  # fmt: skip
    assert (p[4000:, 0].argmax(1) == y[4000:]).mean() > 0.85


def test_a_number_is_learnt():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((6000, 3))
    y = np.abs(x[:, 0]) - 1
    p = drive(BinaryNetwork(BinarySpec("b", (64,), categories=False), 3, 1, False, 1), x, y)[:, :, 0]
    assert (np.abs(p[4000:] - y[4000:, None]).mean(0) < 0.3).all()


@pytest.mark.parametrize("first", ["real", "ternary", "binary"])
def test_fast_statistics_fail_on_an_ordered_stream(first):
    # readings wander slowly: the mean of the last few is nearly what comes next, and taking it off leaves noise
    noise, x = np.random.default_rng(4).standard_normal((12000, 8)), np.zeros((12000, 8))
    for i in range(1, len(x)):
        x[i] = 0.99 * x[i - 1] + 0.14 * noise[i]
    y = (x[:, 0] + x[:, 1] > x[:, 2]).astype(int)
    right = []
    for rate in (2.0**-10, 2.0**-3):
        spec = BinarySpec("b", (64, 64), first, rate=rate, categories=False, average=0)
        p = drive(BinaryNetwork(spec, 8, 2, True, 1), x, y)
        right.append((p[6000:, 0].argmax(1) == y[6000:]).mean())
    same = (y[6001:] == y[6000:-1]).mean()  # what saying the last label again scores
    assert right[1] < same - 0.02 < right[0] and right[0] > right[1] + 0.04


def test_an_input_that_never_moved_and_one_that_comes_later_start_at_zero():
    x, y = stream(300)
    x[:, 3] = 0.0
    net = BinaryNetwork(BinarySpec("b", categories=False, average=50), 6, 2, True, 1)
    assert net.s["first"][3].any()
    drive(net, x, y)
    assert not net.s["first"][3].any() and not net.s["mean_first"][3].any() and net.s["first"][2].any()
    before = drive(net, x, y, op=(OBSERVE,))
    net.grow(np.array([0, 1, 3, 4, 5, 8]), 9, 2, 0)
    wide = np.zeros((300, 9))
    wide[:, [0, 1, 3, 4, 5, 8]] = x
    assert np.array_equal(before, drive(net, wide, y, op=(OBSERVE,)))
    assert not net.s["first"][[2, 6, 7]].any()
    net.grow(np.arange(9), 9, 3, 0)
    ratios = drive(net, wide, y, op=(OBSERVE,))
    assert np.allclose(ratios[:, :, 0] / ratios[:, :, 1], before[:, :, 0] / before[:, :, 1], rtol=1e-4)
    drive(net, np.random.default_rng(1).standard_normal((300, 9)), y)
    assert net.s["first"][[2, 6, 7]].any(1).all()


def test_soft_targets_are_learnt():
    x, y = stream(3000)
    soft = np.where(y[:, None] == [0, 1], 0.8, 0.2).astype(f4)
    net = BinaryNetwork(BinarySpec("b", categories=False), 6, 2, True, 1)
    p, n = np.zeros((3000, 2, 2), f4), np.full((3000, 1), -1, np.int32)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), 3000), np.repeat(np.arange(3000), 2)
    net.scan(op, slot, np.zeros(6000, f4), np.ones(6000, f4), 0, x.astype(f4), n, p, None, soft)
    own = p[2000:, 0][np.arange(1000), y[2000:]]
    assert 0.65 < own.mean() < 0.8 and (p[2000:, 0].argmax(1) == y[2000:]).mean() > 0.85


def test_sizes_that_are_no_multiples_of_sixteen():
    x, y = stream(1000)
    net = BinaryNetwork(BinarySpec("b", (20, 3), "ternary", categories=False), 6, 2, True, 1)
    drive(net, x, y)
    first, (hidden,), out = net.matrices(False)
    assert net.sizes == (32, 16) and not first[:, 20:].any() and not out[:, 3:].any()
    assert not hidden[:, 3:].any() and not hidden[20:].any() and hidden[:20, :3].all()


def test_flips_are_counted():
    x, y = stream(3500)
    net = BinaryNetwork(
        BinarySpec("b", (16, 16), "binary", categories=False, average=0, skip_margin=0.0), 6, 2, True, 1
    )
    assert net.flip_rate == 0.0
    flips = np.zeros(2, int)
    for i in range(3500):
        before = [w.copy() for w in (net.s["first"], net.s["hidden"])]
        if i == 2000:
            flips[:] = 0
        drive(net, x[i : i + 1], y[i : i + 1], op=(LEARN,))
        flips += [
            ((a > 0) != (b > 0)).sum() for a, b in zip(before, (net.s["first"], net.s["hidden"]), strict=True)
        ]
        if i == 2999:
            assert net.s["flips"][:, 1].tolist() == flips.tolist()
            assert net.flip_rate == flips.sum() / (6 * 16 + 16 * 16)
    assert flips.sum() > 0 and net.s["flips"][:, 0].sum() > 0


def test_a_state_of_another_shape_is_not_loaded():
    net = made(SPECS["ternary"])
    state = net.state_dict()
    state["binary/b/first"] = state["binary/b/first"][1:]
    before = digest(net)
    with pytest.raises(StateError, match="leaf 'binary/b/first' has shape"):
        net.load_state_dict(state)
    assert digest(net) == before


def test_a_copy_learns_by_itself_and_a_restart_forgets():
    x, y = stream(300)
    net = BinaryNetwork(BinarySpec("b", categories=False), 6, 2, True, 1)
    new = digest(net)
    drive(net, x, y)
    copy = pickle.loads(pickle.dumps(net))
    drive(copy, x, y)
    assert digest(copy) != digest(net)
    net.restart(1)
    assert digest(net) == new
