"""The network: budgets hold after every event, the certificate is above every slope, growth moves no prediction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from streamnn.errors import SpecError, StateError
from streamnn.network import Functions, Network, NetworkSpec, certify
from streamnn.types import LEARN, OBSERVE

f4 = np.float32


def drive(net, rows, y, weight=None, ids=None):
    n = len(rows)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    p = np.zeros((n, 1, len(net.s["out_bias"])), f4)
    target = np.repeat(np.asarray(y), 2).astype(f4)
    w = np.ones(2 * n, f4) if weight is None else np.repeat(weight, 2).astype(f4)
    ids = np.full((n, 1), -1, np.int32) if ids is None else ids
    net.scan(op, slot, target, w, 0, np.ascontiguousarray(rows, f4), ids, p)
    return p[:, 0]


def predict(net, rows, ids=None):
    n = len(rows)
    p = np.zeros((n, 1, len(net.s["out_bias"])), f4)
    ids = np.full((n, 1), -1, np.int32) if ids is None else ids
    net.scan(
        np.full(n, OBSERVE, np.int8),
        np.arange(n),
        np.zeros(n, f4),
        np.ones(n, f4),
        0,
        np.ascontiguousarray(rows, f4),
        ids,
        p,
    )
    return p[:, 0]


def xor(n, seed=0, d=6):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).clip(-5, 5)
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


SPECS = [
    NetworkSpec("n", hidden, rule, step, categories=False)
    for hidden in ((64,), (64, 32))
    for rule, step in (("sgd", 0.05), ("rms", 0.003), ("factored", 0.005))
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.hidden}-{s.rule}")
def test_it_learns_what_no_linear_model_can(spec):
    x, y = xor(4000)
    net = Network(spec, 6, 2, True, 1)
    p = drive(net, x, y)
    assert (p[2000:].argmax(1) == y[2000:]).mean() > 0.85
    assert np.allclose(p.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.hidden}-{s.rule}")
def test_budgets_hold_after_every_event_even_with_absurd_steps(spec):
    spec = NetworkSpec("n", spec.hidden, spec.rule, 0.5, categories=False, row_norm=1.0, out_norm=2.0)
    x, y = xor(200, 1)
    net = Network(spec, 6, 2, True, 1)
    for i in range(200):
        drive(net, x[i : i + 1] * 3, y[i : i + 1])
        s = net.s
        assert np.abs(np.diff(s["knots"], axis=1)).max() / 0.4 <= 1.0
        assert np.linalg.norm(s["first"].astype(float), axis=0).max() <= 1.0
        assert np.linalg.norm(s["out"].astype(float), axis=1).max() <= 2.0
        if len(spec.hidden) > 1:
            assert np.linalg.norm(s["hidden"].reshape(64, 32).astype(float), axis=0).max() <= 1.0


@pytest.mark.parametrize("activation", ["spline", "relu", "leaky_relu", "prelu"])
@pytest.mark.parametrize("hidden", [(64,), (64, 32)])
def test_certificate_is_above_every_observed_slope(hidden, activation):
    x, y = xor(3000, 2)
    net = Network(
        NetworkSpec("n", hidden, "rms", 0.01, categories=False, activation=activation), 6, 2, True, 1
    )
    rng = np.random.default_rng(3)
    for a in range(0, 3000, 1000):
        drive(net, x[a : a + 1000], y[a : a + 1000])
        c = net.certificate(x[:50])
        assert c.attacked <= c.bound
        u = rng.uniform(-6, 6, (4000, 6))
        for scale in (1e-2, 1.0):
            v = u + scale * rng.standard_normal(u.shape)
            slope = np.linalg.norm(logits(net, u) - logits(net, v), axis=1) / np.linalg.norm(u - v, axis=1)
            assert slope.max() <= c.bound
            l1 = np.abs(logits(net, u) - logits(net, v)).sum(1) / np.abs(u - v).sum(1)
            assert l1.max() <= c.l1_bound
        assert c.attacked > 0.3 * slope.max()


def test_budget_holds_before_the_first_event():
    net = Network(
        NetworkSpec("n", (64, 32), row_norm=0.5, out_norm=0.05, slope=0.5, categories=False), 6, 3, True, 1
    )
    assert np.linalg.norm(net.s["out"].astype(float), axis=1).max() <= 0.05
    assert np.linalg.norm(net.s["first"].astype(float), axis=0).max() <= 0.5
    assert np.abs(np.diff(net.s["knots"], axis=1)).max() / 0.4 <= 0.5


def test_the_l1_bound_counts_every_output():
    knots = np.tile(((np.arange(21) - 10) * 0.4).astype(f4), (16, 1))
    first, out = np.ones((1, 16), f4), np.ones((3, 16), f4)
    functions = Functions(np.full(16, -4.0), np.full(16, 0.4), knots.astype(float))
    c = certify(first, [], out, np.zeros(16, f4), functions, np.zeros((1, 1), f4))
    assert c.l1_bound >= 48.0 and c.bound >= np.sqrt(3) * 16


def logits(net, x):
    """The network in double precision, written anew."""
    z, at, w0 = x.astype(np.float64), 0, 0
    sizes = (x.shape[1], *net.sizes)
    for layer, (a, b) in enumerate(itertools.pairwise(sizes)):
        if layer == 0:
            w = net.s["first"]
        else:
            w = net.s["hidden"][w0 : w0 + a * b].reshape(a, b)
            w0 += a * b
        v = z @ w.astype(np.float64) + net.s["bias"][at : at + b]
        if net.spec.activation != "spline":
            z = np.where(v > 0, v, net.s["knots"][at : at + b, 0].astype(np.float64) * v)
        else:
            i = np.clip(np.floor(v / 0.4 + 10), 0, 19).astype(int)
            c = net.s["knots"][at : at + b].astype(np.float64)
            lo, hi = c[np.arange(b), i], c[np.arange(b), i + 1]
            z = lo + (v / 0.4 + 10 - i) * (hi - lo)
        at += b
    return z @ net.s["out"].T.astype(np.float64) + net.s["out_bias"]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.hidden}-{s.rule}")
def test_kernel_agrees_with_the_formula_in_double_precision(spec):
    x, y = xor(500, 4)
    net = Network(spec, 6, 2, True, 1)
    drive(net, x, y)
    o = logits(net, x)
    want = np.exp(o - o.max(1, keepdims=True))
    want /= want.sum(1, keepdims=True)
    assert np.abs(predict(net, x) - want).max() < 1e-5


ACTIVATIONS = ("spline", "relu", "leaky_relu", "prelu")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sizes_that_are_no_multiples_of_sixteen(activation):
    x, y = xor(1500, 9)
    net = Network(
        NetworkSpec("n", (20, 3), "sgd", 0.05, categories=False, activation=activation), 6, 2, True, 1
    )
    assert net.sizes == (32, 16)
    drive(net, x, y)
    o = logits(net, x)
    want = 1 / (1 + np.exp(o[:, 0] - o[:, 1]))
    assert np.abs(predict(net, x)[:, 1] - want).max() < 1e-5
    first, (hidden,), out = net.matrices(False)
    assert not first[:, 20:].any() and not hidden[:, 3:].any() and not hidden[20:].any()
    assert not out[:, 3:].any() and out[:, :3].any()
    if activation == "spline":
        assert not net.bends()[20:32].any() and not net.bends()[35:].any() and net.bends()[:20].all()


def test_what_prelu_and_its_relatives_learn():
    x, y = xor(3000, 10)
    slopes = {}
    for activation in ACTIVATIONS[1:]:
        spec = NetworkSpec("n", (64,), "sgd", 0.05, categories=False, activation=activation, bend_step=1.0)
        net = Network(spec, 6, 2, True, 1)
        drive(net, x, y)
        slopes[activation] = net.s["knots"][:, 0]
    assert (slopes["relu"] == 0).all() and (slopes["leaky_relu"] == f4(0.01)).all()
    assert np.ptp(slopes["prelu"]) > 0.1 and np.abs(slopes["prelu"]).max() <= 0.999


def test_each_layer_has_its_own_step():
    x, y = xor(300, 11)
    moved = []
    for steps in ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)):
        net = Network(
            NetworkSpec("n", (16, 16), "sgd", 0.05, categories=False, layer_steps=steps), 6, 2, True, 1
        )
        before = [w.copy() for w in (net.s["first"], net.s["hidden"], net.s["out"])]
        knots = net.s["knots"].copy()
        drive(net, x, y)
        after = (net.s["first"], net.s["hidden"], net.s["out"])
        moved.append([not np.array_equal(a, b) for a, b in zip(before, after, strict=True)])
        assert [not np.array_equal(net.s["knots"][i : i + 16], knots[i : i + 16]) for i in (0, 16)] == [
            bool(v) for v in steps[:2]
        ]
    assert moved == [[False, True, True], [True, False, True], [True, True, False]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_outside_its_budget_is_not_loaded(activation):
    x, y = xor(300, 12)
    spec = NetworkSpec(
        "n", (32, 16), "sgd", 0.05, categories=False, activation=activation, average=100, row_norm=2.0
    )
    net = Network(spec, 6, 2, True, 1)
    p = np.zeros((300, 2, 2), f4)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), 300), np.repeat(np.arange(300), 2)
    none = np.full((300, 1), -1, np.int32)
    net.scan(op, slot, np.repeat(y, 2).astype(f4), np.ones(600, f4), 0, x.astype(f4), none, p)
    good = net.state_dict()
    new = Network(spec, 6, 2, True, 2)
    kept = new.state_dict()
    leaves = ["first", "hidden", "out", "mean_first", "mean_out"]
    leaves += ["knots", "mean_knots"] if activation in ("spline", "prelu") else []
    for leaf in leaves:
        bad = {**good, f"network/n/{leaf}": good[f"network/n/{leaf}"] * f4(30)}
        with pytest.raises(StateError, match=r"network n: .* reach .* budget"):
            new.load_state_dict(bad)
        assert all(np.array_equal(v, kept[name]) for name, v in new.state_dict().items())
    new.load_state_dict(good)
    assert all(np.array_equal(v, good[name]) for name, v in new.state_dict().items())


@pytest.mark.parametrize(
    "bad",
    [
        {"hidden": ()},
        {"hidden": (0,)},
        {"rule": "adam"},
        {"step": float("nan")},
        {"activation": "tanh"},
        {"activation": "relu", "slope": 0.5},
        {"beta": 1.0},
        {"layer_steps": (1.0,)},
        {"knots": 4},
        {"range": 0.0},
    ],
)
def test_options_are_checked(bad):
    with pytest.raises(SpecError, match=f"network n: {list(bad)[-1]} is"):
        NetworkSpec("n", **bad)


def test_a_gradient_step_goes_down_the_log_loss():
    # plain SGD, no budget: the step is minus the gradient, checked by finite differences of the formula above
    x, y = xor(1, 5)
    spec = NetworkSpec("n", (16, 16), "sgd", 1e-3, categories=False, slope=0.0, row_norm=0.0, out_norm=0.0)
    net = Network(spec, 6, 2, True, 1)
    before = {k: v.copy() for k, v in net.s.items()}
    drive(net, x, y)
    moved = {
        k: (before[k].astype(float) - net.s[k].astype(float)) / 1e-3
        for k in ("first", "hidden", "bias", "out", "out_bias")
    }
    moved["knots"] = (before["knots"].astype(float) - net.s["knots"].astype(float)) / 5e-4

    def loss():
        o = logits(net, x)[0]
        return np.log(np.exp(o - o.max()).sum()) + o.max() - o[y[0]]

    net.s = {k: v.astype(np.float64) if v.dtype == f4 else v for k, v in before.items()}
    for name, step in moved.items():
        flat, grad = net.s[name].reshape(-1), step.reshape(-1)
        for j in np.argsort(-np.abs(grad))[:5]:
            keep = flat[j]
            flat[j] = keep + 1e-6
            up = loss()
            flat[j] = keep - 1e-6
            down = loss()
            flat[j] = keep
            assert abs((up - down) / 2e-6 - grad[j]) < 2e-3 * max(1, abs(grad[j])), name


@pytest.mark.parametrize("rule", ["sgd", "rms", "factored"])
def test_new_columns_and_category_rows_change_no_prediction(rule):
    x, y = xor(500, 6)
    net = Network(NetworkSpec("n", (64,), rule, 0.01), 6, 2, True, 1)
    net.grow(np.arange(6), 6, 2, 3)
    ids = np.random.default_rng(0).integers(-1, 3, (500, 1)).astype(np.int32)
    drive(net, x, y, ids=ids)
    before = predict(net, x, ids)
    net.grow(np.array([0, 1, 3, 4, 5, 8]), 9, 2, 7)
    wide = np.random.default_rng(1).standard_normal((500, 9))
    wide[:, [0, 1, 3, 4, 5, 8]] = x
    assert np.array_equal(before, predict(net, wide, ids))
    drive(net, wide, y, ids=ids)
    assert np.abs(net.s["first"][[2, 6, 7]]).max() > 0


@pytest.mark.parametrize("rule", ["sgd", "rms", "factored"])
def test_a_new_class_is_small_and_leaves_the_ratios(rule):
    x, y = xor(500, 7)
    net = Network(NetworkSpec("n", (64,), rule, 0.01, categories=False), 6, 2, True, 1)
    drive(net, x, y)
    before = predict(net, x).astype(float)
    net.grow(np.arange(6), 6, 3, 0)
    after = predict(net, x).astype(float)
    assert np.allclose(after[:, 0] / after[:, 1], before[:, 0] / before[:, 1], rtol=1e-4)
    assert 0.05 < np.median(after[:, 2]) < 0.2


def test_value_head_learns_a_number():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((4000, 3))
    y = np.abs(x[:, 0]) - 1
    net = Network(NetworkSpec("n", (64,), "rms", 0.003, categories=False), 3, 1, False, 1)
    p = drive(net, x, y)[:, 0]
    assert np.abs(p[2000:] - y[2000:]).mean() < 0.15


def test_latents_of_several_layers():
    x, y = xor(50)
    net = Network(NetworkSpec("n", (32, 16), "rms", 0.003, categories=False), 6, 2, True, 1)
    drive(net, x, y)
    op, target, weight = np.full(50, OBSERVE, np.int8), np.zeros(50, f4), np.ones(50, f4)
    p, both, last = np.zeros((50, 1, 2), f4), np.zeros((50, 48), f4), np.zeros((50, 16), f4)
    args = (op, np.arange(50), target, weight, 0, x.astype(f4), np.full((50, 1), -1, np.int32), p)
    net.scan(*args, both)
    net.scan(*args, last)
    np.testing.assert_array_equal(both[:, 32:], last)
    s = net.s
    a = (
        both[:, :32].astype(float) @ s["hidden"].reshape(32, 16) + s["bias"][32:]
    )  # the first layer makes the second
    grid = (np.arange(21) - 10) * 0.4
    inside = np.abs(a) < 4
    want = np.stack([np.interp(a[:, j], grid, s["knots"][32 + j]) for j in range(16)], 1)
    np.testing.assert_allclose(last[inside], want[inside], atol=1e-4)


@pytest.mark.parametrize("rule", ["rms", "factored"])
def test_quiet_labels_change_no_weight_and_fade_what_is_remembered(rule):
    x, y = xor(1500, 9)
    net = Network(NetworkSpec("n", (64,), rule, 0.01, categories=False, skip_margin=0.2), 6, 2, True, 1)
    p = drive(net, x, y)
    own = p[np.arange(1500), y]
    assert net.s["learnt"][0] == (own <= f4(0.8)).sum() < 1200
    sure = int(np.flatnonzero(predict(net, x)[np.arange(1500), y] > 0.85)[0])
    before = {k: v.copy() for k, v in net.s.items()}
    drive(net, np.repeat(x[sure : sure + 1], 10, 0), np.repeat(y[sure], 10))
    assert [k for k in net.s if not np.array_equal(before[k], net.s[k])] == ["idle"]
    assert abs(net.s["idle"][0] - before["idle"][0] * 0.999**10) < 1e-5
    unsure = int(np.flatnonzero(own <= 0.5)[0])
    drive(net, x[unsure : unsure + 1] * 0, 1 - predict(net, x[:1] * 0).argmax(1))
    assert net.s["idle"][0] == 1.0
