"""Joins and moves of values, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.lowered import PlanBuilder
from streamnn.lowered.moving import add, concatenated, gathered, multiplied
from streamnn.lowered.probe import gradients, outputs

f4 = np.float32


@given(st.integers(1, 5), st.integers(1, 7), st.integers(0, 99))
def test_sum_and_product_of_parts(rows, columns, seed):
    rng = np.random.default_rng(seed)
    x, d = (
        rng.standard_normal((2 * rows, columns)).astype(f4),
        rng.standard_normal((rows, columns)).astype(f4),
    )
    for join, y, dx in (
        (add, x[:rows] + x[rows:], np.concatenate([d, d])),
        (multiplied, x[:rows] * x[rows:], np.concatenate([d * x[rows:], d * x[:rows]])),
    ):
        b = PlanBuilder(x.shape)
        plan = b.finish(join(b, b.input.part(0, rows), b.input.part(rows, 2 * rows)), b.input)
        assert np.array_equal(outputs(plan, plan.weights, x), y)
        assert np.array_equal(gradients(plan, plan.weights, x, d)[1], dx)


def test_a_value_joined_with_itself_gets_both_gradients():
    x = np.array([1.0, -3.0], f4)
    for join, dx in ((add, [2.0, 2.0]), (multiplied, 2 * x)):
        b = PlanBuilder((2,))
        plan = b.finish(join(b, b.input, b.input), b.input)
        assert np.array_equal(gradients(plan, plan.weights, x, np.ones(2))[1], dx)


@given(st.lists(st.integers(0, 11), min_size=1, max_size=20), st.integers(0, 99))
def test_a_gather_takes_any_numbers(index, seed):
    rng = np.random.default_rng(seed)
    x, d = rng.standard_normal((3, 4)).astype(f4), rng.standard_normal(len(index)).astype(f4)
    b = PlanBuilder(x.shape)
    plan = b.finish(gathered(b, b.input, np.array(index), (len(index),)), b.input)
    assert np.array_equal(outputs(plan, plan.weights, x), x.ravel()[index])
    dx = np.zeros(12)
    np.add.at(dx, index, d)
    assert np.allclose(gradients(plan, plan.weights, x, d)[1].ravel(), dx, atol=1e-6)


def test_values_stand_one_after_another():
    x, d = np.arange(6, dtype=f4).reshape(3, 2), np.arange(10, dtype=f4).reshape(5, 2)
    b = PlanBuilder(x.shape)
    plan = b.finish(concatenated(b, [b.input, b.input.part(1, 3)]), b.input)
    assert np.array_equal(outputs(plan, plan.weights, x), np.concatenate([x, x[1:]]))
    dx = d[:3].copy()
    dx[1:] += d[3:]
    assert np.array_equal(gradients(plan, plan.weights, x, d)[1], dx)


def test_what_does_not_fit_is_refused():
    b = PlanBuilder((4, 2))
    x = b.input
    with pytest.raises(SpecError, match="make them alike"):
        add(b, x, x.part(0, 2))
    with pytest.raises(SpecError, match="first axis"):
        concatenated(b, [x, x.reshaped(2, 4)])
    for index, shape in (([0, 1], (3,)), ([8], (1,)), ([-1], (1,))):
        with pytest.raises(SpecError, match="gathers no value"):
            gathered(b, x, np.array(index), shape)
