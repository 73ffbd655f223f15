"""The certificate is above every slope anybody finds: whatever the weights, after every event, at every checkpoint."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_network import drive, xor

from streamnn import Classifier, Regressor
from streamnn.network import Functions, Network, NetworkSpec, certify
from streamnn.network.attack import narrow, slopes_at
from streamnn.types import LEARN, OBSERVE, Chunk

f4 = np.float32


def draw(rng, sizes, outputs, kind):
    """Random layers and activations: smooth, steep, decreasing, constant ones."""
    layers = [rng.normal(size=s) * 10.0 ** rng.uniform(-2, 1) for s in itertools.pairwise(sizes)]
    out = rng.normal(size=(outputs, sizes[-1]))
    units = sum(sizes[1:])
    if kind == "spline":
        values = np.cumsum(rng.normal(size=(units, 21)) * rng.uniform(0, 2, (units, 1)), 1)
        piece = 2.0 ** rng.integers(-3, 4, units) * 0.4
        f = Functions(-rng.integers(-5, 25, units) * piece, piece, values)
    else:
        f = Functions.two_slopes(rng.uniform(-1, 1, units))
    return layers, out, rng.normal(size=units), f


def forward(x, layers, out, bias, f):
    z, at = x, 0
    for w in layers:
        z = f.of(at, at + w.shape[1]).at(z @ w + bias[at : at + w.shape[1]])[0]
        at += w.shape[1]
    return z @ out.T


@settings(max_examples=40)
@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 12), min_size=2, max_size=4),
    st.integers(1, 4),
    st.sampled_from(["spline", "two slopes"]),
)
def test_no_pair_of_rows_is_steeper_than_any_of_its_bounds(seed, sizes, outputs, kind):
    rng = np.random.default_rng(seed)
    layers, out, bias, f = draw(rng, sizes, outputs, kind)
    x = rng.normal(size=(30, sizes[0])) * 3
    c = certify(layers[0], layers[1:], out, bias, f, x)
    assert c.attacked <= c.bound <= c.product
    for reach in (1e-3, 0.1, 3.0, 100.0):
        u = rng.normal(size=(200, sizes[0])) * 4
        v = u + rng.normal(size=u.shape) * reach
        step, moved = u - v, forward(u, layers, out, bias, f) - forward(v, layers, out, bias, f)
        rounding = 1 + 1e-6
        assert (np.linalg.norm(moved, axis=1) <= c.bound * rounding * np.linalg.norm(step, axis=1)).all()
        assert (np.abs(moved).sum(1) <= c.l1_bound * rounding * np.abs(step).sum(1)).all()


def test_the_bound_is_exact_where_all_slopes_are_one():
    """A linear network: what the middles of slopes have in common is everything."""
    rng = np.random.default_rng(3)
    layers, out, bias, _ = draw(rng, [5, 8, 8], 2, "spline")
    c = certify(layers[0], layers[1:], out, bias, Functions.two_slopes(np.ones(16)), np.zeros((1, 5)))
    exact = np.linalg.norm(layers[0] @ layers[1] @ out.T, 2)
    assert c.bound == pytest.approx(exact, rel=1e-8) and c.attacked == pytest.approx(exact, rel=1e-8)
    assert c.product > 1.2 * exact


def test_what_is_not_finite_has_no_slope():
    f = Functions.two_slopes(np.zeros(2))
    c = certify(np.array([[np.nan, 1.0]]), [], np.ones((1, 2)), np.zeros(2), f, np.zeros((1, 1)))
    assert c.bound == np.inf and c.attacked == np.inf


ROWS = st.lists(
    st.lists(st.floats(-1e3, 1e3, width=32) | st.sampled_from([0.0, 5.0, -5.0]), min_size=3, max_size=3),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40)
@given(
    ROWS,
    st.sampled_from(["sgd", "rms", "factored"]),
    st.sampled_from([0.01, 0.5, 20.0]),
    st.sampled_from(["spline", "prelu"]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_budget_and_certificate_hold_after_every_event(rows, rule, step, activation, settle, seed):
    """Rows, labels and weights that nobody means well."""
    rng = np.random.default_rng(seed)
    more = {"tv": 0.1, "every": 2, "follow": True} if settle and activation == "spline" else {}
    spec = NetworkSpec(
        *("n", (16, 16), rule, step),
        **{"categories": False, "activation": activation, "row_norm": 1.5, "out_norm": 0.7, **more},
    )
    net = Network(spec, 3, 3, True, 1)
    net.s["learnt"][0] = 60  # norms are refreshed at 64
    for row in rows:
        weight = 10.0 ** rng.uniform(-3, 3, 1)
        drive(net, np.array([row]), rng.integers(0, 3, 1), weight)
        first, (hidden,), out = net.matrices(False)
        for w, axis, cap in ((first, 0, 1.5), (hidden, 0, 1.5), (out, 1, 0.7)):
            assert np.sqrt((w.astype(float) ** 2).sum(axis)).max() <= cap
        f = net.functions()
        assert np.abs(f.slopes()).max() <= 1.0
        product = np.prod([np.linalg.norm(w.astype(float), 2) for w in (first, hidden, out)])
        assert product <= net.held() * (1 + 1e-9)
        x = rng.normal(size=(8, 3)) * 10
        x[0] = row
        seen = slopes_at(
            *([first.astype(float), hidden.astype(float)], out.astype(float), net.s["bias"]),
            *([f.of(0, 16), f.of(16, 32)], x),
        )
        assert seen.max() <= product * (1 + 1e-9)


def test_without_a_budget_nothing_is_held():
    assert Network(NetworkSpec("n", row_norm=0.0), 3, 2, True, 1).held() == np.inf


def test_how_tight_it_is_on_a_trained_network():
    x, y = xor(6000, 3)
    loose = {}
    for hidden in ((64,), (64, 32)):
        net = Network(NetworkSpec("n", hidden, "sgd", 0.05, categories=False), 6, 2, True, 1)
        drive(net, x, y)
        c = net.certificate(x[-200:])
        loose[hidden] = c.bound / c.attacked
        assert c.bound < 0.9 * c.product and c.product <= net.held()
    assert loose[(64,)] < 3.0 and loose[(64, 32)] < 6.0


def checkpoints(model, columns, y, every):
    """Networks at every checkpoint of a run, read from what was saved."""
    for a in range(0, len(y), every):
        n = len(y[a : a + every])
        op, ticket = (
            np.tile(np.array([OBSERVE, LEARN], np.int8), n),
            model.next_ticket + np.repeat(np.arange(n), 2),
        )
        rows = {k: v[a : a + n] for k, v in columns.items()}
        model.run(Chunk(rows, op, ticket, np.repeat(y[a : a + n], 2)))
        saved = eval(repr(model), {c.__name__: c for c in (Classifier, Regressor)})
        saved.load_state_dict(*model.state_dict())
        yield saved.networks()


def above(networks):
    assert networks
    for d in networks:
        assert 0 < d["attacked"] <= d["certified"] < np.inf, d["name"]
        assert len(d["bends"]) == len(d["splines"])


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_at_every_checkpoint_of_a_run(kind):
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=900), "b": rng.normal(size=900) * 50, "c": rng.integers(0, 4, 900) * 1.0}
    y = columns["a"] * np.sign(columns["b"]) + (columns["c"] == 2)
    y[450:] *= -3  # drift
    y = (y > 0).astype(np.int64) if kind is Classifier else y
    for networks in checkpoints(kind(seed=1), columns, y, 150):
        above(networks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["electricity", "covertype_first100k", "noaa_weather", "sea_50k", "fried", "bike_sharing_hour"]
)
def test_at_every_checkpoint_of_recorded_streams(name, recorded):
    table = pq.read_table(recorded(name)).slice(0, 6000)
    columns = {c: table[c].to_numpy().astype(float) for c in table.column_names if c != "y"}
    y = table["y"].to_numpy()
    model = Regressor(seed=1) if y.dtype.kind == "f" else Classifier(seed=1)
    for networks in checkpoints(model, columns, y, 1000):
        above(networks)


@pytest.mark.parametrize("shape", [(64, 3), (3, 64), (16, 16)])
def test_a_narrowed_matrix_stretches_vectors_as_before(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    w = rng.standard_normal(shape)
    small = narrow(w)
    assert small.shape[0] <= min(shape) or small is w
    x = rng.standard_normal((shape[1], 5))
    np.testing.assert_allclose(np.linalg.norm(small @ x, axis=0), np.linalg.norm(w @ x, axis=0), rtol=1e-12)
