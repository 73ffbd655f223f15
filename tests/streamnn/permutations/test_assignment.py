"""Assignments and groups against all there are, and which one it is where several are best."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.permutations.assignment import assignment
from streamnn.permutations.correlation import correlation_groups

seeds = st.integers(0, 2**31)


@given(st.integers(1, 6), seeds, st.booleans())
@settings(max_examples=60)
def test_the_best_of_all_permutations(n, seed, ties):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-2, 3, (n, n)).astype(float) if ties else rng.normal(size=(n, n))
    found = assignment(scores)
    assert sorted(found) == list(range(n))
    best = max(sum(scores[i, p[i]] for i in range(n)) for p in permutations(range(n)))
    assert abs(scores[np.arange(n), found].sum() - best) < 1e-9


@given(st.integers(1, 3), st.integers(1, 3), seeds)
@settings(max_examples=40)
def test_the_best_equal_groups(share, groups, seed):
    n = share * groups
    scores = np.random.default_rng(seed).normal(size=(n, groups))
    found = assignment(scores)
    assert (np.bincount(found, minlength=groups) == share).all()
    best = max(sum(scores[i, p[i] // share] for i in range(n)) for p in permutations(range(n)))
    assert abs(scores[np.arange(n), found].sum() - best) < 1e-9


def test_of_equal_ones_always_the_same():
    assert assignment(np.zeros((4, 4))).tolist() == assignment(np.ones((4, 4))).tolist()
    assert assignment(np.zeros((4, 2))).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("scores", [np.zeros((3, 2)), np.array([[np.nan]]), np.zeros(3)])
def test_what_cannot_be_assigned(scores):
    with pytest.raises(SpecError):
        assignment(scores)


def test_columns_of_one_machine_are_one_group():
    rng = np.random.default_rng(1)
    machine = rng.permutation(np.repeat(np.arange(4), 6))
    factors = rng.normal(size=(1500, 4, 2))
    mix = rng.normal(size=(24, 2))
    rows = np.einsum("ecf,cf->ec", factors[:, machine], mix) + 0.5 * rng.normal(size=(1500, 24))
    order = correlation_groups(rows / rows.std(0), 4)
    found = machine[order].reshape(4, 6)
    assert (found == found[:, :1]).all()
