"""Places beyond saturation may be held still, and fewer bits of a place are a coarser spline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamnn.edge import Spline
from streamnn.edge.integers import rounded_shift
from streamnn.edge.saturation import place_fraction, place_limits

UNITS = 3


@st.composite
def splines(draw: st.DrawFn) -> tuple[Spline, np.ndarray, np.ndarray]:
    """A spline, its accumulators' fraction bits, and accumulators of every size."""
    r = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    knots = r.integers(-128, 128, (UNITS, draw(st.integers(2, 9))))
    after = Spline(
        knots,
        r.integers(0, 9, UNITS),
        draw(st.integers(-2, 2)),
        draw(st.integers(0, 4)),
        draw(st.integers(0, 6)),
        draw(st.integers(2, 8)),
        draw(st.integers(0, 5)),
    )
    size = draw(st.integers(4, 24))
    return after, r.integers(2, 10, UNITS), r.integers(-(1 << size), 1 << size, (200, UNITS))


@given(splines())
def test_a_place_held_at_its_limits_changes_nothing(of: tuple[Spline, np.ndarray, np.ndarray]) -> None:
    after, fraction, acc = of
    f, s = place_fraction(after, fraction), fraction - after.spacing
    low, high = place_limits(after, fraction)
    assert (low <= 0).all() and (high >= (1 << f) - 1).all()
    u = acc + (np.int64(after.reach) << fraction)
    i = np.clip(u >> s, 0, after.knots.shape[1] - 2)
    place = np.clip((u >> (s - f)) - (i << f), low, high)
    unit = np.arange(UNITS)
    start, end = after.knots[unit, i], after.knots[unit, i + 1]
    v = rounded_shift((start << f) + place * (end - start), f + after.knot_fraction - after.fraction)
    top = 1 << (after.bits - 1)
    assert (np.clip(v, -top, top - 1) == after(acc, fraction)).all()


@given(splines())
def test_products_of_limits_are_small_whatever_the_accumulator(
    of: tuple[Spline, np.ndarray, np.ndarray],
) -> None:
    after, fraction, _ = of
    f = place_fraction(after, fraction)
    low, high = place_limits(after, fraction)
    right = np.maximum(f + after.knot_fraction - after.fraction, 0)
    rise = np.abs(np.diff(after.knots, axis=1)).max(1)
    ends = np.abs(np.diff(after.knots, axis=1))[:, [0, -1]]
    most = np.maximum(-low * ends[:, 0], high * ends[:, 1])
    assert (most <= (1 << (after.bits - 1 + right)) + (1 << right) + (128 << f) + (rise << f) + rise).all()


@given(splines(), st.integers(0, 3))
def test_all_bits_of_the_place_are_the_exact_spline(
    of: tuple[Spline, np.ndarray, np.ndarray], more: int
) -> None:
    after, fraction, acc = of
    exact = replace(after, place_bits=0)(acc, fraction)
    enough = int((fraction - after.spacing).max()) + more
    if enough:
        assert (replace(after, place_bits=enough)(acc, fraction) == exact).all()
    knots = (np.arange(after.knots.shape[1])[:, None] << (fraction - after.spacing)) - (
        np.int64(after.reach) << fraction
    )
    assert (after(knots, fraction) == replace(after, place_bits=1)(knots, fraction)).all()
