"""The ledger's comparators: best expert, best sequences, worst interval; and the bounds beside them."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.errors import SpecError
from streamnn.learners import Classifier, Regressor
from streamnn.regret import Ledger
from streamnn.regret.ledger import FIRST_SPACING
from streamnn.types import LEARN


def test_comparators_are_what_was_best_in_hindsight():
    n = 4 * FIRST_SPACING
    a = np.repeat(
        [0.0, 1.0, 1.0, 0.0], FIRST_SPACING
    )  # one expert is right at first and at last, the other between
    pool = np.full(n, 0.5)
    pool[:FIRST_SPACING] = 2.0
    ledger = Ledger([], ["a", "b"])
    assert ledger.against() == []
    half = np.full(n, 0.5)
    ledger.scan(np.full(n, LEARN, np.int8), np.column_stack([a, 1.25 * (1 - a), pool, half, half]))
    best, one, two, worst = ledger.against((1, 2))
    assert best.comparator == "best expert, a" and best.loss == 2 * FIRST_SPACING
    assert best.regret == ledger.regret == pool.sum() - 2 * FIRST_SPACING
    assert one.comparator == "best sequence with 1 switch" and one.loss == 1.25 * FIRST_SPACING
    assert two.comparator == "best sequence with 2 switches" and two.loss == 0.0 and two.switches == 2
    assert two.regret == pool.sum()
    assert worst.comparator == f"a where it did best: labels 1 to {FIRST_SPACING}"
    assert worst.regret == 2.0 * FIRST_SPACING and worst.switches is None


def test_regret_on_any_interval():
    n = 4 * FIRST_SPACING + 5
    ledger = Ledger([], ["a", "b"])
    loss = np.random.default_rng(1).uniform(size=(n, 3))
    ledger.scan(np.full(n, LEARN, np.int8), np.column_stack([loss, np.full((n, 2), 0.5)]))
    for first, last, start, stop in (
        (1, n, 0, n), (1, 1, 0, FIRST_SPACING), (FIRST_SPACING, FIRST_SPACING + 1, 0, 2 * FIRST_SPACING), (FIRST_SPACING + 1, 3 * FIRST_SPACING, FIRST_SPACING, 3 * FIRST_SPACING),
        (n, n, 4 * FIRST_SPACING, n),
    ):  # fmt: skip
        best = loss[start:stop, :2].sum(0)
        found = ledger.interval(first, last)
        name = "ab"[best.argmin()]
        assert found.comparator == f"{name} on labels {start + 1} to {stop}" and found.switches is None
        assert found.loss == pytest.approx(best.min())
        assert found.regret == pytest.approx(loss[start:stop, 2].sum() - best.min())
    for first, last in ((0, 5), (7, 6), (1, n + 1)):
        with pytest.raises(SpecError, match=f"within 1 to {n}"):
            ledger.interval(first, last)


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_regrets_stay_under_their_bounds(make):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(700)
    y = np.where(np.arange(700) < 350, x > 0, x < 0).astype(int)
    model = make()
    assert model.regrets() == []
    model.learn_many({"x": x}, y.tolist())
    assert model.regrets((1, 4), [(1, 700)])[-1]["regret"] == pytest.approx(model.scores()["regret"])
    rows = model.regrets((1, 4))
    assert len(rows) == 4 and rows[-1]["bound"] is None
    bounds = [r["bound"] for r in rows[:-1]]
    assert bounds == sorted(bounds) and all(r["regret"] <= r["bound"] for r in rows[:-1])
    assert bounds[0] == pytest.approx(model.scores()["regret_bound"], rel=0.01)
    losses = [r["loss"] for r in rows[:-1]]
    assert losses == sorted(losses, reverse=True)
    _, ticket = model.observe({"x": 0.0})
    model.observe({"x": 1.0})
    model.learn_one({"x": 1.0}, 1)
    model.learn(ticket, 0)
    late, _, switched, *_ = (r["bound"] for r in model.regrets((1, 4)))
    assert switched == float("inf"), "late labels: proven for the best expert only, and for classes only"
    assert late == float("inf") if make is Regressor else rows[0]["regret"] < late < 40
