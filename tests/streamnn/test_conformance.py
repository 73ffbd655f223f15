"""Every learner of ours, found by itself, against the whole conformance suite; and the suite against broken ones."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from streamnn import learners
from streamnn.checks import CHECKS, check_learner
from streamnn.checks._data import CLASSES, NUMBERS, Subject
from streamnn.learners import Classifier

ALL = {k: c for k, c in vars(learners).items() if isinstance(c, type) and hasattr(c, "learn_one")}
OF_MODULES = {k: c for k, c in ALL.items() if "make" in inspect.signature(c).parameters}
"""Those that take a network of the user's: held to the suite in test_torch_learners.py and test_lone_guest.py."""
LEARNERS = {k: c for k, c in ALL.items() if k not in OF_MODULES}
ABSENT = {"NetworkClassifier": {"observe", "learn", "expire"}}
"""Methods that a learner of ours does without."""


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("learner", LEARNERS)
def test_our_learners_keep(learner, name):
    make = LEARNERS[learner]
    task = CLASSES if hasattr(make, "predict_proba_one") else NUMBERS
    applies = task in CHECKS[name].tasks and not ABSENT.get(learner, set()) & set(CHECKS[name].needs)
    assert check_learner(make, task, [name]) == ([name] if applies else [])


def test_the_suite_is_a_suite():
    assert set(LEARNERS) == {"Classifier", "Regressor", "NetworkClassifier"}
    assert {"TorchClassifier", "TorchRegressor"} <= set(OF_MODULES)
    assert len(CHECKS) >= 20
    for task in (CLASSES, NUMBERS):
        assert sum(task in c.tasks for c in CHECKS.values()) >= 20


class Majority:
    """A learner that keeps the properties that apply to it, but learns nothing of rows."""

    def __init__(self):
        self.counts = {}

    def learn_one(self, x, y):
        if isinstance(y, (list, dict)) or y is None or y != y:
            raise ValueError(f"no label: {y}")
        self.counts[y] = self.counts.get(y, 0) + 1

    def predict_proba_one(self, x):
        n = sum(self.counts.values())
        return {c: v / n for c, v in self.counts.items()}

    def predict_one(self, x):
        return max(self.counts, key=self.counts.get) if self.counts else None


class Mutating(Majority):
    def learn_one(self, x, y):
        x.clear()
        super().learn_one({}, y)


class Peeking(Majority):
    def predict_proba_one(self, x):
        self.counts["yes"] = self.counts.get("yes", 0) + 1
        return super().predict_proba_one(x)


class Overfull(Majority):
    def predict_proba_one(self, x):
        return {c: 2 * v for c, v in super().predict_proba_one(x).items()}


class Fragile(Majority):
    def predict_proba_one(self, x):
        return dict.fromkeys(self.counts, x.get("a") or math.nan)


class Sorting:
    """A learner whose weights lie by the order of fields and of classes, which it sorts whenever it sees a new one."""

    def __init__(self):
        self.fields, self.classes, self.w = [], [], np.zeros((8, 4))

    def _row(self, x):
        self.fields = sorted({*self.fields, *(k for k, v in x.items() if not isinstance(v, str))})
        return np.array([x.get(k, 0.0) for k in self.fields] + [0.0] * (8 - len(self.fields)))

    def predict_proba_one(self, x):
        o = np.exp(self._row(x) @ self.w)[: len(self.classes)]
        return dict(zip(self.classes, o / o.sum(), strict=True))

    def predict_one(self, x):
        p = self.predict_proba_one(x)
        return max(p, key=p.get) if p else None

    def learn_one(self, x, y):
        self.classes = sorted({*self.classes, y})
        p = np.array([*self.predict_proba_one(x).values()] + [0.0] * (4 - len(self.classes)))
        p[self.classes.index(y)] -= 1.0
        self.w -= 0.1 * np.outer(self._row(x), p)


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (Majority, "it learns what is there to learn"),
        (Mutating, "a row is left as it was"),
        (Peeking, "events learnt after a look give the bits they would have given without"),
        (Overfull, "probabilities add up to one"),
        (Fragile, "infinite and huge numbers do no harm, then or later"),
        (Sorting, "a mere look at a row with a field never seen changes no later prediction"),
        (Sorting, "a new class keeps the ratios of the old ones, up to what one event may teach"),
    ],
)
def test_the_suite_finds_what_is_broken(broken, name):
    with pytest.raises(AssertionError, match=name[:20]):
        check_learner(broken, only=[name])


def test_what_a_learner_does_not_offer_is_left_out():
    ran = check_learner(
        Majority,
        only=[
            n
            for n in CHECKS
            if n != "it learns what is there to learn"
            and n != "a class never seen may come at any time, and is learnt"
        ],
    )
    assert 8 <= len(ran) < len(CHECKS) and not any("pending" in n for n in ran)
    assert not CHECKS["looking changes nothing"].applies(Subject(Majority, CLASSES))
    assert CHECKS["looking changes nothing"].applies(Subject(Classifier, CLASSES))
