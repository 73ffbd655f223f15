"""The joint density of latent and target: against plain numpy, its invariants, what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamnn.checks import check_scan
from streamnn.errors import SchemaError, StateError
from streamnn.types import EXPIRE, LEARN, OBSERVE
from streamnn.uncertainty import LatentDensity, ValueDensity


def log_of(n, hidden, seed):
    rng = np.random.default_rng(seed)
    op = rng.choice(np.array([OBSERVE, LEARN, EXPIRE], np.int8), n, p=[0.5, 0.4, 0.1])
    z = (rng.standard_normal((n, hidden)) * 10.0 ** rng.uniform(-1, 1, hidden)).astype("f4")
    return op, np.exp(z[:, 0]) * rng.standard_normal(n), z


def reference(op, error, z, memory):
    d = z.shape[1]
    mean, var, unit, w, b, base, n = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d), 0.0, 0.0, 0
    held, row = [], 0
    entropy, deviation = np.zeros(len(op)), np.zeros(len(op))
    for i, x in enumerate(z.astype(float)):
        h = np.clip((x - mean) * unit, -5, 5)
        ratio = np.clip(h @ w + b, -8, 8)
        if op[i] == OBSERVE and n:
            deviation[i] = np.sqrt(base * np.exp(ratio))
            entropy[i] = 0.5 * np.log(2 * np.pi * np.e * deviation[i] ** 2)
        elif op[i] == LEARN:
            square, g = error[i] ** 2, 1 / min(n + 1, memory)
            if n:
                move = min(0.001, 0.064 / d) * (1 - min(square / base / np.exp(ratio), 5))
                w, b = w - move * h, b - move
            far = len(held) == 20 and square > 20 * base
            row = row + 1 if far else 0
            if row == 8:
                held, row = [], 0
            if len(held) < 20:
                held.append(square)
                middle = sorted(held)[(len(held) - 1) // 2]
                base = np.mean(np.minimum(held, 44 * middle))
            else:
                base += g * (min(square, 20 * base) - base)
            gap = x - mean
            mean = mean + g * gap
            var = var + g * ((1 - g) * gap**2 - var)
            n += 1
            if n <= 32 or n % 8 == 0:
                unit = 1 / np.sqrt(var + 1e-4)
    return entropy, deviation


@pytest.mark.parametrize(("hidden", "half_life"), [(1, 50), (5, 1000), (80, 100)])
def test_equals_the_reference(hidden, half_life):
    op, error, z = log_of(3000, hidden, hidden)
    surprise, entropy, deviation = ValueDensity(hidden, half_life).scan(op, error, z)
    want = reference(op, error, z, half_life / np.log(2))
    np.testing.assert_allclose(entropy, want[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(deviation, want[1], rtol=1e-6)
    alone, _ = LatentDensity(hidden, 1, half_life).scan(op, np.zeros(3000, int), z)
    np.testing.assert_array_equal(surprise, alone)


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_invariants(covariance):
    op, error, z = log_of(600, 6, 1)
    check_scan(
        lambda: ValueDensity(6, 40, covariance=covariance),
        lambda s, a, b: s.scan(op[a:b], error[a:b], z[a:b]),
        len(op),
        look=lambda s: s.scan(np.full(50, OBSERVE, np.int8), error[:50], z[:50]),
    )


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, (40, 3), elements=st.floats(width=32)),
    arrays(np.float64, (40,), elements=st.floats(allow_nan=True)),
)
def test_nothing_makes_it_nan(z, error):
    op, _, _ = log_of(40, 3, 0)
    density = ValueDensity(3)
    for found in density.scan(op, error, z):
        assert np.isfinite(found).all()
    assert all(np.isfinite(a).all() for a in density.state_dict()[0].values())


def test_deviation_follows_the_noise_and_the_unit_of_the_target():
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, (20_000, 8)).astype("f4")
    sd = 0.2 + 1.5 * (z[:, 3] > 0) * z[:, 3]
    error = sd * rng.standard_normal(20_000)
    error[::500] = 1000.0  # outliers
    found = []
    for unit in (1.0, 10.0):
        density = ValueDensity(8)
        density.scan(np.full(19_000, LEARN, np.int8), unit * error[:19_000], z[:19_000])
        found.append(density.scan(np.full(1000, OBSERVE, np.int8), np.zeros(1000), z[19_000:])[1:])
    (entropy, deviation), (entropy10, deviation10) = found
    assert np.corrcoef(deviation, sd[19_000:])[0, 1] > 0.9
    assert 0.7 < np.median(deviation / sd[19_000:]) < 1.5
    np.testing.assert_allclose(deviation10, 10 * deviation, rtol=1e-9)
    np.testing.assert_allclose(entropy10, entropy + np.log(10), rtol=1e-9)


def test_wrong_input_and_states():
    density = ValueDensity(3)
    with pytest.raises(SchemaError, match="value density"):
        density.scan(np.full(2, OBSERVE, np.int8), np.zeros(3), np.zeros((2, 3), "f4"))
    saved, meta = density.state_dict()
    with pytest.raises(StateError, match="hidden"):
        ValueDensity(4).load_state_dict(
            {k: v for k, v in saved.items() if k != "spread_mean"} | {"spread_mean": np.zeros(8)}, meta
        )
    with pytest.raises(StateError, match="spread_bias"):
        ValueDensity(3).load_state_dict({k: v for k, v in saved.items() if k != "spread_bias"}, meta)
    with pytest.raises(StateError, match="classes"):
        ValueDensity(3).load_state_dict(*LatentDensity(3, 2).state_dict())
