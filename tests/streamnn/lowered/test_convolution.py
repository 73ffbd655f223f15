"""Convolutions against their definition, written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.lowered import PlanBuilder
from streamnn.lowered.convolution import convolution
from streamnn.lowered.probe import gradients, outputs

f4 = np.float32


def padded(x, padding):
    return np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))


def terms(x, w, stride, padding, dilation, groups):
    """(output, weight and padded input place) of every product that a convolution sums."""
    outputs_, inner, ky, kx = w.shape
    _, height, width = padded(x, padding).shape
    down = (height - dilation[0] * (ky - 1) - 1) // stride[0] + 1
    across = (width - dilation[1] * (kx - 1) - 1) // stride[1] + 1
    members = outputs_ // groups
    for o, y, v in np.ndindex(outputs_, down, across):
        for c, a, b in np.ndindex(inner, ky, kx):
            place = (
                o // members * inner + c,
                y * stride[0] + a * dilation[0],
                v * stride[1] + b * dilation[1],
            )
            yield (o, y, v), (o, c, a, b), place


def by_definition(x, w, bias, d, stride, padding, dilation, groups):
    """Output, and gradients of input, weight and bias, in float64."""
    z = padded(x.astype(np.float64), padding)
    every = list(terms(x, w, stride, padding, dilation, groups))
    shape = tuple(1 + max(t[0][k] for t in every) for k in range(3))
    y, dz, dw = np.zeros(shape), np.zeros_like(z), np.zeros(w.shape)
    d = d(shape)
    for o, k, p in every:
        y[o] += w[k] * z[p]
        dw[k] += d[o] * z[p]
        dz[p] += d[o] * w[k]
    (py, px), (_, height, width) = padding, x.shape
    return y + bias[:, None, None], dz[:, py : py + height, px : px + width], dw, d.sum((1, 2)), d


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=60)
@given(
    st.sampled_from(
        [(1, 1, 1), (2, 3, 1), (4, 6, 2), (3, 3, 3), (1, 5, 1), (2, 16, 1), (3, 19, 1), (4, 40, 2)]
    ),
    st.tuples(st.integers(1, 8), st.integers(1, 9)),
    pairs,
    pairs,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.booleans(),
    st.integers(0, 9),
)
def test_a_convolution_is_what_its_definition_says(
    channels, size, kernel, stride, padding, dilation, biased, seed
):
    if any(n + 2 * p < e * (k - 1) + 1 for n, p, k, e in zip(size, padding, kernel, dilation, strict=True)):
        return
    n, m, groups = channels
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, *size)).astype(f4)
    w = rng.standard_normal((m, n // groups, *kernel)).astype(f4)
    bias = rng.standard_normal(m).astype(f4) if biased else None
    b = PlanBuilder(x.shape)
    out = convolution(b, b.input, "c", w, bias, stride, padding, dilation, groups)
    plan = b.finish(out, b.input)
    shift = bias if biased else np.zeros(m)
    y, dx, dw, db, d = by_definition(
        x, w, shift, lambda s: rng.standard_normal(s), stride, padding, dilation, groups
    )
    assert y.shape == out.shape
    near = {"rtol": 1e-5, "atol": 1e-4}
    assert np.allclose(outputs(plan, plan.weights, x), y, **near)
    g, by_input = gradients(plan, plan.weights, x, d)
    named = plan.named(g)
    assert np.allclose(by_input, dx, **near)
    assert np.allclose(named["c.weight"], dw, **near)
    if biased:
        assert np.allclose(named["c.bias"], db, **near)


def test_weights_go_in_and_come_out_in_the_owners_order():
    w = np.arange(4 * 2 * 3 * 3, dtype=f4).reshape(4, 2, 3, 3)
    b = PlanBuilder((4, 5, 5))
    plan = b.finish(convolution(b, b.input, "c", w, None, groups=2), b.input)
    assert np.array_equal(plan.named(plan.weights)["c.weight"], w)
    assert np.array_equal(plan.flat({"c.weight": w}), plan.weights)


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((2, 2), {}),  # the kernel does not fit
        ((5, 5), {"stride": 0}),
        ((5, 5), {"padding": -1}),
        ((5, 5), {"dilation": 3}),
        ((5, 5), {"groups": 3}),
    ],
)
def test_what_does_not_fit_is_refused(size, options):
    b = PlanBuilder((4, *size))
    with pytest.raises(SpecError):
        convolution(b, b.input, "c", np.zeros((6, 4, 3, 3), f4), None, **options)
