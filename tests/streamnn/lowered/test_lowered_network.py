"""A lowered network over a stream: the invariants, micro-batches, windows, category values, growth and its state."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from streamnn.errors import SpecError, StateError
from streamnn.guests.growth import Step, find_rule
from streamnn.lowered import PlanBuilder
from streamnn.lowered import arrays as k
from streamnn.lowered.activations import activation
from streamnn.lowered.dense import linear
from streamnn.lowered.dropout import dropout
from streamnn.lowered.network import LoweredNetwork, Rules
from streamnn.lowered.optimisers import Optimiser
from streamnn.state import state_hash
from streamnn.types import LEARN, LOOK, OBSERVE

f4 = np.float32
INPUTS, CLASSES, WINDOW, NAMES, EVENTS = 5, 3, 3, 4, 120
ADAM = Optimiser("adam", 0.01)


def make(inputs, outputs, window=0, drop=0.0):
    b = PlanBuilder((window, inputs) if window else (inputs,))
    r = np.random.default_rng(0)
    n = inputs * max(window, 1)
    h = linear(b, b.input.reshaped(n), "0", r.normal(size=(18, n)) / 3, np.zeros(18))
    h = activation(b, h, "tanh")
    if drop:
        h = dropout(b, h, drop)
    return b.finish(linear(b, h, "2", r.normal(size=(outputs, 18)) / 4, np.zeros(outputs)), latent=h)


def network(batch=1, window=0, drop=0.0, loss="cross_entropy", optimiser=ADAM, slope=0.0):
    rules = Rules(optimiser, loss, "cross" in loss, batch, window, 0.05, slope)
    outputs = CLASSES if rules.classify else 1
    net = LoweredNetwork("net", make(INPUTS, outputs, window, drop), rules, seed=3, place=0)
    for name in net.used:
        net.reserve(name, NAMES)
    return net


def new_store(net, slots=EVENTS):
    r = np.random.default_rng(1)
    names = np.where(r.random((slots, 1)) < 0.5, r.integers(0, NAMES, (slots, 1)), -1).astype(np.int32)
    store = {
        "row": r.standard_normal((slots, INPUTS)).astype(f4),
        "names": names,
        "p": np.zeros((slots, 1, net.plan.output.size), f4),
    }
    if net.rules.window:
        store[net.window_leaf] = np.zeros((slots, INPUTS, net.rules.window), f4)
    return store


def late_log():
    """Labels come four events late, and every third event is looked at first."""
    op, slot = [], []
    for i in range(EVENTS):
        if i % 3 == 0:
            op.append(LOOK)
            slot.append(i)
        op.append(OBSERVE)
        slot.append(i)
        if i >= 4:
            op.append(LEARN)
            slot.append(i - 4)
    return np.array(op, np.int8), np.array(slot, np.int64)


def label(store):
    return (store["row"][:, 0] > 0).astype(np.int64) + (store["row"][:, 1] > 0)


def run(net, store, op, slot, cuts=(), latents=0):
    target = label(store)[slot]
    weight = (1.0 + slot % 2).astype(f4)
    latent = np.zeros((len(op), latents), f4)
    bounds = [0, *cuts, len(op)]
    for a, b in pairwise(bounds):
        seen = latent[a:b] if latents else None
        net.scan(op[a:b], slot[a:b], target[a:b].astype(f4), weight[a:b], 0, INPUTS, store, seen)
    return latent


KINDS = {
    "plain": {},
    "batch": {"batch": 7},
    "window": {"window": WINDOW},
    "dropout": {"drop": 0.3},
    "all": {"batch": 4, "window": WINDOW, "drop": 0.3, "slope": 1.0},
    "numbers": {"loss": "huber", "optimiser": Optimiser("sgd", 0.01, momentum=0.5)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_and_saved_states_leave_no_trace(kind):
    op, slot = late_log()
    whole = network(**KINDS[kind])
    store = new_store(whole)
    latent = run(whole, store, op, slot, latents=18)
    cut = network(**KINDS[kind])
    cut_store = new_store(cut)
    assert np.array_equal(run(cut, cut_store, op, slot, (1, 2, 50, 133, 200), latents=18), latent)
    assert np.array_equal(cut_store["p"], store["p"])
    half = len(op) // 2
    first, second = network(**KINDS[kind]), network(**KINDS[kind])
    resumed = new_store(first)
    run(first, resumed, op[:half], slot[:half])
    run(second, new_store(second), op[:9], slot[:9])  # whatever it learnt before
    second.load_state_dict(first.state_dict())
    run(second, resumed, op[half:], slot[half:])
    assert np.array_equal(resumed["p"], store["p"])
    hashes = {state_hash(net.state_dict()) for net in (whole, cut, second)}
    assert len(hashes) == 1
    assert whole.s["count"][k.STEPS_MADE] == whole.s["count"][k.LABELS_TAKEN] // whole.rules.batch > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_changes_nothing(kind):
    op, slot = late_log()
    net, other = network(**KINDS[kind]), network(**KINDS[kind])
    store, other_store = new_store(net), new_store(other)
    run(net, store, op, slot)
    unseen = op != LOOK
    run(other, other_store, op[unseen], slot[unseen])
    assert state_hash(net.state_dict()) == state_hash(other.state_dict())
    assert np.array_equal(store["p"], other_store["p"])


def test_it_learns_and_its_latents_are_those_before():
    net = network()
    store = new_store(net)
    slot = np.repeat(np.arange(EVENTS), 2)
    op = np.tile(np.array([OBSERVE, LEARN], np.int8), EVENTS)
    for _ in range(8):
        latent = run(net, store, op, slot, latents=18)
    assert np.array_equal(latent[::2], latent[1::2]) and np.abs(latent).max() <= 1.0
    right = store["p"][:, 0].argmax(1) == label(store)
    assert right.mean() > 0.9
    assert np.allclose(store["p"].sum(2), 1.0, atol=1e-6)


def test_a_loss_that_is_not_finite_makes_no_step():
    net = network(loss="mse", batch=2)
    store = new_store(net)
    slot, op = np.arange(4), np.full(4, LEARN, np.int8)
    before = state_hash(
        {name: v for name, v in net.state_dict().items() if "held" not in name and "count" not in name}
    )
    target = np.array([1.0, np.inf, 1.0, 2.0], f4)
    net.scan(op[:2], slot[:2], target[:2], np.ones(2, f4), 0, INPUTS, store)
    after = state_hash(
        {name: v for name, v in net.state_dict().items() if "held" not in name and "count" not in name}
    )
    assert before == after and net.s["count"][k.SKIPPED] == 1
    net.scan(op[2:], slot[2:], target[2:], np.ones(2, f4), 0, INPUTS, store)
    assert net.s["count"][k.STEPS_MADE] == 1 and np.isfinite(net.s["w"]).all()


def test_a_window_is_what_was_seen_before():
    b = PlanBuilder((WINDOW, INPUTS))
    last = b.input.part(0, 1).reshaped(INPUTS)
    plan = b.finish(linear(b, last, "0", np.eye(1, INPUTS), np.zeros(1)), latent=last)
    net = LoweredNetwork("net", plan, Rules(ADAM, "mse", False, window=WINDOW), seed=0, place=0)
    store = new_store(net, 9)
    store["names"][:] = -1
    net.scan(np.zeros(9, np.int8), np.arange(9), np.zeros(9, f4), np.ones(9, f4), 0, INPUTS, store)
    assert np.array_equal(store["p"][:, 0, 0], np.r_[0, 0, store["row"][:7, 0]])


def test_growth_changes_no_prediction_and_keeps_moments():
    net = network()
    store = new_store(net)
    op, slot = late_log()
    run(net, store, op, slot)
    looks = np.full(20, LOOK, np.int8), np.arange(20), np.zeros(20, f4), np.ones(20, f4)
    net.scan(*looks, 0, INPUTS, store)
    was = store["p"][:20].copy()
    places = np.array([0, 1, 3, 4, 6])
    rule = find_rule(lambda d, c: {leaf.name: leaf.shape for leaf in make(d, c).leaves}, INPUTS, CLASSES)
    step = Step(places, 8, CLASSES, CLASSES)
    old = net.state_dict()
    net.grow(make(8, CLASSES), places, lambda v: step.weights(v, rule), lambda v: step.moments(v, rule))
    wide = {**store, "row": np.zeros((EVENTS, 8), f4)}
    wide["row"][:, places] = store["row"]
    net.scan(*looks, 0, 8, wide)
    assert np.array_equal(store["p"][:20], was)
    for leaf in ("param/0.weight", "moment1/0.weight", "moment2/0.weight"):
        now = net.state_dict()[f"net/{leaf}"]
        assert np.array_equal(now[:, places], old[f"net/{leaf}"]) and now.shape == (18, 8)
        assert not now[:, [2, 5, 7]].any()


def test_every_layer_is_kept_within_its_slope():
    net = network(slope=0.5)
    store = new_store(net)
    op, slot = late_log()
    run(net, store, op, slot)
    state = net.state_dict()
    for leaf in ("net/param/0.weight", "net/param/2.weight"):
        assert np.linalg.norm(state[leaf].astype(np.float64), 2) <= 0.5


def test_a_state_of_another_network_is_refused():
    net, other = network(), network(optimiser=Optimiser("sgd", 0.1))
    with pytest.raises(StateError, match="moment1"):
        net.load_state_dict(other.state_dict())


def test_what_can_not_be_is_refused():
    with pytest.raises(SpecError, match="one of classes"):
        Rules(ADAM, "cross_entropy", False)
    with pytest.raises(SpecError, match="not known"):
        Rules(ADAM, "hinge", True)
    with pytest.raises(SpecError, match="window"):
        LoweredNetwork("net", make(INPUTS, 2), Rules(ADAM, "mse", False, window=2), seed=0, place=0)
    with pytest.raises(SpecError, match="no option"):
        Optimiser.named("sgd", 0.1, {"betas": (0.9, 0.99)})
