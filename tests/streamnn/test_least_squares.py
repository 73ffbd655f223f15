"""The linear member of the regressor, and the steady units that it reads."""

import numpy as np
import pytest
from member_helpers import room, segment

from streamnn import Regressor
from streamnn.features.inputs import Inputs
from streamnn.features.layout import Layout
from streamnn.features.steady import STEADY_AFTER, STEADY_ERROR
from streamnn.members.least_squares import LeastSquares
from streamnn.types import LEARN, OBSERVE, Chunk

f4 = np.float32


def test_what_is_exactly_linear_is_learnt_although_the_targets_units_drift():
    rng = np.random.default_rng(3)
    n = 4000
    season = np.sin(np.arange(n) / 700)
    x = rng.normal(0, 1, (n, 2)) * (1.5 + season)[:, None] + 2 * season[:, None]
    last = np.r_[
        1000.0, (2 * x[:, 0] - x[:, 1] + 1000)[:-1]
    ]  # an earlier target, in today's units as a row has it
    y = 2 * x[:, 0] - x[:, 1] + 0.5 * (last - 1000) + 1000 + rng.normal(0, 0.01, n)
    unit = np.stack([1000 + 20 * season, 20 + 5 * season], 1)
    row = np.concatenate([0 * x, (last[:, None] - unit[:, :1]) / unit[:, 1:]], 1).astype(f4)
    store = {
        "row": row,
        "steady": x.astype(f4),
        "scale": unit,
        "p": np.zeros((n, 3, 1), f4),
        "controls": np.zeros((n, 3)),
    }
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    target = ((y - unit[:, 0]) / unit[:, 1]).astype(f4)[slot]
    rows = Layout(2, 0, 0, 0, 1, 1, 1, 0)  # two columns and one earlier target
    LeastSquares(room(rows)).step(segment(op, slot, y[slot], target=target, unit=unit[slot]), rows, store)
    said = unit[:, 0] + unit[:, 1] * store["p"][:, 0, 0]
    assert np.abs(said - y)[2000:].mean() < 0.02


def test_a_target_that_stood_still_leaves_no_huge_weights():
    rng = np.random.default_rng(8)
    n = 30_000
    x = rng.normal(0, 1, n)
    y = np.where(np.arange(n) < 2000, 100 + 3 * x, np.where(np.arange(n) < 20_000, 5.0, 5 + 2 * x))
    model = Regressor(alarms=False)
    op, ticket = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    lost = []
    for part in (slice(0, 25_000), slice(25_000, n)):
        ops = slice(2 * part.start, 2 * part.stop)
        model.run(Chunk({"x": x[part]}, op[ops], ticket[ops], np.repeat(y[part], 2)))
        lost.append(model._pool.ledger.mean("mae_linear") * part.stop)
    assert (lost[1] - lost[0]) / 5000 < 1.5


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
    stage.scan(np.full(n, OBSERVE, np.int8), np.arange(n), x[:, None], layout.offsets, store)
    return store["steady"][:, 0]


@pytest.fixture
def stage():
    made = Inputs(steady=True)
    made.grow([False], 1)
    return made


def test_steady_units_are_held_until_they_are_wrong_by_much(stage):
    rng = np.random.default_rng(5)
    x = rng.normal(10, 2, STEADY_AFTER)
    assert scan(stage, x)[0] == 0.0  # one value has no scale
    mean, deviation = stage.s["steady"][0].tolist()
    assert (mean, deviation) == pytest.approx((x.mean(), x.std()))
    later = rng.normal(14, 4, 5000)
    assert scan(stage, later) == pytest.approx((later - mean) / deviation, abs=1e-4)
    assert stage.s["steady"][0].tolist() == [mean, deviation]
    scan(stage, rng.normal(10, 5 * STEADY_ERROR, 5000))
    assert stage.s["steady"][0, 1] > 100 * deviation


def test_steady_units_that_are_far_too_large_are_left(stage):
    rng = np.random.default_rng(7)
    scan(stage, rng.normal(0, 1, 16) * 1e9)
    scan(stage, rng.normal(0, 1, 16) * 1e9)
    before = stage.s["steady"][0, 1]
    stage.s["count"][0] = 5000, 0.0, 5000.0  # as if all but the first were of another size
    scan(stage, rng.normal(0, 1, 10))
    assert before > 1e8 and stage.s["steady"][0, 1] == pytest.approx(1.0, rel=0.1)


def test_an_outlier_is_bounded_and_a_missing_value_is_the_mean(stage):
    scan(stage, np.random.default_rng(6).normal(0, 1, 200))
    scan(stage, np.random.default_rng(7).normal(3, 1, 2000))
    said = scan(stage, np.array([np.nan, 1e30, -1e30]))
    mean, deviation = stage.s["steady"][0]
    assert said[0] == pytest.approx((2.73 - mean) / deviation, abs=0.1)
    assert 4 < said[1] < 20 and -20 < said[2] < 0
