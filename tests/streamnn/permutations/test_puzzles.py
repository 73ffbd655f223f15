"""The rule on problems whose answer is known: regular graphs, and teachers of two layers (6b and 6c of paper 6)."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import _permutation_puzzles as puzzles


def solved(cases, n, penalty, starts=3):
    """How many cases are solved by the best of some starts, and the largest distance from a permutation among those."""
    count, gap = 0, 0.0
    for gradient, right in cases:
        ms = [puzzles.descended(gradient, n, "mirror", penalty, s) for s in range(starts)]
        fine = [m for m in ms if right(puzzles.rounded(m))]
        count += bool(fine)
        gap = max([gap, *(float(np.abs(m - puzzles.rounded(m)).max()) for m in fine[:1])])
    return count, gap


def test_regular_graphs_are_matched_with_the_penalty_and_not_without():
    cases = [puzzles.matching(8, 3, seed) for seed in range(4)]
    count, gap = solved(cases, 8, 0.3)
    assert count >= 3 and gap < 1e-3
    assert solved(cases, 8, 0.0)[0] <= count - 2


def test_teachers_are_recovered():
    cases = [puzzles.teacher(2, 4, seed)[:2] for seed in range(4)]
    count, gap = solved(cases, 4, 0.3)
    assert count >= 3 and gap < 1e-3


@pytest.mark.parametrize("seed", [0, 1])
def test_the_closed_form_is_the_mean_over_inputs_and_its_gradient_is_right(seed):
    gradient, _, loss = puzzles.teacher(2, 4, seed)
    rng = np.random.default_rng(seed)
    m, d = rng.uniform(0.1, 1.0, (4, 4)), rng.normal(size=(4, 4))
    along = (loss(m + 1e-6 * d) - loss(m - 1e-6 * d)) / 2e-6
    assert abs(along - (gradient(m) * d).sum()) < 1e-5
    again = np.random.default_rng([seed, 2, 4])
    w = again.standard_normal((2, 4))
    v = w @ np.eye(4)[again.permutation(4)]
    z = rng.standard_normal((400_000, 4))
    error = np.maximum(z @ (w @ m).T, 0.0).sum(1) - np.maximum(z @ v.T, 0.0).sum(1)
    assert abs((error**2).mean() / 2 - loss(m)) < 0.02 * loss(m) + 0.01
