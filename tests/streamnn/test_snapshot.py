"""Networks looked at while the pool learns on: as they were, whoever takes their time over it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from streamnn import Classifier


def learn(model: Classifier, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for a, b in rng.normal(size=(n, 2)):
        model.learn_one({"a": a, "b": b, "c": "x" if a > b else "y"}, int(a * b > 0))


def same(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> bool:
    return len(a) == len(b) and all(
        x.keys() == y.keys() and all(np.array_equal(x[k], y[k]) for k in x) for x, y in zip(a, b, strict=True)
    )


def test_a_snapshot_stays_as_it_was() -> None:
    model = Classifier()
    assert model.snapshot().functions() == [] == model.snapshot().slopes()
    learn(model, 300, 1)
    want, before = model.networks(), model.state_hash()
    found = model.snapshot()
    assert model.state_hash() == before and len(want) > 3
    learn(model, 300, 2)
    functions, slopes = found.functions(), found.slopes()
    assert same([f | s for f, s in zip(functions, slopes, strict=True)], want)
    assert not same(model.networks(), want)


def test_looking_from_another_thread_changes_no_bit() -> None:
    alone, watched = Classifier(), Classifier()
    for model in (alone, watched):
        learn(model, 200, 1)
    found: list[Any] = []
    snapshot = watched.snapshot()
    thread = threading.Thread(target=lambda: found.extend(snapshot.slopes()))
    thread.start()
    learn(watched, 400, 2)
    thread.join()
    learn(alone, 400, 2)
    assert watched.state_hash() == alone.state_hash() and all(s["certified"] >= s["attacked"] for s in found)
