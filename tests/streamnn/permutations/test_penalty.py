"""The exact penalty: what it is 0 for, how far rounding is, its gradient, and the balance it needs (6a of paper 6)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.permutations.penalty import balanced, penalty, penalty_gradient

sizes, seeds = st.integers(2, 12), st.integers(0, 2**31)


@given(sizes, seeds)
def test_permutations_and_nothing_else_cost_nothing(n, seed):
    rng = np.random.default_rng(seed)
    one, other = np.eye(n)[rng.permutation(n)], np.eye(n)[rng.permutation(n)]
    assert abs(penalty(one)) < 1e-12
    if (one != other).any():
        share = rng.uniform(0.01, 0.99)
        assert penalty(share * one + (1.0 - share) * other) > 1e-3 / n


@given(sizes, seeds, st.floats(1e-6, 0.02))
def test_rounding_is_no_farther_than_twice_the_penalty(n, seed, e):
    rng = np.random.default_rng(seed)
    m = (1.0 - e) * np.eye(n)[rng.permutation(n)] + e * balanced(rng.uniform(0.1, 1.0, (n, n)), 300)
    rows = float((m.sum(1) - np.linalg.norm(m, axis=1)).sum())
    if rows < 0.25:
        rounded = np.eye(n)[m.argmax(1)]
        assert (rounded.sum(0) == 1.0).all()
        assert np.abs(m - rounded).max() <= 2.0 * rows + 1e-9


@given(sizes, seeds)
@settings(max_examples=30)
def test_gradient(n, seed):
    rng = np.random.default_rng(seed)
    m, d, h = rng.uniform(0.05, 1.0, (n, n)), rng.normal(size=(n, n)), 1e-6
    along = n * (penalty(m + h * d) - penalty(m - h * d)) / (2.0 * h)
    assert abs(along - (penalty_gradient(m) * d).sum()) < 1e-5 * n * n


@given(st.integers(1, 4), st.integers(2, 5), seeds)
@settings(max_examples=30)
def test_rows_and_columns_are_balanced(share, columns, seed):
    m = balanced(np.random.default_rng(seed).uniform(0.2, 1.0, (share * columns, columns)), 300)
    assert np.abs(m.sum(1) - 1.0).max() <= 1e-6 and np.abs(m.sum(0) - share).max() <= 1e-6


def test_a_penalty_is_of_a_square_matrix():
    with pytest.raises(SpecError, match=r"shape \(2, 3\)"):
        penalty(np.ones((2, 3)))
