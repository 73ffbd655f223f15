"""The network of signs: what it computes and learns is what plain whole-number arithmetic says, and it keeps step."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bit_helpers import learn, log, run, stream
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_helpers import printed

from streamnn.bits import BitNetwork, BitSpec, pack, unpack
from streamnn.checks import MACHINES, check_scan, restored
from streamnn.errors import SchemaError, SpecError, StateError
from streamnn.types import LEARN, LOOK, OBSERVE

f4 = np.float32
SHAPES = [(64,), (70,), (130, 64), (64, 100, 70)]


def signs(w):
    return np.where(w > 0, 1, -1)


def forward(net, row):
    """Scores by numpy, in float64 but for the sums, which are exact; and the signs of every layer."""
    s, spec, layers = net.s, net.spec, []
    h, at = row.astype(np.int64), 0
    for w, size, stored in zip(net.latents(), spec.hidden, net.sizes, strict=True):
        sums = h @ signs(w)[: len(h), :size]
        u = (sums.astype(f4) - s["mean"][at : at + size]) * s["scale"][at : at + size] + s["threshold"][
            at : at + size
        ]
        h = signs(u)
        layers.append(h)
        at += stored
    return s["out"][:, : spec.hidden[-1]].astype(float) @ h + s["out_bias"], layers


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("hidden", SHAPES)
def test_predictions_are_those_of_whole_numbers(hidden, kind):
    rows, y = stream(300, kind=kind)
    net = BitNetwork(BitSpec("n", hidden), 70, 3, seed=1)
    learn(net, rows, y)
    p = run(net, np.full(20, LOOK, np.int8), np.arange(20), rows[:20], y[:20])
    for i in range(20):
        o = np.exp((v := forward(net, rows[i])[0]) - v.max())
        assert np.allclose(p[i], o / o.sum(), atol=1e-4)


@pytest.mark.parametrize("hidden", SHAPES)
def test_packed_copies_are_the_latents_signs_after_every_chunk(hidden):
    rows, y = stream(200)
    net = BitNetwork(BitSpec("n", hidden, step=0.02), 70, 3, seed=1)
    before = [unpack(pack(w), w.shape[1]) for w in net.latents()]
    flips = np.zeros(len(hidden), np.int64)
    for a in range(0, 200, 20):
        learn(net, rows[a : a + 20], y[a : a + 20])
        assert list(net.out_of_step()) == []
    for l, (was, now) in enumerate(zip(before, net.latents(), strict=True)):
        flips[l] = (was != signs(now)).sum()
    assert (net.s["flips"] >= flips).all() and flips.min() > 0
    net.s["first_bits"][3, 0] ^= np.uint64(4)
    assert list(net.out_of_step()) == ["first_bits"]


@pytest.mark.parametrize("hidden", [(70,), (130, 65)])
def test_units_beyond_those_of_the_spec_stay_zero(hidden):
    rows, y = stream(150)
    net = BitNetwork(BitSpec("n", hidden, step=0.05), 70, 3, seed=1)
    learn(net, rows, y)
    for w, (g, h) in zip(net.latents(), pairwise((70, *hidden)), strict=True):
        assert not w[g:].any() and not w[:, h:].any() and w[:g, :h].any()
    assert not net.s["out"][:, hidden[-1] :].any()
    assert not net.s["threshold"][net._alive == 0].any()


def test_one_step_is_that_of_the_recipe():
    """Hidden layer: latents move by the unit's step times the input's sign, cut at the ends of int16."""
    rows, y = stream(400)
    net = BitNetwork(BitSpec("n", (64, 64), skip_margin=0.0), 70, 3, seed=1)
    learn(net, rows[:399], y[:399])
    net.s["hidden"][:9] = 32767
    net.s["hidden_bits"][:1] |= np.uint64(511)
    _, (below, _) = forward(net, rows[399])
    before = net.latents()[1].astype(int)
    learn(net, rows[399:], y[399:])
    moved = net.latents()[1] - before
    step = moved[20] * below[20]  # of each unit; row 20 is far from the ends
    assert 0 < np.count_nonzero(step) < 64 and np.abs(before[20]).max() < 30000
    want = np.clip(before + below[:, None] * step, -(2**15), 2**15 - 1) - before
    assert np.array_equal(moved, want)
    assert list(net.out_of_step()) == []


def test_thresholds_of_the_layer_below_follow_the_gradient():
    """The chain rule in floats, straight through the signs, says which way each threshold of the first layer moves."""
    rows, y = stream(500)
    net = BitNetwork(BitSpec("n", (256, 64), skip_margin=0.0, output_step=0.0), 70, 3, seed=1)
    net.s["out"][:, :64] *= 1 + np.arange(64) % 7
    learn(net, rows[:499], y[:499])
    s, (first, second) = {k: v.copy() for k, v in net.s.items()}, net.latents()
    s["scale"][256:] = net.s["scale"][256:] = s["scale"][256:] * 4.0 ** (np.arange(64) % 3 - 2)
    o, (below, _) = forward(net, rows[499])
    g = np.exp(o - o.max()) / np.exp(o - o.max()).sum() - (np.arange(3) == y[499])
    u = np.concatenate([rows[499].astype(int) @ signs(first), below @ signs(second)])
    u = (u - s["mean"]) * s["scale"] + s["threshold"]
    d = (s["out"].T @ g) * (np.abs(u[256:]) <= 1) * s["scale"][256:]
    back = signs(second) @ d
    learn(net, rows[499:], y[499:])
    moved = net.s["threshold"][:256] - s["threshold"][:256]
    inside = np.abs(u[:256]) <= 1
    clear = inside & (np.abs(back) > 0.02 * np.abs(d).max() * np.sqrt(64))
    assert clear.sum() > 50 and np.array_equal(np.sign(moved[clear]), -np.sign(back[clear]))
    assert not moved[~inside].any()
    wrong = signs(second) @ np.where(d != 0, d / s["scale"][256:], 0)
    assert (np.sign(wrong) != np.sign(back))[clear].any()  # else the test could not tell


def test_errors_of_the_layer_below_are_sums_of_whole_numbers():
    """What the sweep gives back, beside a product of matrices; errors of both signs, some of them 0."""
    from bit_kernels import swept

    rng = np.random.default_rng(0)
    for inputs, units in ((64, 64), (128, 1024), (192, 320)):
        errors = (rng.integers(-127, 128, units) * (rng.random(units) < 0.7)).astype(np.int16)
        latents = rng.integers(-(2**15), 2**15, (inputs, units)).astype(np.int16)
        found = swept(latents, errors)
        assert np.array_equal(found, signs(latents) @ errors.astype(int))
    assert np.array_equal(
        swept(np.full((64, 1024), 5, np.int16), np.full(1024, -127, np.int16)), [-127 * 1024] * 64
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.sampled_from([np.uint8, np.int8]), st.integers(0, 2**32))
def test_first_sums_are_exact_for_every_row(inputs, kind, seed):
    """Also where all inputs are at their ends, whose sum is more than 16 bits hold."""
    rng = np.random.default_rng(seed)
    info = np.iinfo(kind)
    rows = (
        rng.choice(np.array([info.min, 0, info.max], kind), (1, inputs))
        if seed % 2
        else np.full((1, inputs), info.max, kind)
    )
    net = BitNetwork(BitSpec("n", (64,), threshold_step=0.0), inputs, 2, seed=1)
    net.s["first"][:, :9] = 1
    net.s |= net._copies(net.s)
    net.s["out"][:], net.s["out_bias"][:] = 0, 0
    net.s["out"][0, :64] = 2.0 ** -np.arange(64)
    net.s["mean"][:64] = rng.integers(-300 * inputs, 300 * inputs, 64)
    p = run(net, np.int8([OBSERVE]), np.int64([0]), rows, [0])[0]
    o = forward(net, rows[0])[0]
    assert np.allclose(np.log(p[0] / p[1]), o[0] - o[1], atol=1e-4)


@pytest.mark.parametrize("hidden", [(70,), (130, 64)])
def test_cuts_stops_and_looks_leave_no_trace(hidden):
    rows, y = stream(120)
    op, slot = log(120)

    def part(net, a, b):
        seen = slot[a:b][op[a:b] == OBSERVE]
        return run(net, op[a:b], slot[a:b], rows, y)[seen]

    def look(net):
        return run(net, np.full(9, LOOK, np.int8), np.arange(9), rows[:9], y)

    check_scan(lambda: BitNetwork(BitSpec("n", hidden, step=0.01), 70, 3, seed=1), part, len(op), look)


def test_it_learns_and_a_confident_label_is_skipped():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1500)
    rows = (rng.integers(0, 30, (1500, 70)) + 60 * (np.arange(70) % 2 == y[:, None])).astype(np.uint8)
    net = BitNetwork(BitSpec("n", (64,)), 70, 2, seed=1)
    p = learn(net, rows, y)
    assert (p[300:].argmax(1) == y[300:]).mean() > 0.98
    assert 0 < net.s["learnt"][0] < 1500
    always = BitNetwork(BitSpec("n", (64,), skip_margin=0.0), 70, 2, seed=1)
    learn(always, rows, y)
    assert always.s["learnt"][0] == 1500


def test_the_heaviest_labels_leave_finite_numbers():
    rows, y = stream(60)
    net = BitNetwork(BitSpec("n", (64, 64), step=0.1), 70, 3, seed=1)
    op, slot = np.tile(np.int8([OBSERVE, LEARN]), 60), np.repeat(np.arange(60), 2)
    weight, p = np.where(slot % 3, 1e6, 0.0).astype(f4), np.zeros((60, 1, 3), f4)
    net.scan(op, slot, y[slot].astype(f4), weight, 0, rows, np.zeros((60, 0), np.int32), p)
    assert np.isfinite(p).all() and all(np.isfinite(v).all() for v in net.s.values())
    assert list(net.out_of_step()) == []


def test_rows_that_are_read_only_and_columns_further_on():
    rows, y = stream(50)
    wide = np.hstack([np.full((50, 3), 9, np.uint8), rows])
    a, b = (BitNetwork(BitSpec("n", (64,)), 70, 3, seed=1) for _ in range(2))
    p = learn(a, np.frombuffer(rows.tobytes(), np.uint8).reshape(50, 70), y)
    q = np.zeros((50, 1, 3), f4)
    op, slot = np.tile(np.int8([OBSERVE, LEARN]), 50), np.repeat(np.arange(50), 2)
    b.scan(op, slot, y[slot].astype(f4), np.ones(100, f4), 3, wide, np.zeros((50, 0), np.int32), q)
    assert np.array_equal(p, q[:, 0])


def test_a_damaged_or_foreign_state_is_refused():
    net = BitNetwork(BitSpec("n", (64, 64)), 8, 2, seed=1)
    arrays = net.state_dict()
    assert (
        restored(lambda: BitNetwork(BitSpec("n", (64, 64)), 8, 2, seed=2), net).state_dict().keys()
        == arrays.keys()
    )
    arrays["bits/n/hidden"][5] *= -1
    other = BitNetwork(BitSpec("n", (64, 64)), 8, 2, seed=2)
    was = other.state_dict()
    with pytest.raises(StateError, match="'hidden_bits' is not the signs of the latent weights"):
        other.load_state_dict(arrays)
    assert all(np.array_equal(v, was[k]) for k, v in other.state_dict().items())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rows": np.zeros((4, 70), f4)}, "rows are float32"),
        ({"rows": np.zeros((4, 60), np.uint8)}, "rows have 60 columns, 70 are read from column 0 on"),
        ({"target": f4([0, 3, 0, 0])}, r"label 3\.0 is no class number below 3"),
        ({"target": f4([0, np.nan, 0, 0])}, "label nan"),
        ({"weight": f4([1, np.inf, 1, 1])}, "weight inf of a label"),
        ({"weight": f4([1, -1, 1, 1])}, r"weight -1\.0 of a label"),
        ({"start": -1}, "read from column -1 on"),
    ],
)
def test_what_it_cannot_read_is_refused(change, says):
    net = BitNetwork(BitSpec("n", (64,)), 70, 3, seed=1)
    given = {
        "op": np.int8([0, 1, 0, 1]), "slot": np.int64([0, 0, 1, 1]), "target": np.zeros(4, f4),
        "weight": np.ones(4, f4), "start": 0, "rows": np.zeros((4, 70), np.uint8),
        "ids": np.zeros((4, 0), np.int32), "p": np.zeros((4, 1, 3), f4),
    }  # fmt: skip
    with pytest.raises(SchemaError, match=says):
        net.scan(**(given | change))


@pytest.mark.parametrize(
    "wrong", [{"hidden": (0,)}, {"step": -1.0}, {"beta": 1.0}, {"rate": 0.0}, {"window": 0.0}]
)
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(SpecError, match=f"network n: {next(iter(wrong))} is"):
        BitSpec("n", **wrong)
    with pytest.raises(SchemaError, match="two classes are the least"):
        BitNetwork(BitSpec("n"), 3, 1, seed=1)


_RUN = """
import sys
sys.path.insert(0, {folder!r})
from bit_helpers import learn, stream
from streamnn.bits import BitNetwork, BitSpec
from streamnn.checks import digest
for hidden in ((70,), (130, 65)):
    rows, y = stream({n})
    net = BitNetwork(BitSpec("n", hidden, step=0.01), 70, 3, seed=1)
    learn(net, rows, y)
    print(digest(net))
"""


def hashes(n, **env):
    code = _RUN.format(folder=str(Path(__file__).parent), n=n)
    return printed(code, **env)


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_same_bits_on_another_machine(machine):
    assert hashes(400, **MACHINES[machine]) == hashes(400)


@pytest.mark.slow
def test_same_bits_where_python_runs_the_kernels():
    assert hashes(6, NUMBA_DISABLE_JIT="1") == hashes(6)
    assert hashes(6, STREAMNN_DEBUG="1") == hashes(6)
