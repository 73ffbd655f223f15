"""Columns that changed places are told apart by their values."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.errors import SpecError
from streamnn.permutations.fingerprints import Fingerprints, rewired


def sensors(rng, events):
    """Eight columns, each with its own level, spread, tail, steadiness or share of zeros."""
    walk = np.cumsum(rng.normal(size=events)) * 0.1
    columns = [
        rng.normal(size=events),
        5.0 * rng.normal(size=events),
        rng.normal(size=events) + 20.0,
        rng.exponential(size=events),
        rng.poisson(0.3, size=events).astype(float),
        walk,
        (rng.random(events) < 0.3).astype(float),
        np.where(rng.random(events) < 0.4, np.nan, rng.normal(size=events)),
    ]
    return np.stack(columns, 1)


@pytest.mark.parametrize("events", [200, 1000])
def test_which_is_which(events):
    rng = np.random.default_rng(2)
    x, order = sensors(rng, 2000 + events), rng.permutation(8)
    before, after = Fingerprints(8), Fingerprints(8)
    before.see(x[:2000])
    moved = np.empty_like(x[2000:])
    moved[:, order] = x[2000:]
    for row in moved:
        after.see(row)
    found = rewired(before, after)
    assert (found == order).mean() >= (0.7 if events == 200 else 0.99)


def test_alike_columns_are_not_told_apart():
    rng = np.random.default_rng(0)
    x, order = rng.normal(size=(2000, 20)), rng.permutation(20)
    before, after = Fingerprints(20), Fingerprints(20)
    before.see(x[:1000])
    moved = np.empty_like(x[1000:])
    moved[:, order] = x[1000:]
    after.see(moved)
    assert (rewired(before, after) == order).mean() < 0.5


def test_chunks_do_not_matter_and_memory_is_bounded():
    x = np.random.default_rng(0).normal(size=(250, 3))
    one, many = Fingerprints(3, memory=100), Fingerprints(3, memory=100)
    one.see(x)
    for piece in np.array_split(x, 7):
        many.see(piece)
    assert one.s["rows"].shape == (100, 3)
    for name, a in one.s.items():
        assert np.array_equal(a, many.s[name])
    assert np.array_equal(one.recent(), x[150:].astype(np.float32))


def test_nothing_seen():
    with pytest.raises(SpecError, match="at least 2"):
        rewired(Fingerprints(2), Fingerprints(2))
