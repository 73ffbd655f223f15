"""Folded networks say what the network says: every hidden unit, and outputs as far as eight bits go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamnn.edge.agreement as agreement
from streamnn.binary import BinaryNetwork, BinarySpec
from streamnn.edge.folding import fold
from streamnn.edge.modules import Output, Threshold, run_modules
from streamnn.errors import SpecError
from streamnn.types import LEARN, OBSERVE

f4 = np.float32


def learnt(spec: BinarySpec, fractions: np.ndarray, events: int, seed: int, classes: int = 3):
    """A network that learnt integer rows, with category rows, and those rows."""
    rng = np.random.default_rng(seed)
    d = len(fractions)
    x = np.clip(np.rint(rng.standard_normal((events, d)) * 2.0**fractions), -127, 127).astype(np.int32)
    x[rng.random(x.shape) < 0.2] = 0
    ids = np.sort(rng.integers(-1, 5, (events, 2)), 1)[:, ::-1].astype(np.int32)
    rows = (x * 2.0**-fractions).astype(f4)
    y = (rows[:, 0] > 0).astype(int) + (rows[:, 1] + 0.5 * ids[:, 0] > 0.5) * (classes > 2)
    net = BinaryNetwork(spec, d, classes, classes > 1, seed)
    net.grow(np.arange(d), d, classes, 5)
    p = np.zeros((events, len(spec.members), classes), f4)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), events), np.repeat(np.arange(events), 2)
    target = np.repeat(y if classes > 1 else rows[:, 0], 2).astype(f4)
    net.scan(op, slot, target, np.ones(2 * events, f4), 0, rows, ids, p)
    return net, x, ids, rows


def signs_of(net: BinaryNetwork, rows: np.ndarray, ids: np.ndarray, mean: bool) -> list[np.ndarray]:
    """Hidden units and probabilities of the network, from the kernel."""
    n, plain = len(rows), net.at(mean)
    z, p = np.zeros((n, sum(net.sizes)), f4), np.zeros((n, 1, len(net.s["out"])), f4)
    plain.scan(np.zeros(n, np.int8), np.arange(n), np.zeros(n, f4), np.ones(n, f4), 0, rows, ids, p, z)
    ends = np.cumsum((0, *net.sizes))
    return [z[:, a : a + h] for a, h in zip(ends, net.spec.hidden, strict=False)] + [p[:, 0]]


@given(
    st.sampled_from(["ternary", "binary"]),
    st.sampled_from([(16,), (20, 7), (32, 16, 16)]),
    st.sampled_from(["shift", "running", "online"]),
    st.booleans(),
    st.lists(st.sampled_from([5, 7]), min_size=2, max_size=6),
    st.integers(1, 400),
    st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_hidden_units_are_the_networks_to_the_bit(
    first, hidden, normalisation, mean, fractions, events, seed
):
    spec = BinarySpec("b", hidden, first, normalisation=normalisation, average=30, start=0.3, delta=0.15)
    f = np.array(fractions)
    net, x, ids, rows = learnt(spec, f, events, seed)
    modules = fold(net, x, ids, f, mean=mean)
    through, want = run_modules(modules, x.astype(np.int64), ids), signs_of(net, rows, ids, mean)
    for got, z in zip(through[:-1], want[:-1], strict=True):
        assert np.array_equal(got, z)
    assert all(isinstance(m.after, Threshold) for m in modules[:-1]) and isinstance(modules[-1].after, Output)
    last = modules[-1]
    logits = through[-1] * 2.0 ** -(last.fraction + last.after.align)
    assert np.abs(modules[-1].weights).max() <= 127
    ratio = np.log2(np.maximum(want[-1], 1e-30)) - np.log2(want[-1].max(1, keepdims=True))
    reach = (hidden[-1] + 1) * 2.0 ** -last.fraction.min() + 0.01
    best = want[-1].argmax(1)[:, None]
    assert np.abs(logits - np.take_along_axis(logits, best, 1) - ratio).max() <= reach


@pytest.mark.parametrize("hidden", [(64,), (64, 32)])
@pytest.mark.parametrize("weights", ["binary", "real"])
def test_eight_bits_for_a_real_first_layer_change_few_units(hidden, weights):
    f = np.array([5] * 6 + [7] * 2)
    net, x, ids, rows = learnt(BinarySpec("b", hidden, weights=weights), f, 3000, 1)
    modules = fold(net, x, ids, f)
    through, want = run_modules(modules, x.astype(np.int64), ids), signs_of(net, rows, ids, True)
    assert (through[0] != want[0]).mean() < 0.01
    assert (through[-1].argmax(1) == want[-1].argmax(1)).mean() > 0.98
    assert modules[0].weight_bits == 8 and (np.abs(modules[0].weights).max(0) == 127).all()
    assert np.abs(modules[0].table).max() <= 127
    if len(hidden) > 1:
        assert modules[1].weight_bits == (8 if weights == "real" else 1)


def test_weights_of_coarser_inputs_are_shifted():
    f = np.array([5, 7, 5])
    net, x, ids, _ = learnt(BinarySpec("b", (16,), "binary"), f, 50, 1)
    first = fold(net, x, ids, f)[0]
    assert np.unique(np.abs(first.weights), axis=1).ravel().tolist() == [4, 1, 4]
    assert (
        first.weight_bits == 4 and set(np.unique(first.table)) <= {-1, 1} and (first.table_shift == -7).all()
    )


def test_a_number_is_folded_in_its_own_units():
    f = np.full(4, 5)
    net, x, ids, rows = learnt(BinarySpec("b", (64,)), f, 3000, 2, classes=1)
    modules = fold(net, x, ids, f, classify=False)
    last = modules[-1]
    got = run_modules(modules, x.astype(np.int64), ids)[-1] * 2.0 ** -(last.fraction + last.after.align)
    assert np.abs(got - signs_of(net, rows, ids, True)[-1]).mean() < 0.05


def test_binary_layers_take_a_thirtieth_of_the_bytes():
    f = np.full(96, 5)
    net, x, ids, _ = learnt(BinarySpec("b", (256, 256), "binary", categories=False), f, 3, 1)
    modules = fold(net, x, ids[:, :0], f)
    for module, floats in zip(modules[:-1], (net.s["first"], net.s["hidden"]), strict=True):
        packed = np.packbits(module.weights > 0, axis=0)  # 64 weights to a word
        assert module.weight_bits == 1 and floats.nbytes / packed.nbytes >= 30.0
        assert np.abs(module.after.above).max() < 2**15


def test_rows_of_other_fractions_are_found_out():
    f = np.full(4, 5)
    net, x, ids, _ = learnt(BinarySpec("b", (64,), "ternary"), f, 2000, 3)
    with pytest.raises(SpecError, match="fold b: the reservoir has no rows"):
        fold(net, x[:0], ids[:0], f)
    broken = agreement.Agreement(net.at(True), x, ids, f, True)
    module = fold(net, x, ids, f)[0]
    moved = replace(module, after=Threshold(module.after.above + 8))
    sums = _no_rounding(module)
    with pytest.raises(SpecError, match=r"fold b: unit \d+ of layer 0 is -1 in row \d+ and 1 in the network"):
        broken.hidden(0, moved, sums, x.astype(np.int64))
    broken = agreement.Agreement(net.at(True), x, ids, f, True)
    z = broken.hidden(0, module, sums, x.astype(np.int64))
    last = fold(net, x, ids, f)[-1]
    with pytest.raises(SpecError, match=r"fold b: output \d is .* in the network"):
        broken.outputs(replace(last, bias=last.bias + np.array([0, 0, 4000])), z)


def _no_rounding(module):
    from streamnn.edge.sign_layers import Sums

    return Sums(module.weights, 2, module.fraction, module.table, module.table_shift, np.ones(module.units))
