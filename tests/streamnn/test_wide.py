"""The wide member: pairs of categories, for classes and for numbers; columns with too many values for a category."""

from __future__ import annotations

import numpy as np

from streamnn.learners import Classifier, Regressor
from streamnn.types import LEARN, OBSERVE, Chunk

OP = np.int8([OBSERVE, LEARN])


def learnt(model, columns, y):
    n = len(y)
    model.run(Chunk(columns, np.tile(OP, n), np.repeat(np.arange(n), 2), np.repeat(y, 2)))
    return {k: v / n for k, v in model._pool.ledger.losses.items()}


def test_pairs_of_categories_learn_what_no_sum_over_them_says():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 4000), rng.integers(0, 6, 4000)
    table = rng.permutation(36).reshape(6, 6)  # a value for each pair
    columns = {"a": a.astype(float), "b": b.astype(float)}
    y = (table[a, b] % 2).astype(int)
    sums, pairs = (learnt(Classifier(range(2)), columns, y)[k] for k in ("logistic", "wide"))
    assert pairs < 0.35 < 0.5 < sums
    losses = learnt(Regressor(), columns, table[a, b].astype(float))
    assert losses["wide"] < 0.2 < 0.5 < losses["linear"]


def test_columns_with_many_values_are_hashed_one_by_one():
    rng = np.random.default_rng(1)
    who = rng.integers(0, 600, 40_000)
    y = rng.integers(0, 2, 600)[who]  # each has a label of its own; as a number `who` says nothing
    losses = learnt(Classifier(range(2)), {"who": who.astype(float)}, y)
    assert losses["wide"] < 0.4 < 0.6 < losses["logistic"]
    named = np.array([f"user {i}" for i in who], object)
    assert learnt(Classifier(range(2)), {"who": named}, y)["wide"] < 0.4


def test_numbers_that_are_not_whole_are_not_hashed():
    x = np.random.default_rng(2).random(2000)
    model = Classifier(range(2))
    learnt(model, {"x": x}, (x > 0.5).astype(int))
    wide = next(m for m in model._pool.members if m.names == ("wide",))
    assert not wide.s["pair"].any()
