"""The certificate of an integer network is above everything that anybody finds, and so is what rounding adds."""

from __future__ import annotations

import numpy as np
import pytest
from edge_nets import float_network, inputs, random_modules
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.edge.bits import Bits
from streamnn.edge.certificate import LN2, certify_modules
from streamnn.edge.dequantised import dequantise
from streamnn.edge.modules import Output, run_modules
from streamnn.edge.quantiser import quantise
from streamnn.edge.spectral import balance, multiply, spectral_bound
from streamnn.errors import SpecError
from streamnn.network import Functions, certify

seeds = st.integers(0, 2**32 - 1)
NETWORKS = {
    "one hidden layer": {"hidden": (24,)},
    "two": {"hidden": (16, 8)},
    "residual": {"hidden": (12, 12), "skip": True},
    "gather and groups": {"hidden": (12, 8), "gather": True, "groups": 2},
    "categories": {"hidden": (16,), "rows": 20},
    "relu": {"hidden": (16, 8), "relu": True},
}


def made(name, seed, bits):
    rng = np.random.default_rng(seed)
    network = float_network(rng, 8, **NETWORKS[name])
    rows = NETWORKS[name].get("rows", 0)
    x, ids = inputs(rng, 400, 8, rows, 2 if rows else 0)
    fractions = np.array([5, 5, 5, 5, 5, 5, 7, 7])
    return quantise(network, x, ids, fractions, bits), fractions, x.astype(np.int64), ids, rng


def natural(modules, x, ids):
    last = modules[-1]
    return run_modules(modules, x, ids)[-1] * 2.0 ** -(last.fraction + last.after.align) * LN2


def moved(rng, x, size):
    """Inputs near others: all of them moved, or one."""
    by = rng.integers(-size, size + 1, x.shape)
    one = np.arange(x.shape[1]) == rng.integers(0, x.shape[1], (len(x), 1))
    by = np.where(rng.random((len(x), 1)) < 0.5, by, np.where(one, by, 0))
    return np.clip(x + by, -127, 127)


@pytest.mark.parametrize("bits", [Bits(), Bits(weights=4), Bits(4, 4, 4)], ids=["W8", "W4", "all 4"])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_two_events_are_further_apart(name, bits):
    modules, fractions, x, ids, rng = made(name, 1, bits)
    c = certify_modules(modules, fractions)
    assert 0 < c.bound <= c.product
    steepest = 0.0
    x, ids = np.tile(x, (5, 1)), np.tile(ids, (5, 1))
    base = natural(modules, x, ids)
    for size in (1, 4, 16, 64, 254):
        other = moved(rng, x, size)
        distance = np.sqrt((((other - x) * 2.0**-fractions) ** 2).sum(1))
        gap = np.sqrt(((natural(modules, other, ids) - base) ** 2).sum(1))
        assert (gap <= c.bound * distance + c.rounding).all()
        far = distance > 1
        if far.any():
            steepest = max(steepest, (gap[far] / distance[far]).max())
    assert steepest > 0.03 * c.bound  # it says something


@pytest.mark.parametrize("name", NETWORKS)
def test_what_rounding_adds_is_never_more(name):
    # the dequantised network, with saturation, beside the integers
    modules, fractions, x, ids, _ = made(name, 2, Bits())
    c = certify_modules(modules, fractions)
    network = dequantise(modules, fractions)
    z, post = x * 2.0**-fractions, []
    for m, layer in zip(modules, network.layers, strict=True):
        z = z if layer.gather is None else z[:, layer.gather]
        acc = z @ layer.weights + layer.bias
        if m.table is not None:  # its rounding is the same for both events
            acc = acc + (m.accumulate(x, ids) - m.accumulate(x, ids[:, :0])) * 2.0**-m.fraction
        if layer.skip >= 0:
            acc = acc + post[layer.skip]
        z = acc
        if layer.functions is not None:
            f = m.after
            z = np.clip(layer.functions.at(acc)[0], -128 * 2.0**-f.fraction, 127 * 2.0**-f.fraction)
        post.append(z)
    gap = np.sqrt(((natural(modules, x, ids) - z * LN2) ** 2).sum(1))
    assert gap.max() <= c.rounding / 2 + 1e-9
    assert gap.max() > 0.05 * c.rounding / 2


@pytest.mark.parametrize("name", NETWORKS)
def test_within_its_radius_no_other_class_comes_to_the_front(name):
    modules, fractions, x, ids, rng = made(name, 3, Bits())
    c = certify_modules(modules, fractions)
    logits = natural(modules, x, ids)
    radius = c.radius(logits)
    margins = c.margins(int((modules[-1].fraction + modules[-1].after.align)[0]), 128)
    integers = run_modules(modules, x, ids)[-1]
    two = np.sort(integers, 1)[:, -2:]
    certain = (two[:, 1] - two[:, 0])[:, None] >= margins
    steps = certain.sum(1) - 1  # of 1 / 32
    assert (np.diff(margins) >= 0).all()
    worst = (np.diff(np.sort(logits, 1)[:, -2:])[:, 0] - c.pair_rounding.max()) / c.pair_bound.max()
    assert (steps / 32 <= radius).all() and (worst <= radius).all()
    assert (steps >= np.floor(np.minimum(worst, 3.9) * 32 - 1e-6)).all()
    tried = 0
    for size in (1, 2, 4, 8, 16, 32):
        for _ in range(10):
            other = moved(rng, x, size)
            near = np.sqrt((((other - x) * 2.0**-fractions) ** 2).sum(1)) <= radius
            tried += (near & (other != x).any(1)).sum()
            assert (natural(modules, other, ids).argmax(1) == logits.argmax(1))[near].all()
    if name == "one hidden layer":
        assert tried > 100


@pytest.mark.parametrize("name", NETWORKS)
def test_no_two_outputs_differ_by_more_than_their_pair_may(name):
    modules, fractions, x, ids, rng = made(name, 6, Bits())
    c = certify_modules(modules, fractions)
    assert (c.pair_bound <= np.sqrt(2) * c.bound * (1 + 1e-6)).all() and (
        c.pair_bound == c.pair_bound.T
    ).all()
    assert (c.pair_rounding <= np.sqrt(2) * c.rounding * (1 + 1e-6)).all()
    base = natural(modules, x, ids)
    for size in (1, 8, 64):
        other = moved(rng, x, size)
        distance = np.sqrt((((other - x) * 2.0**-fractions) ** 2).sum(1))[:, None, None]
        by = natural(modules, other, ids) - base
        assert (
            np.abs(by[:, :, None] - by[:, None, :]) <= c.pair_bound * distance + c.pair_rounding + 1e-9
        ).all()


@pytest.mark.parametrize("name", ["one hidden layer", "two", "relu"])
def test_it_is_near_the_certificate_of_float_networks(name):
    modules, fractions, x, _, _ = made(name, 4, Bits())
    layers = dequantise(modules, fractions).scaled(LN2).layers
    parts = [layer.functions for layer in layers[:-1]]
    f = Functions(*(np.concatenate([getattr(p, k) for p in parts]) for k in ("start", "piece", "values")))
    other = certify(
        layers[0].weights,
        [layer.weights for layer in layers[1:-1]],
        layers[-1].weights.T,
        np.concatenate([layer.bias for layer in layers[:-1]]),
        f,
        x[:50] * 2.0**-fractions,
    )
    found = certify_modules(modules, fractions)
    assert other.attacked < found.bound < 1.15 * other.bound
    assert found.product == pytest.approx(other.product, rel=1e-3)


def test_dequantised_weights_are_near_the_float_networks():
    rng = np.random.default_rng(5)
    network = float_network(rng, 6, (8,), 2, 10)
    x, ids = inputs(rng, 300, 6, 10, 2)
    again = dequantise(quantise(network, x, ids, np.full(6, 5)), np.full(6, 5))
    for a, b in zip(network.scaled(1 / LN2).layers, again.layers, strict=True):
        assert np.abs(a.weights - b.weights).max() < 0.03
        if a.functions is not None:  # the same but for a constant a unit
            off = b.functions.values - a.functions.values
            assert np.abs(off - off.mean(1, keepdims=True)).max() < 0.03
    wanted = network.scaled(1 / LN2)(x / 32, ids)
    assert np.abs(again(x / 32, ids) - wanted).mean() < 0.05 * wanted.std()


def test_binary_activations_have_no_slope():
    with pytest.raises(SpecError, match="module 3 has binary activations"):
        certify_modules(random_modules(np.random.default_rng(0), 5), np.full(5, 5))


def test_an_output_layer_alone_rounds_nothing():
    modules, *_ = made("one hidden layer", 1, Bits())
    last = modules[-1]
    assert isinstance(last.after, Output)
    c = certify_modules((last,), np.full(len(last.weights), 5))
    assert c.rounding == 0.0 and c.bound == c.product > 0


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_the_spectral_bound_is_just_above_the_norm(seed, rows, columns):
    w = np.random.default_rng(seed).normal(size=(rows, columns)) * 10.0 ** (seed % 9 - 4)
    if seed % 3 == 0:
        w[:, 1:] = w[:, :1]
    norm = np.linalg.norm(w, 2)
    assert norm <= spectral_bound(w) <= norm * 1.001


def test_the_spectral_bound_of_nothing_is_nothing():
    assert spectral_bound(np.zeros((3, 2))) == spectral_bound(np.zeros((0, 2))) == 0.0


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_balanced_sides_have_a_smaller_product(seed):
    rng = np.random.default_rng(seed)
    below, above = rng.normal(size=(8, 5)) * rng.lognormal(size=(8, 1)), rng.normal(size=(3, 8))
    d = balance(below, above)

    def norm(w):
        return np.linalg.norm(w, 2)

    assert (d > 0).all()
    assert norm(d[:, None] * below) * norm(above / d) <= norm(below) * norm(above) * 1.0001
    assert np.allclose(multiply(above, below), above @ below)
