"""Weights move between streaming networks and torch modules; both compute the same and have one certificate."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from streamnn.errors import SpecError, StateError  # noqa: E402
from streamnn.network import Network, NetworkSpec  # noqa: E402
from streamnn.network.attack import slopes_at  # noqa: E402
from streamnn.nn import FactoredRule, LinearSpline, RmsRule, SgdRule, SplineNetwork  # noqa: E402
from streamnn.types import LEARN, OBSERVE  # noqa: E402

pytestmark = pytest.mark.slow
torch.set_num_threads(1)

f4 = np.float32
RULES = {"sgd": SgdRule, "rms": RmsRule, "factored": FactoredRule}
STEPS = {"sgd": 0.02, "rms": 0.001, "factored": 0.002}
INPUTS, TABLE, CLASSES = 6, 12, 3
WEIGHTS = ("first", "table", "hidden", "bias", "knots", "out", "out_bias")


def network(rule="rms", hidden=(32, 16), activation="spline", classify=True, seed=0, **options) -> Network:
    options.setdefault("step", STEPS[rule])
    outputs = CLASSES if classify else 1
    spec = NetworkSpec("net", hidden, rule, activation=activation, **options)
    net = Network(spec, INPUTS, outputs, classify, seed)
    net.grow(np.arange(INPUTS), INPUTS, outputs, TABLE)
    return net


def stream(n: int, classify: bool, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with zeros, category rows and targets of a calm stream."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, INPUTS)).astype(f4)
    rows[rng.random((n, INPUTS)) < 0.2] = 0.0
    ids = np.full((n, 3), -1, np.int32)
    for row in ids:
        k = rng.integers(0, 3)
        row[:k] = rng.choice(TABLE, k, replace=False)
    s = np.tanh(rows[:, 0]) + 0.5 * np.abs(rows[:, 1]) - 0.5 * rows[:, 2] + 0.2 * (ids[:, 0] % 3)
    if not classify:
        return rows, ids, s.astype(f4)
    p = np.exp(np.stack([np.zeros(n), 2.0 * s, 2.0 * rows[:, 3] + s], 1))
    p /= p.sum(1, keepdims=True)
    return rows, ids, (rng.random(n)[:, None] > p.cumsum(1)).sum(1).astype(f4)


def play(net: Network, rows, ids, y, learn: bool = True, weight=None) -> np.ndarray:
    """Predictions of a streaming network, each made before its label is learnt."""
    n, k = len(rows), 2 if learn else 1
    p = np.zeros((n, 1, len(net.s["out"])), f4)
    op = np.tile(np.array([OBSERVE, LEARN][:k], np.int8), n)
    w = np.ones(n, f4) if weight is None else weight
    net.scan(op, np.repeat(np.arange(n), k), np.repeat(y, k), np.repeat(w, k), 0, rows, ids, p)
    return p[:, 0]


def tensors(rows, ids, dtype=torch.float32):
    return torch.from_numpy(rows).to(dtype), torch.from_numpy(ids)


shapes = pytest.mark.parametrize("hidden", [(16,), (32, 16, 48)], ids=str)
activations = pytest.mark.parametrize("activation", ["spline", "relu", "leaky_relu", "prelu"])
tasks = pytest.mark.parametrize("classify", [True, False], ids=["classes", "value"])
rules = pytest.mark.parametrize("rule", RULES)


@rules
@shapes
@activations
@tasks
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
def test_round_trip_keeps_every_bit(rule, hidden, activation, classify, dtype):
    net = network(rule, hidden, activation, classify)
    rows, ids, y = stream(300, classify)
    play(net, rows[:200], ids[:200], y[:200])
    model = SplineNetwork.from_network(net, dtype)
    copy = model.to_network(net.spec, seed=9, rule=RULES[rule].of(net, model))
    for name, leaf in net._leaves().items():
        if name.endswith("norm"):  # tracked on one side, added up afresh on the other
            assert np.allclose(copy.s[name], leaf, rtol=1e-5, atol=1e-5), name
        else:
            assert copy._leaves()[name].tobytes() == leaf.tobytes(), name
    a, b = (play(x, rows[200:], ids[200:], y[200:]) for x in (net, copy))
    assert np.allclose(a, b, rtol=0.0, atol=1e-5)
    again = SplineNetwork.from_network(copy, dtype)
    again.load_state_dict(SplineNetwork.from_network(net, dtype).state_dict())
    again.load_into(copy)
    assert all(copy._leaves()[name].tobytes() == net._leaves()[name].tobytes() for name in WEIGHTS)


@shapes
@activations
@tasks
def test_predictions_are_the_same(hidden, activation, classify):
    net = network("sgd", hidden, activation, classify, step=0.05)
    rows, ids, y = stream(400, classify)
    play(net, rows, ids, y)
    rows = rows * 3.0  # well off the grid
    p = play(net, rows, ids, y, learn=False)
    for dtype in (torch.float32, torch.float64):
        with torch.no_grad():
            q = SplineNetwork.from_network(net, dtype)(*tensors(rows, ids, dtype)).numpy()
        assert q.shape == p.shape
        assert np.abs(p - q).max() <= 5e-6 * max(1.0, np.abs(p).max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
def test_grids_that_moved_move_too(dtype):
    net = network("sgd", (20, 5), step=0.05, tv=1e-3, every=100, follow=True)
    rows, ids, y = stream(1500, True)
    play(net, rows * 3, ids, y)
    assert len(np.unique(net.s["grid"][1])) > 1
    p = play(net, rows * 3, ids, y, learn=False)
    model = SplineNetwork.from_network(net, dtype)
    with torch.no_grad():
        q = model(*tensors(rows * 3, ids, dtype)).numpy()
    assert np.abs(p - q).max() <= 1e-5
    assert model.certificate(torch.from_numpy(rows[:20])) == net.certificate(rows[:20])
    copy = model.to_network(net.spec)
    assert np.array_equal(play(copy, rows * 3, ids, y, learn=False), p)


def test_a_spline_has_the_bits_of_the_kernel():
    net = network("sgd", (16,))
    rng = np.random.default_rng(3)
    net.s["first"][:] = 0.0
    net.s["knots"][:] = rng.normal(size=(16, 21))
    spline = LinearSpline(16)
    with torch.no_grad():
        spline.coefficients.copy_(torch.from_numpy(net.s["knots"]))
    rows, ids, on_grid = np.zeros((1, INPUTS), f4), np.full((1, 1), -1, np.int32), np.arange(-12, 13) * 0.4
    for a in [*(rng.normal(size=16) * s for s in (0.1, 1.0, 4.0, 30.0)), *(np.full(16, g) for g in on_grid)]:
        net.s["bias"][:] = a
        latent, p = np.zeros((1, 16), f4), np.zeros((1, 1, CLASSES), f4)
        none = np.zeros(1, f4)
        net.scan(np.full(1, OBSERVE, np.int8), np.zeros(1, np.int64), none, none, 0, rows, ids, p, latent)
        here = spline(torch.from_numpy(net.s["bias"][None])).detach().numpy()
        assert here.tobytes() == latent.tobytes()


def test_category_rows_end_at_the_first_negative_one():
    model = SplineNetwork(2, 2, (16,), category_rows=3)
    with torch.no_grad():
        model.table.normal_(generator=torch.Generator().manual_seed(0))
    x = torch.zeros(1, 2)
    plain = model.layers(x)[0][0]
    for ids, rows in [([0, 2], [0, 2]), ([1, -1, 2], [1]), ([-1, 0], []), ([2, 7], [2])]:
        pre = model.layers(x, torch.tensor([ids]))[0][0]
        assert torch.allclose(pre, plain + model.table[rows].sum(0), atol=1e-6)


@shapes
@activations
@tasks
def test_one_certificate(hidden, activation, classify):
    net = network("rms", hidden, activation, classify)
    rows, ids, y = stream(500, classify)
    play(net, rows, ids, y)
    model = SplineNetwork.from_network(net)
    looked = rows[:40]
    certificate = net.certificate(looked)
    assert model.certificate(torch.from_numpy(looked)) == certificate
    assert model.lipschitz_bound().item() == pytest.approx(certificate.product, rel=1e-7)
    # what the attack says, by automatic differentiation
    exact = SplineNetwork.from_network(net, torch.float64)
    x = torch.from_numpy(looked).double()
    jacobian = torch.func.vmap(torch.func.jacrev(lambda r: exact.scores(r[None])[0]))(x)
    found = torch.linalg.matrix_norm(jacobian.detach(), ord=2).numpy()
    first, inner, out = net.matrices(False)
    functions, at, parts = net.functions(), 0, []
    for h in hidden:
        parts.append(functions.of(at, at + h))
        at += h
    assert np.allclose(slopes_at([first, *inner], out, net.s["bias"], parts, looked), found, rtol=1e-6)
    assert found.max() * (1 - 1e-6) <= certificate.attacked <= certificate.bound <= certificate.product


def test_the_bound_can_be_trained():
    model = SplineNetwork(4, 3, (16, 16))
    before = model.lipschitz_bound()
    before.backward()
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p -= 1e-3 * p.grad
    assert model.lipschitz_bound() < before
    assert model.out.grad is not None and model.splines[0].coefficients.grad is not None


@activations
def test_only_a_network_inside_its_budget_is_loaded(activation):
    slope = 0.7 if activation == "spline" else 1.0
    net = network("sgd", (16, 16), activation, slope=slope, row_norm=1.1, out_norm=0.5)
    before = net.state_dict()
    model = SplineNetwork(INPUTS, CLASSES, (16, 16), activation=activation, category_rows=TABLE)
    with torch.no_grad():
        model.out *= 50.0
    learnt = {"spline": ["splines.1.coefficients"], "prelu": ["slopes.0"]}
    for part in ["first", "hidden.0", "out", *learnt.get(activation, [])]:
        spoilt = SplineNetwork.from_network(net)
        with torch.no_grad():
            spoilt.get_parameter(part).mul_(20.0)
        name = part if part in ("first", "hidden.0", "out") else "activations"
        with pytest.raises(StateError, match=f"{name}.*budget"):
            spoilt.load_into(net)
    with pytest.raises(StateError, match="budget"):
        model.load_into(net)
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())
    model.project_(net.spec)
    once = {k: v.clone() for k, v in model.state_dict().items()}
    model.project_(net.spec)
    assert all(torch.equal(v, once[k]) for k, v in model.state_dict().items())
    model.load_into(net)
    s = net.s
    assert np.sqrt((s["first"].astype(float) ** 2).sum(0)).max() <= 1.1
    assert np.sqrt((s["out"].astype(float) ** 2).sum(1)).max() <= 0.5
    if activation == "spline":
        assert np.abs(np.diff(s["knots"].astype(float), axis=1)).max() / 0.4 <= 0.7


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: SplineNetwork(INPUTS, CLASSES, (16,), category_rows=TABLE), "bias.0"),
        (lambda: SplineNetwork(INPUTS, CLASSES, (32, 32), category_rows=TABLE), "bias.1"),
        (lambda: SplineNetwork(INPUTS + 1, CLASSES, (32, 16), category_rows=TABLE), "first"),
        (lambda: SplineNetwork(INPUTS, CLASSES, (32, 16), category_rows=TABLE - 1), "table"),
        (
            lambda: SplineNetwork(INPUTS, CLASSES, (32, 16), activation="relu", category_rows=TABLE),
            "splines.0",
        ),
        (lambda: SplineNetwork(INPUTS, 1, (32, 16), False, category_rows=TABLE), "head"),
    ],
)
def test_another_shape_is_refused(model, says):
    net = network()
    before = net.state_dict()
    with pytest.raises(StateError, match=says):
        model().load_into(net)
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())


def test_what_is_not_finite_is_refused():
    net = network()
    model = SplineNetwork.from_network(net)
    with torch.no_grad():
        model.hidden[0][3, 4] = float("nan")
    with pytest.raises(StateError, match="not finite"):
        model.load_into(net)


def test_a_rule_fits_its_own_networks_only():
    net = network("rms")
    model = SplineNetwork.from_network(net)
    with pytest.raises(StateError, match="'rms'"):
        SgdRule.of(net, model)
    before = net.state_dict()
    with pytest.raises(StateError, match="'rms'"):
        model.load_into(net, SgdRule(model))
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("bad", [{"hidden": (8,)}, {"hidden": ()}, {"activation": "tanh"}])
def test_options_are_checked(bad):
    with pytest.raises(SpecError, match=next(iter(bad))):
        SplineNetwork(3, 2, **bad)
