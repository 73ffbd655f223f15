"""exp, log and cos against the C library; lanes against numpy."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamnn._kernels.ieee import (
    cospi64,
    erf32,
    exp32,
    exp64,
    expm1_32,
    log32,
    log64,
    sigmoid32,
    softplus32,
    tanh32,
)
from streamnn._kernels.jit import kernel
from streamnn._kernels.lanes import (
    larger,
    largest,
    load,
    load_first,
    over,
    root,
    rsqrt,
    shorten,
    smaller,
    splat,
    store,
    store_first,
    total,
    whole,
)

f4 = np.float32


@given(st.floats(-690, 690))
def test_exp64(x):
    assert abs(exp64(x) / np.exp(x) - 1) < 1e-14


@given(st.floats(1e-300, 1e300))
def test_log64(x):
    assert abs(log64(x) - np.log(x)) <= 1e-15 * max(1.0, abs(np.log(x)))


@given(st.floats(-79, 79, width=32))
def test_exp32(x):
    assert abs(exp32(f4(x)) / np.exp(np.float64(x)) - 1) < 3e-7


@given(st.floats(f4(1e-30), f4(1e30), width=32))
def test_log32(x):
    assert abs(log32(f4(x)) - np.log(np.float64(x))) < 1e-6 * max(1.0, abs(np.log(x)))


@given(st.floats(-79, 79, width=32))
def test_functions_of_activations(x):
    v = np.float64(x)
    assert abs(sigmoid32(f4(x)) - 1 / (1 + np.exp(-v))) < 1e-7
    assert abs(tanh32(f4(x)) - np.tanh(v)) < 2e-7
    assert abs(erf32(f4(x)) - math.erf(x)) < 3e-7
    assert abs(expm1_32(f4(x)) - np.expm1(v)) < 6e-7 * max(abs(np.expm1(v)), 1e-30)
    assert abs(softplus32(f4(x)) - np.logaddexp(0, v)) < 2e-7 * max(1.0, v)


@given(st.floats(0, 1))
def test_cospi64(x):
    assert abs(cospi64(x) - np.cos(np.pi * x)) < 2e-15


@kernel
def _lanes(a, b, out):
    u, v = load(a, 0), load(b, 0)
    store(out, 0, u + v * splat(f4(2.0)) - v)
    store(out, 16, over(u, v))
    store(out, 32, root(u))
    store(out, 48, larger(u, v))
    store(out, 64, smaller(u, v))
    store(out, 80, whole(u))
    store(out, 96, rsqrt(u))
    return total(u), largest(v)


@kernel
def _first_lanes(a, at, n, out):
    store_first(out, at, n, load_first(a, at, n) + splat(f4(1.0)))
    return total(load_first(a, at, n))


@given(st.integers(0, 20), st.integers(0, 16))
def test_the_first_lanes_are_all_that_is_read_and_written(at, n):
    a, out = np.full(at + n, np.inf, f4), np.zeros(40, f4)
    a[at:] = np.arange(n)
    assert _first_lanes(a, at, n, out) == n * (n - 1) / 2
    expected = np.zeros(40)
    expected[at : at + n] = np.arange(n) + 1
    assert np.array_equal(out, expected)


def test_lanes_are_sixteen_numbers():
    rng = np.random.default_rng(0)
    a, b = (rng.random(16) * 9 + 0.1).astype(f4), (rng.random(16) * 9 + 0.1).astype(f4)
    out = np.zeros(112, f4)
    s, top = _lanes(a, b, out)
    assert np.array_equal(out[:16], a + b * f4(2) - b)
    assert np.array_equal(out[16:32], a / b)
    assert np.array_equal(out[32:48], np.sqrt(a))
    assert np.array_equal(out[48:64], np.maximum(a, b))
    assert np.array_equal(out[64:80], np.minimum(a, b))
    assert np.array_equal(out[80:96], np.trunc(a))
    assert np.allclose(out[96:112], 1 / np.sqrt(a), rtol=3.5e-2)
    assert top == b.max()
    fold = a
    while len(fold) > 1:
        fold = fold[: len(fold) // 2] + fold[len(fold) // 2 :]
    assert s == fold[0]


@kernel
def _shorten(s, u, out):
    store(out, 0, shorten(splat(f4(1.0)), load(s, 0), load(u, 0), splat(f4(0.4))))


@given(
    st.lists(
        st.tuples(st.floats(f4(-0.4), f4(0.4), width=32), st.floats(-3, 3, width=32)),
        min_size=16,
        max_size=16,
    )
)
def test_shorten_keeps_the_limit_and_takes_no_more_than_needed(pairs):
    s, u = (np.array(v, f4) for v in zip(*pairs, strict=True))
    t = np.zeros(16, f4)
    _shorten(s, u, t)
    assert ((t >= 0) & (t <= 1)).all()
    assert (np.abs(s + t * u) <= 0.4 * (1 + 1e-5)).all()
    free = np.abs(s + u) <= 0.4
    assert (t[free] == 1).all()
    assert np.allclose(np.abs(s + t * u)[~free], 0.4, atol=1e-5)
