"""Distances that are given up early find the same neighbours as all of them looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from member_helpers import columns_alone, room, segment

from streamnn.members.neighbours import (
    NEAREST,
    VALUE_NEAREST,
    VALUE_WINDOW,
    WINDOWS,
    Neighbours,
    ValueNeighbours,
)
from streamnn.types import LEARN, OBSERVE

f4 = np.float32


def _stream(columns: int, events: int, pace: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((events, columns)), 0) * pace + rng.standard_normal((events, columns))
    return x.astype(f4), rng.integers(0, 3, events)


def _steps(events: int) -> tuple[np.ndarray, np.ndarray]:
    return np.tile(np.array([OBSERVE, LEARN], np.int8), events), np.repeat(np.arange(events), 2)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([1, 15, 16, 17, 40]), st.integers(1, 1300), st.floats(0, 1), st.integers(0, 99))
def test_the_nearest_are_those_of_a_full_look(columns: int, events: int, pace: float, seed: int) -> None:
    x, y = _stream(columns, events, pace, seed)
    op, at = _steps(events)
    store = {"row": x, "near": np.zeros((events, NEAREST, 2), np.int64), "p": np.zeros((events, 3, 3), f4)}
    rows = columns_alone(columns)
    Neighbours(room(rows, 3, True)).step(segment(op, at, np.repeat(y, 2)), rows, store)
    for i in range(events):
        first = max(0, i - WINDOWS[-1])
        far = ((x[first:i].astype(float) - x[i]) ** 2).sum(1)
        expected = np.sort(far)[:NEAREST]
        place, owner = store["near"][i].T
        found = owner[place >= 0]
        assert len(found) == len(expected)
        np.testing.assert_allclose(far[found - first], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("columns", [1, 17, 40])
def test_the_mean_is_that_of_the_nearest(columns: int) -> None:
    events = VALUE_WINDOW + 300
    x, _ = _stream(columns, events, 0.05, 5)
    v = np.random.default_rng(1).standard_normal(events)
    op, at = _steps(events)
    store = {"row": x, "scale": np.tile([0.0, 1.0], (events, 1)), "p": np.zeros((events, 1, 1), f4)}
    rows = columns_alone(columns)
    ValueNeighbours(room(rows)).step(segment(op, at, np.repeat(v, 2)), rows, store)
    for i in range(1, events):
        first = max(0, i - VALUE_WINDOW)
        near = np.argsort(((x[first:i].astype(float) - x[i]) ** 2).sum(1), kind="stable")[:VALUE_NEAREST]
        assert store["p"][i, 0, 0] == pytest.approx(v[first:i][near].mean(), abs=1e-5)
