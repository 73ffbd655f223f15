"""Pools against numpy on each window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.lowered import PlanBuilder
from streamnn.lowered.pooling import pool
from streamnn.lowered.probe import gradients, outputs

f4 = np.float32


def by_definition(x, d, kind, kernel, stride, padding, counts_padding):
    """Output and gradient of the input, window by window."""
    (py, px), (_, height, width) = padding, x.shape
    inside = np.pad(np.ones_like(x), ((0, 0), (py, py), (px, px)))
    z = np.pad(
        x.astype(np.float64), ((0, 0), (py, py), (px, px)), constant_values=-np.inf if kind == "max" else 0
    )
    down = (z.shape[1] - kernel[0]) // stride[0] + 1
    across = (z.shape[2] - kernel[1]) // stride[1] + 1
    y, dz = np.zeros((len(x), down, across)), np.zeros_like(z)
    d = d(y.shape)
    for c, a, e in np.ndindex(*y.shape):
        piece = (
            c,
            slice(a * stride[0], a * stride[0] + kernel[0]),
            slice(e * stride[1], e * stride[1] + kernel[1]),
        )
        if kind == "max":
            y[c, a, e] = z[piece].max()
            dz[piece][np.unravel_index(z[piece].argmax(), z[piece].shape)] += d[c, a, e]
        else:
            n = z[piece].size if counts_padding else inside[piece].sum()
            y[c, a, e] = z[piece].sum() / n
            dz[piece] += d[c, a, e] / n
    return y, dz[:, py : py + height, px : px + width], d


@settings(max_examples=60)
@given(
    st.sampled_from(["max", "mean"]),
    st.tuples(st.integers(1, 3), st.integers(4, 9), st.integers(4, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.booleans(),
    st.integers(0, 9),
)
def test_a_pool_is_what_its_definition_says(kind, shape, kernel, stride, padding, counts, seed):
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, shape).astype(f4)  # many are equal: the first largest one gets the gradient
    b = PlanBuilder(shape)
    plan = b.finish(pool(b, b.input, kind, kernel, stride, padding, counts), b.input)
    y, dx, d = by_definition(
        x, lambda s: rng.standard_normal(s).astype(f4), kind, kernel, stride, padding, counts
    )
    assert np.allclose(outputs(plan, plan.weights, x), y, atol=1e-6)
    assert np.allclose(gradients(plan, plan.weights, x, d)[1], dx, atol=1e-5)


def test_a_maximum_over_no_number_is_no_number():
    x = np.array([[[1.0, np.nan, 3.0, 2.0]]], f4)
    b = PlanBuilder(x.shape)
    plan = b.finish(pool(b, b.input, "max", (1, 2)), b.input)
    y = outputs(plan, plan.weights, x)
    assert np.isnan(y[0, 0, 0])
    assert y[0, 0, 1] == 3


@pytest.mark.parametrize(
    "options", [{"kind": "least"}, {"kernel": 9}, {"kernel": 3, "padding": 2}, {"kernel": 2, "stride": 0}]
)
def test_what_does_not_fit_is_refused(options):
    b = PlanBuilder((1, 6, 6))
    with pytest.raises(SpecError):
        pool(b, b.input, **({"kind": "max", "kernel": 2} | options))
