"""The ledger's comparators: best expert, best sequences, worst interval; and the bounds beside them."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.learners import Classifier, Regressor
from streamnn.regret import Ledger
from streamnn.regret.ledger import FIRST


def test_comparators_are_what_was_best_in_hindsight():
    n = 4 * FIRST
    a = np.repeat([0.0, 1.0, 1.0, 0.0], FIRST)  # one expert is right at first and at last, the other between
    pool = np.full(n, 0.5)
    pool[:FIRST] = 2.0
    ledger = Ledger([], ["a", "b"])
    assert ledger.against() == []
    half = np.full(n, 0.5)
    ledger.scan(np.ones(n, np.int8), np.column_stack([a, 1.25 * (1 - a), pool, half, half]))
    best, one, two, worst = ledger.against((1, 2))
    assert best.comparator == "best expert, a" and best.loss == 2 * FIRST
    assert best.regret == ledger.regret == pool.sum() - 2 * FIRST
    assert one.comparator == "best sequence with 1 switch" and one.loss == 1.25 * FIRST
    assert two.comparator == "best sequence with 2 switches" and two.loss == 0.0 and two.switches == 2
    assert two.regret == pool.sum()
    assert worst.comparator == f"a where it did best: labels 1 to {FIRST}"
    assert worst.regret == 2.0 * FIRST and worst.switches is None


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_regrets_stay_under_their_bounds(make):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(700)
    y = np.where(np.arange(700) < 350, x > 0, x < 0).astype(int)
    model = make()
    assert model.regrets() == []
    model.learn_many({"x": x}, y.tolist())
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
