"""Recurrent layers against their formulas, and their gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.lowered import PlanBuilder
from streamnn.lowered.probe import gradients, outputs
from streamnn.lowered.recurrent import gru, lstm, rnn

f4 = np.float32
GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
kinds = pytest.mark.parametrize("kind", GATES)


def layer(b, x, kind, parameters, suffix="_l0"):
    if kind in ("lstm", "gru"):
        return {"lstm": lstm, "gru": gru}[kind](b, x, "r", *parameters, suffix)
    return rnn(b, x, "r", *parameters, suffix, relu=kind == "relu")


def parameters_of(kind, n, h, rng, biased=True):
    k = GATES[kind] * h
    made = [rng.standard_normal(s).astype(f4) * f4(0.5) for s in ((k, n), (k, h), (k,), (k,))]
    return made if biased else [*made[:2], None, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_definition(kind, x, parameters):
    """Hidden states in float64, as torch's documentation has them."""
    w, u = (p.astype(np.float64) for p in parameters[:2])
    h = u.shape[1]
    b, c = (np.zeros(len(w)) if p is None else p.astype(np.float64) for p in parameters[2:])
    state, cell, out = np.zeros(h), np.zeros(h), []
    for row in x.astype(np.float64):
        from_x, from_h = w @ row + b, u @ state + c
        if kind == "lstm":
            i, f, g, o = np.split(from_x + from_h, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            state = sigmoid(o) * np.tanh(cell)
        elif kind == "gru":
            (r, z, n), (hr, hz, hn) = np.split(from_x, 3), np.split(from_h, 3)
            z = sigmoid(z + hz)
            state = (1 - z) * np.tanh(n + sigmoid(r + hr) * hn) + z * state
        else:
            state = np.tanh(from_x + from_h) if kind == "tanh" else np.maximum(from_x + from_h, 0)
        out.append(state)
    return np.array(out)


@settings(max_examples=60)
@given(st.sampled_from(list(GATES)), st.integers(1, 9), st.integers(1, 40), st.integers(1, 6), st.booleans())
def test_hidden_states_are_what_the_formulas_say(kind, n, h, steps, biased):
    rng = np.random.default_rng(n + 10 * h)
    x, parameters = rng.standard_normal((steps, n)).astype(f4), parameters_of(kind, n, h, rng, biased)
    if kind == "relu":
        parameters[1] *= f4(0.2)
    b = PlanBuilder(x.shape)
    plan = b.finish(layer(b, b.input, kind, parameters), b.input)
    y = by_definition(kind, x, parameters)
    assert np.allclose(outputs(plan, plan.weights, x), y, atol=1e-5 * (1 + np.abs(y).max()))


@kinds
@pytest.mark.parametrize(("n", "h", "steps"), [(3, 5, 4), (8, 16, 8), (2, 20, 1)])
@pytest.mark.parametrize("biased", [True, False])
def test_gradients_of_two_layers(kind, n, h, steps, biased):
    # against differences of the formulas in float64, along random directions
    rng = np.random.default_rng(3)
    x, d = rng.standard_normal((steps, n)).astype(f4), rng.standard_normal((steps, h)).astype(f4)
    given = [*parameters_of(kind, n, h, rng, biased), *parameters_of(kind, h, h, rng, biased)]
    b = PlanBuilder(x.shape)
    y = layer(b, b.input, kind, given[:4])
    plan = b.finish(layer(b, y, kind, given[4:], "_l1"), b.input)
    by_weights, by_input = gradients(plan, plan.weights, x, d)
    found = [by_input, *plan.named(by_weights).values()]
    at = [x.astype(np.float64), *(p.astype(np.float64) for p in given if p is not None)]
    each = len(at) // 2

    def loss(values):
        values = [*values[: each + 1], *[None] * (4 - each), *values[each + 1 :], *[None] * (4 - each)]
        return (by_definition(kind, by_definition(kind, values[0], values[1:5]), values[5:]) * d).sum()

    for _ in range(10):
        along = [rng.standard_normal(v.shape) for v in at]
        step = 1e-6
        there, back = ([v + s * a for v, a in zip(at, along, strict=True)] for s in (step, -step))
        expected = (loss(there) - loss(back)) / (2 * step)
        size = sum(np.abs(a * g).sum() for a, g in zip(along, found, strict=True))
        assert abs(sum((a * g).sum() for a, g in zip(along, found, strict=True)) - expected) < 2e-6 * size


@kinds
def test_parameters_are_called_as_torch_calls_them(kind):
    parameters = parameters_of(kind, 3, 5, np.random.default_rng(0))
    b = PlanBuilder((2, 3))
    plan = b.finish(layer(b, b.input, kind, parameters), b.input)
    named = plan.named(plan.weights)
    names = ["r.weight_ih_l0", "r.weight_hh_l0", "r.bias_ih_l0", "r.bias_hh_l0"]
    assert list(named) == names
    for name, p in zip(names, parameters, strict=True):
        assert np.array_equal(named[name], p)


def test_what_does_not_fit_is_refused():
    parameters = parameters_of("gru", 3, 5, np.random.default_rng(0))
    for shape in ((3,), (2, 4)):
        b = PlanBuilder(shape)
        with pytest.raises(SpecError):
            gru(b, b.input, "r", *parameters)
    b = PlanBuilder((2, 3))
    with pytest.raises(SpecError, match=r"r\.weight_ih_l0"):
        lstm(b, b.input, "r", *parameters)
