"""One step of a binarised network against the same written anew, number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn._kernels.jit import kernel
from streamnn._kernels.lane_bits import nearest_power, power_of_two
from streamnn._kernels.lanes import LANES, load, store
from streamnn.binary import BinaryNetwork, BinarySpec
from streamnn.errors import SpecError
from streamnn.types import LEARN, OBSERVE

f4 = np.float32
NO_IDS = np.full((1, 1), -1, np.int32)


def network(**options) -> BinaryNetwork:
    """Two inputs, three units, two classes, nothing averaged, every label learnt."""
    plain = {"hidden": (3,), "categories": False, "average": 0, "skip_margin": 0.0}
    options = {**plain, "estimator": "window", "threshold_step": 0.003, **options}
    return BinaryNetwork(BinarySpec("b", **options), 2, 2, True, 1)


def learn(net: BinaryNetwork, x: list[float], label: int, times: int = 1) -> None:
    row, p = np.array([x], f4), np.zeros((1, len(net.spec.members), len(net.s["out"])), f4)
    op, slot = np.full(times, LEARN, np.int8), np.zeros(times, np.int64)
    net.scan(op, slot, np.full(times, label, f4), np.ones(times, f4), 0, row, NO_IDS, p)


def units(net: BinaryNetwork, x: list[float], op: int = OBSERVE) -> tuple[np.ndarray, np.ndarray]:
    """Signs and probabilities of an event, which is not learnt."""
    row, p, z = np.array([x], f4), np.zeros((1, 1, 2), f4), np.zeros((1, sum(net.sizes)), f4)
    net.scan(np.full(1, op, np.int8), np.zeros(1, int), np.zeros(1, f4), np.ones(1, f4), 0, row, NO_IDS, p, z)
    return z[0], p[0, 0]


def put(net: BinaryNetwork, first: list[list[float]], out: list[list[float]]) -> None:
    net.s["first"][:, :3], net.s["out"][:, :3] = first, out


@kernel
def _powers(a, b):
    for j in range(0, len(a), LANES):
        store(b, j, power_of_two(load(a, j)))


@given(
    st.lists(
        st.floats(-(2.0**60), 2.0**60, width=32).filter(lambda v: v == 0 or abs(v) > 2.0**-60), min_size=1
    )
)
@settings(deadline=None)
def test_ap2_is_the_nearest_power_by_logarithm(values):
    v = np.array(values, f4)
    want = [0.0 if x == 0 else np.sign(x) * 2.0 ** np.floor(np.log2(abs(x)) + 0.5) for x in v.astype(float)]
    got = nearest_power(v)
    at_edge = np.array([x != 0 and abs(np.log2(abs(x)) % 1 - 0.5) < 1e-6 for x in v.astype(float)])
    assert np.array_equal(got[~at_edge], np.array(want, f4)[~at_edge])
    padded = np.zeros(-(-len(v) // LANES) * LANES, f4)
    padded[: len(v)] = v
    lanes = np.zeros_like(padded)
    _powers(padded, lanes)
    assert np.array_equal(lanes[: len(v)], got)


@pytest.mark.parametrize(
    ("v", "power"), [(1.0, 1.0), (1.4, 1.0), (1.5, 2.0), (-3.0, -4.0), (0.3, 0.25), (0.0, 0.0)]
)
def test_ap2_by_hand(v, power):
    assert nearest_power(np.array([v], f4))[0] == f4(power)


def test_forward_by_hand():
    # sums: 2*1 - 1*1 = 1, 2 + 1 = 3, -2 + 1 = -1; location 1, variance 4: factor AP2(1/2) = 1/2
    net = network(first="binary")
    put(net, [[0.5, 0.1, -0.2], [-0.1, 0.3, 0.9]], [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    net.s["location"][:3], net.s["variance"][:3], net.s["bias"][:3] = 1.0, 4.0, [0.25, -1.5, 0.5]
    z, p = units(net, [2.0, 1.0])  # normalised: 0.25, -0.5, -0.5
    assert z[:3].tolist() == [1.0, -1.0, -1.0] and not z[3:].any()
    assert p[0] == pytest.approx(1.0 / (1.0 + np.exp(0.4)), abs=1e-6)  # 0.1 - 0.2 - 0.3


def test_ternary_latents_within_delta_do_not_count():
    net = network(first="ternary", delta=0.2)
    put(net, [[0.5, 0.1, -0.2], [-0.1, 0.3, -0.9]], [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    net.s["variance"][:3] = 1.0
    z, _ = units(net, [2.0, 1.0])  # sums: 2, 1, -1
    assert z[:3].tolist() == [1.0, 1.0, -1.0]
    put(net, [[0.2, -0.2, 0.1], [0.0, 0.0, 0.0]], [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    net.s["bias"][:3] = 1e-3
    assert units(net, [5.0, -5.0])[0][:3].tolist() == [
        1.0,
        1.0,
        1.0,
    ]  # nothing came in: the threshold decides


def stepped(
    net: BinaryNetwork, x: np.ndarray, label: int, rule: str, estimator: str
) -> dict[str, np.ndarray]:
    """One step in double precision: straight through, clipped; what the first layer, thresholds, output become."""
    s = {k: v.astype(float) for k, v in net.s.items()}
    w, V = s["first"][:, :3], s["out"][:, :3]
    sums = x @ np.where(w > 0, 1.0, -1.0)
    factor = 2.0 ** np.round(np.log2(1 / np.sqrt(s["variance"][:3] + 1e-4)))
    u = (sums - s["location"][:3]) * factor + s["bias"][:3]
    h = np.where(u > 0, 1.0, -1.0)
    o = np.exp(V @ h + s["out_bias"])
    g = o / o.sum() - np.eye(2)[label]
    slope = np.abs(u) <= 1.0 if estimator == "window" else np.maximum(2.0 - 2.0 * np.abs(u), 0.0)
    du = (g @ V) * slope
    dw = np.outer(x, du * factor)
    root = 1.0 / np.sqrt(1e-3)  # of a mean square that starts at 0: each gradient divided by its own size
    if rule == "sgd":
        step = 0.5 * dw
    elif rule == "adamax":  # the bias of the first mean, 1/8, is corrected; the rounded size divides
        step = np.where(
            dw != 0,
            2.0**-10
            / 0.125
            * 0.125
            * dw
            / np.where(dw == 0, 1, 2.0 ** np.round(np.log2(np.abs(dw) + 1e-300))),
            0,
        )
    else:
        step = 0.001 * np.sign(dw) * root
    return {
        "first": np.clip(w - step, -1, 1), "bias": s["bias"][:3] - 0.003 * np.sign(du) * root,
        "out": V - 0.12 / 3 * np.sign(g)[:, None] * root * h, "location": s["location"][:3] + 0.5 * (sums - s["location"][:3]),
        "variance": s["variance"][:3] + 0.5 * (0.5 * (sums - s["location"][:3]) ** 2 - s["variance"][:3]),
    }  # fmt: skip


@pytest.mark.parametrize("estimator", ["window", "triangle"])
@pytest.mark.parametrize("rule", ["rms", "sgd", "adamax"])
def test_a_step_goes_straight_through_the_signs(rule, estimator):
    net = network(
        first="binary",
        rule=rule,
        step={"rms": 0.001, "sgd": 0.5, "adamax": 2.0**-10}[rule],
        estimator=estimator,
    )
    put(net, [[0.5, 0.999, -0.2], [-0.1, 0.01, 0.9]], [[0.1, 0.2, 0.3], [-0.2, 0.1, 0.4]])
    net.s["location"][:3], net.s["variance"][:3] = (
        [0.5, 0.5, 0.0],
        [16.0, 16.0, 0.01],
    )  # the third is beyond the window
    x = np.array([1.5, -0.5])
    want = stepped(net, x, 1, rule, estimator)
    still = net.s["first"][:, 2].copy()
    learn(net, x.tolist(), 1)
    s = net.s
    for name, got in {**{n: s[n][:3] for n in ("bias", "location", "variance")}, "first": s["first"][:, :3], "out": s["out"][:, :3]}.items():  # fmt: skip
        # the fast inverse root is within 3.5 per cent, of a step
        assert np.abs(got - want[name]).max() < 0.004, name
    assert np.array_equal(s["first"][:, 2], still)
    assert np.abs(s["first"][:, :2] - [[0.5, 0.999], [-0.1, 0.01]]).max() > 1e-4


def test_latents_stay_within_their_limit():
    net = network(first="binary", step=0.5, clip=0.75)
    for i in range(30):
        learn(net, [1.0, -2.0], i % 2)
    assert np.abs(net.s["first"]).max() == f4(0.75) and net.stuck > 0.0


def test_bop_flips_where_the_mean_gradient_says_so():
    net = network(first="binary", rule="bop", bop_rate=1.0, bop_threshold=0.0)
    put(net, [[0.5, 0.4, 0.3], [-0.1, 0.01, 0.9]], [[0.1, 0.2, -0.3], [0.0, 0.0, 0.0]])
    net.s["variance"][:3] = 16.0
    learn(net, [1.0, 1.0], 0)
    # class 0 is to rise: units 0 and 1, whose output weights are positive, are to be 1, and unit 2 -1
    assert np.sign(net.s["first"][:, :3]).tolist() == [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0]]


@pytest.mark.parametrize("u", [-1.5, -0.6, 0.0, 0.3, 1.0])
def test_stochastic_signs_are_right_in_the_mean(u):
    net = network(activation="stochastic", first="binary", step=0.0, output_step=0.0, threshold_step=0.0)
    net.s["first"][:] = 0.0
    net.s["bias"][:3], net.s["out"][:] = u, 0.0
    n = 4000
    z = np.zeros((n, 16), f4)
    op, slot = np.full(n, LEARN, np.int8), np.zeros(n, np.int64)
    net.scan(
        op, slot, np.zeros(n, f4), np.ones(n, f4), 0, np.zeros((1, 2), f4), NO_IDS, np.zeros((1, 1, 2), f4), z
    )
    assert set(np.unique(z[:, :3])) <= {-1.0, 1.0}
    assert np.abs(z[:, :3].mean(0) - np.clip(u, -1, 1)).max() < 5 / np.sqrt(n)
    assert np.abs((z[:, 0] * z[:, 1]).mean() - np.clip(u, -1, 1) ** 2) < 5 / np.sqrt(
        n
    )  # units are independent
    assert units(net, [0.0, 0.0])[0][0] == (1.0 if u > 0 else -1.0)  # a prediction draws nothing


@pytest.mark.parametrize(
    "bad",
    [
        {"hidden": ()}, {"first": "int8"}, {"weights": "ternary"}, {"rule": "adam"}, {"normalisation": "batch"},
        {"rate": 0.0}, {"window": 0.0}, {"start": 2.0}, {"delta": 0.0}, {"beta": 1.0}, {"skip_margin": 1.0},
        {"activation": "random"}, {"estimator": "tanh"}, {"average": -1}, {"first": "ternary", "rule": "bop"},
    ],
)  # fmt: skip
def test_options_are_checked(bad):
    with pytest.raises(SpecError, match=f"binary network b: {list(bad)[-1]} is"):
        BinarySpec("b", **bad)
