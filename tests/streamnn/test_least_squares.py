"""The linear member of the regressor, and the steady units that it reads."""

import numpy as np
import pytest

from streamnn.features.inputs import OFF, SETTLED, Inputs
from streamnn.features.layout import Layout
from streamnn.learners.least_squares import LeastSquares

f4 = np.float32


def test_what_is_exactly_linear_is_learnt_although_the_targets_units_drift():
    rng = np.random.default_rng(3)
    n = 4000
    season = np.sin(np.arange(n) / 700)
    x = rng.normal(0, 1, (n, 2)) * (1.5 + season)[:, None] + 2 * season[:, None]
    last = np.r_[1000.0, (2 * x[:, 0] - x[:, 1] + 1000)[:-1]]  # an earlier target, in today's units as a row has it
    y = 2 * x[:, 0] - x[:, 1] + 0.5 * (last - 1000) + 1000 + rng.normal(0, 0.01, n)
    unit = np.stack([1000 + 20 * season, 20 + 5 * season], 1)
    row = np.concatenate([x, (last[:, None] - unit[:, :1]) / unit[:, 1:]], 1).astype(f4)
    store = {"row": row, "steady": x.astype(f4), "scale": unit, "p": np.zeros((n, 1, 1), f4)}
    op, slot = np.tile(np.array([0, 1], np.int8), n), np.repeat(np.arange(n), 2)
    target = ((y - unit[:, 0]) / unit[:, 1]).astype(f4)[slot]
    member = LeastSquares(3, 0)
    member.scan(op, slot, target, np.ones(2 * n, f4), unit[slot], 0, 0, 2, store)
    said = unit[:, 0] + unit[:, 1] * store["p"][:, 0, 0]
    assert np.abs(said - y)[2000:].mean() < 0.02


def scan(stage, x):
    """Steady values of a column."""
    n = len(x)
    layout = Layout(1, 1, 2, 5, 1, 0, 1, 2)
    store = {
        "row": np.zeros((n, int(layout.offsets[-1])), f4),
        "ids": np.zeros((n, 1), np.int32),
        "mean_ids": np.zeros((n, 24), np.int32),
        "pairs": np.zeros((n, 64), np.int32),
        "steady": np.zeros((n, 1), f4),
    }
    stage.scan(np.zeros(n, np.int8), np.arange(n), x[:, None], layout.offsets, store)
    return store["steady"][:, 0]


@pytest.fixture
def stage():
    made = Inputs(steady=True)
    made.grow([False], 1)
    return made


def test_steady_units_are_held_until_they_are_wrong_by_much(stage):
    rng = np.random.default_rng(5)
    x = rng.normal(10, 2, SETTLED)
    assert scan(stage, x)[0] == 0.0  # one value has no scale
    mean, deviation = stage.s["steady"][0].tolist()
    assert (mean, deviation) == pytest.approx((x.mean(), x.std()))
    later = rng.normal(14, 4, 5000)
    assert scan(stage, later) == pytest.approx((later - mean) / deviation, abs=1e-4)
    assert stage.s["steady"][0].tolist() == [mean, deviation]
    scan(stage, rng.normal(10, 60 * OFF, 5000))
    assert stage.s["steady"][0, 1] > 4 * deviation


def test_an_outlier_is_bounded_and_a_missing_value_is_the_mean(stage):
    scan(stage, np.random.default_rng(6).normal(0, 1, 200))
    said = scan(stage, np.array([1e30, np.nan, -1e30]))
    assert 4 < said[0] < 20 and said[1] == 0.0 and -20 < said[2] < 0
