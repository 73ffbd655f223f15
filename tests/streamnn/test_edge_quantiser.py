"""The joint quantiser: its integers are those of the simulation bit for bit, and stand for the float network."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from edge_nets import float_network, inputs, random_modules
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_helpers import printed

from streamnn.checks import MACHINES
from streamnn.edge import Module, Output, Spline
from streamnn.edge.bits import Bits
from streamnn.edge.certificate import LN2
from streamnn.edge.dequantised import dequantise
from streamnn.edge.feedback import round_with_feedback, second_moments
from streamnn.edge.float_network import FloatNetwork
from streamnn.edge.fractions import largest_fraction, to_integers
from streamnn.edge.modules import run_modules
from streamnn.edge.quantiser import quantise
from streamnn.errors import LimitError, SpecError
from streamnn.network.functions import Functions

seeds = st.integers(0, 2**32 - 1)


def simulated(modules: tuple[Module, ...], x: np.ndarray, ids: np.ndarray) -> list[np.ndarray]:
    """The modules in double precision carrying integers: scaling and flooring instead of shifts."""

    def rounded(v, shift):
        return np.floor(v * 2.0 ** -np.asarray(shift, float) + 0.5)

    out: list[np.ndarray] = []
    z = x.astype(float)
    for m in modules:
        z = z if m.gather is None else z[:, m.gather]
        acc = np.zeros((len(z), m.units))
        for i in range(len(m.weights)):
            acc = acc + z[:, i : i + 1] * m.weights[i].astype(float)
        acc = acc + m.bias
        if m.table is not None:
            rows = np.vstack([m.table, np.zeros(m.units, int)]).astype(float)  # row -1 is none
            acc = acc + rounded(rows[ids].sum(1), m.table_shift)
        if m.skip >= 0:
            acc = acc + rounded(out[m.skip], m.skip_shift)
        if isinstance(m.after, Output):
            z = acc * 2.0**m.after.align
        elif isinstance(m.after, Spline):
            f = m.after
            piece = 2.0 ** (m.fraction - f.spacing)
            u = acc + f.reach * 2.0**m.fraction
            i = np.clip(np.floor(u / piece), 0, f.knots.shape[1] - 2)
            low = np.take_along_axis(f.knots.T.astype(float), i.astype(int), 0)
            high = np.take_along_axis(f.knots.T.astype(float), i.astype(int) + 1, 0)
            value = low * piece + (u - i * piece) * (high - low)
            shift = np.log2(piece) + f.knot_fraction - f.fraction
            z = np.clip(rounded(value, shift), -(2.0 ** (f.bits - 1)), 2.0 ** (f.bits - 1) - 1)
        else:
            z = np.where(acc > m.after.above, 1.0, -1.0)
        out.append(z)
    return out


@settings(max_examples=60, deadline=None)
@given(seeds, st.booleans())
def test_integers_are_those_of_the_simulation(seed, with_table):
    rng = np.random.default_rng(seed)
    rows, tables = (12, 3) if with_table else (0, 0)
    modules = random_modules(rng, 5, rows)
    x, ids = inputs(rng, 64, 5, rows, tables)
    x[:4] = [[127], [-127], [0], [1]]
    found, wanted = run_modules(modules, x.astype(np.int64), ids), simulated(modules, x, ids)
    for a, b in zip(found, wanted, strict=True):
        assert (a == b).all()


def test_the_random_modules_have_what_is_to_be_tested():
    draws = [random_modules(np.random.default_rng(s), 5, 12) for s in range(40)]
    skips = np.concatenate([m[2].skip_shift for m in draws])
    tables = np.concatenate([m[0].table_shift for m in draws])
    x, ids = inputs(np.random.default_rng(0), 64, 5, 12, 3)
    shift, full = [], []
    for m in draws:
        f = m[2].after
        shift += (m[2].fraction - f.spacing + f.knot_fraction - f.fraction).tolist()
        full.append((np.abs(run_modules(m, x.astype(np.int64), ids)[0] + 0.5) == 127.5).mean())
    assert min(shift) < 0 < max(shift)  # of the rounding at the end of a module
    assert (skips < 0).any() and (skips > 0).any() and (skips == 0).any()  # N_s below, above and at N_x + N_w
    assert (tables < 0).any() and (tables > 0).any()
    assert 0.01 < np.mean(full) < 0.9  # saturated


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from([3, 4, 5, 6, 8]), st.booleans(), st.booleans())
def test_what_the_quantiser_makes_is_what_is_simulated(seed, bits, skip, relu):
    rng = np.random.default_rng(seed)
    network = float_network(
        rng, 6, (8, 8), 3, 12, skip=skip, groups=1 if skip else 2, gather=not skip, relu=relu
    )
    x, ids = inputs(rng, 96, 6, 12, 2)
    modules = quantise(network, x, ids, np.full(6, 5), Bits(weights=bits))
    for a, b in zip(run_modules(modules, x.astype(np.int64), ids), simulated(modules, x, ids), strict=True):
        assert (a == b).all()


def natural(modules, x, ids, unit=LN2):
    last = modules[-1]
    return (
        run_modules(modules, x.astype(np.int64), ids)[-1] * 2.0 ** -(last.fraction + last.after.align) * unit
    )


def error(network, modules, x, ids, fractions=5, unit=LN2):
    wanted = network(x * 2.0 ** -np.asarray(fractions, float), ids)
    return np.sqrt(((natural(modules, x, ids, unit) - wanted) ** 2).mean()) / wanted.std()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "shape",
    [
        {"hidden": (32,), "rows": 40, "tables": 2},
        {"hidden": (16, 16), "skip": True},
        {"hidden": (16, 16), "groups": 4, "gather": True},
        {"hidden": (24,), "relu": True},
        {"hidden": ()},
    ],
    ids=lambda s: "-".join(map(str, s)),
)
def test_integers_stand_for_the_float_network(shape, seed):
    rng = np.random.default_rng(seed)
    tables, rows = shape.get("tables", 0), shape.get("rows", 0)
    network = float_network(rng, 12, **{k: v for k, v in shape.items() if k != "tables"})
    x, ids = inputs(rng, 600, 12, rows, tables)
    new, new_ids = inputs(rng, 600, 12, rows, tables)
    found = {b: quantise(network, x, ids, np.full(12, 5), Bits(weights=b)) for b in (8, 6, 4, 3)}
    errors = {b: error(network, m, new, new_ids) for b, m in found.items()}
    assert errors[8] < 0.08
    assert errors[8] < errors[6] < errors[4] < errors[3] < 0.9
    assert [m.weight_bits for m in found[4]] == [4] * len(network.layers)
    for bits, modules in found.items():
        for m in modules:
            assert -(1 << (bits - 1)) <= m.weights.min() and m.weights.max() < 1 << (bits - 1)


@pytest.mark.parametrize("bits", [8, 4, 3])
def test_the_search_is_no_worse_than_largest_range_and_often_better(bits):
    better = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        network = float_network(rng, 10, (16,), 3)
        network = FloatNetwork(
            (replace(network.layers[0], weights=network.layers[0].weights ** 3), network.layers[1])
        )
        x, ids = inputs(rng, 400, 10)
        first = network.run(x / 32, ids)[1][0]
        errors = []
        for search in (0, 2):
            m = quantise(
                network, x, ids, np.full(10, 5), Bits(bits, bits, bits, feedback=False, search=search)
            )
            z = m[0](x.astype(np.int64), ids) * 2.0 ** -m[0].after.fraction
            errors.append((z - first).var(0).sum())  # the next bias takes up what is constant
        assert errors[1] <= errors[0] * (1 + 1e-9)
        better.append(errors[1] < 0.95 * errors[0])
    assert any(better) or bits == 8


def test_what_is_never_negative_uses_all_integers():
    # ReLU's outputs lie around 0, and the next bias takes that up
    rng = np.random.default_rng(2)
    network = float_network(rng, 12, (24, 24), relu=True)
    relu = Functions.two_slopes(np.zeros(24))
    network = FloatNetwork(
        (*(replace(layer, functions=relu) for layer in network.layers[:2]), network.layers[2])
    )
    x, ids = inputs(rng, 400, 12)
    modules = quantise(network, x, ids, np.full(12, 5), Bits(4, 4))
    first = modules[0](x.astype(np.int64), ids)
    assert first.min() <= -7 and first.max() >= 6
    assert error(network, modules, x, ids) < 0.3


def test_a_module_rounds_once_at_its_end():
    # with exact fractions from its inputs to before its end
    rng = np.random.default_rng(4)
    network = float_network(rng, 6, (8,), 2)
    x, ids = inputs(rng, 50, 6)
    m = quantise(network, x, ids, np.full(6, 5))[0]
    exact = dequantise((m,), np.full(6, 5)).layers[0]
    z = m(x.astype(np.int64), ids)
    for t in range(len(x)):
        for j in range(m.units):
            a = Fraction(float(exact.bias[j]))
            for i in range(6):
                a += Fraction(int(x[t, i]), 32) * Fraction(float(exact.weights[i, j]))
            f = exact.functions
            u = (a - Fraction(float(f.start[j]))) / Fraction(float(f.piece[j]))
            k = min(max(floor(u), 0), f.values.shape[1] - 2)
            low, high = Fraction(float(f.values[j, k])), Fraction(float(f.values[j, k + 1]))
            value = floor((low + (u - k) * (high - low)) * Fraction(2) ** m.after.fraction + Fraction(1, 2))
            assert z[t, j] == min(max(value, -128), 127)


def test_inputs_with_other_fraction_bits_are_the_same_numbers():
    rng = np.random.default_rng(5)
    network = float_network(rng, 6, (8,), 2)
    x, ids = inputs(rng, 300, 6)
    finer = np.array([5, 5, 5, 7, 7, 7])
    assert error(network, quantise(network, x, ids, finer), x, ids, finer) < 0.06
    scaled = replace(network.layers[0], weights=network.layers[0].weights * 2.0 ** (5.0 - finer)[:, None])
    same = quantise(FloatNetwork((scaled, network.layers[1])), x, ids, np.full(6, 5))
    for a, b in zip(quantise(network, x, ids, finer), same, strict=True):
        assert (
            (a.weights == b.weights).all() and (a.bias == b.bias).all() and (a.fraction == b.fraction).all()
        )


def test_numbers_are_given_as_they_are_and_classes_to_the_base_two():
    rng = np.random.default_rng(6)
    network = float_network(rng, 6, (8,), 2)
    x, ids = inputs(rng, 300, 6)
    assert error(network, quantise(network, x, ids, np.full(6, 5), classify=False), x, ids, unit=1.0) < 0.06


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_the_slope_is_kept_where_it_is_asked_for(bits):
    rng = np.random.default_rng(7)
    network = float_network(rng, 6, (16,), 2)
    steep = Functions(np.full(16, -4.0), np.full(16, 0.5), np.tile(np.linspace(-3.6, 3.6, 17), (16, 1)))
    network = FloatNetwork((replace(network.layers[0], functions=steep), network.layers[1]))
    x, ids = inputs(rng, 300, 6)

    def steepest(slope):
        m = quantise(network, x, ids, np.full(6, 5), Bits(weights=4, knots=bits), slope=slope)
        return np.abs(dequantise(m, np.full(6, 5)).layers[0].functions.slopes()).max()

    assert steepest(1.0) <= 1.0
    assert bits > 3 or steepest(0.0) > 1.0


def test_feedback_makes_up_for_rounding():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 12)) * 20 + rng.normal(size=(500, 12)) * 4
    x = np.clip(np.rint(x), -127, 127).astype(np.int64)
    ids = rng.integers(0, 6, (500, 1)).astype(np.int32)
    used = np.arange(6)
    moments = second_moments(x, ids, used, 5)
    hot = np.concatenate([x / 32, np.eye(6)[ids[:, 0]]], 1)
    centred = hot - hot.mean(0)
    wanted = centred.T @ centred / len(x)
    wanted[np.diag_indices(18)] = moments.diagonal()
    assert np.allclose(np.triu(moments), np.triu(wanted))
    assert np.all(moments.diagonal() > (centred**2).mean(0))
    w = rng.normal(size=(18, 40))
    fraction = largest_fraction(np.abs(w).max(0), 3)
    alone = to_integers(w, fraction, 3)
    q = round_with_feedback(moments, w, np.repeat(fraction[None], 18, 0), np.full(18, 3))
    assert q.min() >= -4 and q.max() <= 3
    lost = [((centred @ (w - v * 2.0**-fraction)) ** 2).mean() for v in (alone, q)]
    assert lost[1] < 0.6 * lost[0]


def test_rounding_with_feedback_is_the_nearest_plane():
    # by brute force on two inputs: no other choice of the second is better once the first is rounded
    moments = np.array([[1.0, 0.8], [0.8, 2.0]])
    w = np.random.default_rng(9).normal(size=(2, 50)) * 2
    q = round_with_feedback(moments, w, np.zeros((2, 50), np.int64), np.array([7, 7]))
    assert (q[1] == np.floor(w[1] + 0.5)).all()  # the one with the larger moment goes first

    def cost(first):
        d = w - np.stack([first, q[1]])
        return (d * (moments @ d)).sum(0)

    for other in range(-8, 8):
        assert (cost(q[0]) <= cost(np.full(50, other)) + 1e-12).all()


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        (Functions(np.full(8, -4.0), np.full(8, 0.4), np.zeros((8, 21))), "knots = 17 and range = 4"),
        (Functions(np.full(8, -4.25), np.full(8, 0.5), np.zeros((8, 17))), "knots = 17 and range = 4"),
        (Functions(np.linspace(-4, -3, 8), np.full(8, 0.5), np.zeros((8, 17))), "follow = False"),
    ],
)
def test_a_grid_that_no_shift_finds_is_refused(functions, said):
    rng = np.random.default_rng(0)
    network = float_network(rng, 4, (8,), 2)
    network = FloatNetwork((replace(network.layers[0], functions=functions), network.layers[1]))
    with pytest.raises(SpecError, match=said):
        quantise(network, *inputs(rng, 10, 4), np.full(4, 5))


def test_an_empty_reservoir_is_refused():
    with pytest.raises(SpecError, match="no rows"):
        quantise(
            float_network(np.random.default_rng(0), 4), *inputs(np.random.default_rng(0), 0, 4), np.full(4, 5)
        )


def test_a_reservoir_that_does_not_fit_is_refused():
    rng = np.random.default_rng(0)
    network = float_network(rng, 4)
    x, ids = inputs(rng, 10, 4)
    with pytest.raises(SpecError, match="reads 4 inputs, the reservoir has 3"):
        quantise(network, x[:, :3], ids, np.full(3, 5))
    with pytest.raises(SpecError, match="fraction bits for 5"):
        quantise(network, x, ids, np.full(5, 5))
    with pytest.raises(SpecError, match="an input is 300 in size"):
        quantise(network, np.where(x > 0, 300, x), ids, np.full(4, 5))


def test_weights_without_bounds_are_refused():
    rng = np.random.default_rng(0)
    network = float_network(rng, 4, (8,), 2)
    wild = FloatNetwork((replace(network.layers[0], bias=network.layers[0].bias + 1e9), network.layers[1]))
    with pytest.raises(LimitError, match=r"layer 0: sums of unit \d do not fit 32 bits"):
        quantise(wild, *inputs(rng, 10, 4), np.full(4, 5))


@given(st.floats(1e-6, 1e6), st.integers(3, 8))
def test_most_fraction_bits_clip_nothing(top, bits):
    n = int(largest_fraction(np.array(top), bits))
    most = 2 ** (bits - 1) - 1
    assert Fraction(top) * Fraction(2) ** n <= most
    assert n == 20 or Fraction(top) * Fraction(2) ** (n + 1) > most


_RUN = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
from edge_nets import float_network, inputs
from streamnn.checks import digest
from streamnn.edge.bits import Bits
from streamnn.edge.certificate import LN2
from streamnn.edge.certificate import certify_modules
from streamnn.edge.density import fit_surprise
from streamnn.edge.quantiser import quantise
rng = np.random.default_rng(0)
network = float_network(rng, 12, (16, 8), 3, 20)
x, ids = inputs(rng, 700, 12, 20, 2)
for bits in (8, 4):
    modules = quantise(network, x, ids, np.full(12, 5), Bits(weights=bits))
    z = modules[0](x.astype(np.int64), ids)
    print(*[m.weights.tobytes().hex() + m.bias.tobytes().hex() + m.fraction.tobytes().hex() for m in modules], sep="")
    print(certify_modules(modules, np.full(12, 5)))
    density = fit_surprise(z, rng.integers(0, 3, 700), 3)
    print(density.shift.tobytes().hex(), density.constant, density.threshold)
"""


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_same_bits_on_another_machine(machine):
    code = _RUN.format(folder=str(Path(__file__).parent))
    assert printed(code) == printed(code, **MACHINES[machine])
