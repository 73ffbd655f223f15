"""Gradients of every layer against differences of its outputs."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.errors import SpecError
from streamnn.lowered import PlanBuilder
from streamnn.lowered.activations import ACTIVATION_KINDS, activation, prelu
from streamnn.lowered.dense import grouped, linear
from streamnn.lowered.dropout import dropout
from streamnn.lowered.normalisation import group_norm, layer_norm, rms_norm
from streamnn.lowered.probe import gradients, outputs
from streamnn.lowered.spline import spline

f4 = np.float32
R = np.random.default_rng(5)


def some(*shape):
    return R.standard_normal(shape).astype(f4)


LAYERS = {
    "linear": ((3, 5), lambda b, x: linear(b, x, "a", some(18, 5), some(18))),
    "linear without bias": ((5,), lambda b, x: linear(b, x, "a", some(3, 5), None)),
    "grouped": ((2, 6), lambda b, x: grouped(b, x, "a", some(4, 3), some(4), 2)),
    "prelu": ((4, 3), lambda b, x: prelu(b, x, "a", some(4))),
    "one prelu": ((4, 3), lambda b, x: prelu(b, x, "a", some(1))),
    "layer norm": ((2, 3, 4), lambda b, x: layer_norm(b, x, "a", some(3, 4), some(3, 4), 1e-5, 2)),
    "plain layer norm": ((2, 7), lambda b, x: layer_norm(b, x, "a", None, None, 1e-5, 1)),
    "group norm": ((6, 4), lambda b, x: group_norm(b, x, "a", some(6), some(6), 1e-5, 2)),
    "rms norm": ((2, 7), lambda b, x: rms_norm(b, x, "a", some(7), 1e-6, 1)),
    "spline": ((4, 3), lambda b, x: spline(b, x, "a", some(4, 9), np.full(4, 4.0), np.full(4, 0.5))),
    **{kind: ((9,), lambda b, x, kind=kind: activation(b, x, kind)) for kind in ACTIVATION_KINDS},
}
TINY = 1e-3


def difference(f, at, i):
    """Slope of f by entry i, in float32."""
    up, down = at.copy(), at.copy()
    up.flat[i] += TINY
    down.flat[i] -= TINY
    return (f(up) - f(down)) / (np.float64(up.flat[i]) - np.float64(down.flat[i]))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_slopes(name):
    shape, emit = LAYERS[name]
    b = PlanBuilder(shape)
    plan = b.finish(emit(b, b.input), b.input)
    x = (some(*shape) * 1.5).astype(f4)
    x[np.abs(np.abs(x % 1.0) - 0.5) < 0.01] += f4(0.02)  # away from the corners of splines and clamps
    d = some(*plan.output.shape)
    by_weights, by_inputs = gradients(plan, plan.weights, x, d)

    def of_inputs(v):
        return float((outputs(plan, plan.weights, v).astype(np.float64) * d).sum())

    def of_weights(v):
        return float((outputs(plan, v, x).astype(np.float64) * d).sum())

    slopes = [difference(of_inputs, x, i) for i in range(x.size)]
    assert np.allclose(by_inputs.ravel(), slopes, rtol=2e-2, atol=6e-3)
    slopes = [difference(of_weights, plan.weights, i) for i in range(len(plan.weights))]
    assert np.allclose(by_weights, slopes, rtol=2e-2, atol=6e-3)


def test_what_is_dropped_has_no_gradient():
    b = PlanBuilder((400,))
    plan = b.finish(dropout(b, b.input, 0.25), b.input)
    x = np.ones(400, f4)
    y = outputs(plan, plan.weights, x, training=True)
    assert set(y.tolist()) == {0.0, f4(1.0) / f4(0.75)} and 60 < (y == 0).sum() < 140
    assert np.array_equal(outputs(plan, plan.weights, x), x)
    assert np.array_equal(gradients(plan, plan.weights, x, x, training=True)[1], y)


def test_leaves_have_torchs_shapes_and_come_back():
    b = PlanBuilder((6,))
    w, v = some(4, 6), some(8, 2)
    y = grouped(b, linear(b, b.input, "a", w, some(4)), "b", v, some(8), 2)
    plan = b.finish(y, b.input)
    named = plan.named(plan.weights)
    assert np.array_equal(named["a.weight"], w) and np.array_equal(named["b.weight"], v)
    assert np.array_equal(plan.flat(named), plan.weights)


@pytest.mark.parametrize(
    "emit",
    [
        lambda b: linear(b, b.input, "a", some(2, 5), None),
        lambda b: grouped(b, b.input, "a", some(3, 2), None, 2),
        lambda b: prelu(b, b.input, "a", some(2)),
        lambda b: group_norm(b, b.input, "a", None, None, 1e-5, 3),
        lambda b: layer_norm(b, b.input, "a", some(3), None, 1e-5, 1),
        lambda b: spline(b, b.input, "a", some(3, 5), np.zeros(3), np.ones(3)),
        lambda b: dropout(b, b.input, 1.5),
        lambda b: activation(b, b.input, "swoosh"),
        lambda b: activation(b, b.input, "relu", 0.1),
    ],
)
def test_what_does_not_fit_is_refused(emit):
    with pytest.raises(SpecError):
        emit(PlanBuilder((4,)))
