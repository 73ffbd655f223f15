"""What the conformance suite feeds to learners, and how it looks at them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..state import state_hash
from .scans import snapshot

CLASSES, NUMBERS = "classes", "numbers"
Make = Callable[[], Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """A learner under test.

    Parameters
    ----------
    make : callable
    task : {"classes", "numbers"}
    """

    make: Make
    task: str

    @property
    def classify(self) -> bool:
        """Whether it learns classes."""
        return self.task == CLASSES

    def stream(self, n: int, seed: int = 0) -> tuple[list[Row], list[Any]]:
        """Rows of two numbers, a small whole number and a name, and labels that depend on them."""
        rng = np.random.default_rng(seed)
        z, k = rng.standard_normal((n, 2)), rng.integers(0, 4, n)
        rows: list[Row] = [
            {"a": float(z[i, 0]), "b": float(z[i, 1]), "k": int(k[i]), "name": f"n{k[i] % 3}"}
            for i in range(n)
        ]
        value = z[:, 0] + (k == 2)
        return rows, [bool_to_word(v > 0) if self.classify else float(v) for v in value]

    def taught(self, n: int = 120, seed: int = 0) -> Any:
        """A learner that has learnt so many events."""
        return teach(self.make(), *self.stream(n, seed))

    def answer(self, learner: Any, x: Mapping[str, Any]) -> Any:
        """All that it says of a row."""
        return learner.predict_proba_one(dict(x)) if self.classify else learner.predict_one(dict(x))

    def answers(self, learner: Any, rows: list[Row]) -> list[Any]:
        """All that it says of rows."""
        return [self.answer(learner, x) for x in rows]


def about(**limits: Any) -> Callable[[Any], Any]:
    """Say what a property needs, or which tasks it is about."""

    def mark(f: Any) -> Any:
        f.about = limits
        return f

    return mark


def bool_to_word(v: bool) -> str:
    """Two labels."""
    return "yes" if v else "no"


def teach(learner: Any, rows: list[Row], labels: list[Any]) -> Any:
    """Learn events one by one."""
    for x, y in zip(rows, labels, strict=True):
        learner.learn_one(x, y)
    return learner


def columns(rows: list[Row]) -> dict[str, np.ndarray]:
    """Rows as columns: numbers float64, names object."""
    out: dict[str, np.ndarray] = {}
    for name in rows[0]:
        values = [x[name] for x in rows]
        text = isinstance(values[0], str)
        out[name] = np.array(values, object) if text else np.array(values, np.float64)
    return out


def hash_of(learner: Any) -> str:
    """Hash of its state."""
    return state_hash(*snapshot(learner))


def is_finite(answer: Any) -> bool:
    """Whether a forecast, or every probability, is a finite number."""
    values = answer.values() if isinstance(answer, dict) else [answer]
    return all(math.isfinite(v) for v in values)


def same(got: Any, want: Any, what: str) -> None:
    """Equal to the bit."""
    assert got == want, f"{what}: {got!r} is not {want!r}"
