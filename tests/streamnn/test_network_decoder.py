"""The information loss in the kernel: its pull, its decoder, its invariants; and nothing of it when off."""

from __future__ import annotations

import numpy as np
import pytest
from test_network import drive, xor

from streamnn.checks import check_scan
from streamnn.network import Network, NetworkSpec
from streamnn.types import LEARN, OBSERVE

f4 = np.float32


def network(information, hidden=(16,), rule="sgd", inputs=6, step=0.05):
    spec = NetworkSpec("n", hidden, rule, step, categories=False, information=information)
    return Network(spec, inputs, 2, True, 1)


def test_without_it_nothing_is_kept_and_nothing_changes():
    assert "decoder" not in network(0.0).s
    x, y = xor(300)
    plain, tiny = network(0.0), network(1e-30)
    np.testing.assert_array_equal(drive(plain, x, y), drive(tiny, x, y))


def test_one_step_pulls_along_the_gradient():
    x, y = xor(400)
    net = network(0.5)
    drive(net, x, y)
    s = {k: v.copy() for k, v in net.s.items()}
    row = x[7].astype(f4)
    a = row.astype(float) @ s["first"] + s["bias"]
    at = np.clip(a / 0.4 + 10, 0, 19.5).astype(int)
    unit = np.arange(16)
    low, high = s["knots"][unit, at].astype(float), s["knots"][unit, at + 1].astype(float)
    z = low + (a / 0.4 + 10 - at) * (high - low)
    error = s["decoder"].astype(float) @ z + s["decoder_bias"] - row
    pull = 0.5 * 2 / 6 * (error @ s["decoder"]) * (high - low) / 0.4
    steps = []
    for information in (0.5, 0.0):
        other = network(information)
        for k in other.s:
            other.s[k][...] = s[k]
        drive(other, row[None], y[7:8])
        steps.append(other.s["bias"] - s["bias"])
        if information:
            rate = 0.05 / (1 + z @ z)
            want = s["decoder"] - rate * error[:, None] * z
            np.testing.assert_allclose(other.s["decoder"], want, atol=1e-6)
            np.testing.assert_allclose(other.s["decoder_bias"], s["decoder_bias"] - rate * error, atol=1e-6)
    np.testing.assert_allclose(steps[0] - steps[1], -0.05 * pull, atol=2e-6)


@pytest.mark.parametrize("rule", ["sgd", "rms", "factored"])
def test_rows_can_be_told_from_the_latent(rule):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6000, 8)).clip(-4, 4).astype(f4)
    y = (x[:, 0] > 0).astype(int)
    left = []
    for information in (1e-9, 3.0):  # the first has a decoder, but the latent does not care
        net = network(information, (64, 16), rule, 8, 0.01 if rule == "sgd" else 0.003)
        latent, op = np.zeros((12_000, 16), f4), np.tile(np.int8([OBSERVE, LEARN]), 6000)
        slot, p = np.arange(6000).repeat(2), np.zeros((6000, 1, 2), f4)
        ids = np.full((6000, 1), -1, np.int32)
        net.scan(op, slot, y.repeat(2).astype(f4), np.ones(12_000, f4), 0, x, ids, p, latent)
        z = latent[-2000::2]
        best = np.linalg.lstsq(np.c_[z, np.ones(1000)], x[-1000:], rcond=None)[0]
        left.append(np.mean((np.c_[z, np.ones(1000)] @ best - x[-1000:]) ** 2))
        assert np.mean(p[-1000:, 0].argmax(1) == y[-1000:]) > 0.9
    assert left[1] < 0.7 * left[0]


def test_invariants_and_growth():
    x, y = xor(300)
    rows, op, slot = x.astype(f4), np.tile(np.int8([OBSERVE, LEARN]), 300), np.arange(300).repeat(2)
    p, ids = np.zeros((300, 1, 2), f4), np.full((300, 1), -1, np.int32)

    def run(net, a, b):
        w = np.ones(b - a, f4)
        net.scan(op[a:b], slot[a:b], y[slot[a:b]].astype(f4), w, 0, rows, ids, p)
        return p[slot[a:b][op[a:b] == OBSERVE], 0]

    check_scan(lambda: network(0.3, (32, 16), "rms", step=0.001), run, 600)
    net = network(0.3)
    drive(net, x, y)
    before = net.s["decoder"].copy()
    net.grow(np.array([0, 1, 2, 4, 5, 7]), 9, 2, 0)
    np.testing.assert_array_equal(net.s["decoder"][[0, 1, 2, 4, 5, 7]], before)
    assert not net.s["decoder"][[3, 6, 8]].any()
    drive(net, np.c_[x, x[:, :3]], y)
    assert net.s["decoder"][8].any()
