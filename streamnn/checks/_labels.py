"""Properties of the conformance suite that are about labels."""

from __future__ import annotations

import math
from typing import Any

from ..errors import StreamnnError
from ._data import CLASSES, NUMBERS, Subject, about, hash_of, is_finite, same, teach

REFUSED = (StreamnnError, ValueError, TypeError)


def before_any_label(s: Subject) -> None:
    """Before the first label there is an answer, not an error."""
    learner = s.make()
    x = s.stream(1)[0][0]
    if s.classify:
        same(learner.predict_proba_one(x), {}, "probabilities")
        same(learner.predict_one(x), None, "the class")
    else:
        assert math.isfinite(learner.predict_one(x)), "no finite forecast"


@about(tasks=(CLASSES,))
def probabilities_add_up(s: Subject) -> None:
    """Probabilities add up to one."""
    learner = s.make()
    for x, y in zip(*s.stream(150), strict=True):
        learner.learn_one(x, y)
        p = learner.predict_proba_one(x)
        assert math.isclose(sum(p.values()), 1.0, abs_tol=1e-6), f"they add up to {sum(p.values())!r}"
        assert all(0.0 <= v <= 1.0 for v in p.values()), repr(p)


@about(tasks=(CLASSES,))
def most_probable(s: Subject) -> None:
    """The class predicted is the most probable one."""
    learner = s.taught()
    for x in s.stream(30, 7)[0]:
        p = learner.predict_proba_one(x)
        same(p[learner.predict_one(x)], max(p.values()), "its probability")


@about(tasks=(CLASSES,))
def labels_of_every_kind(s: Subject) -> None:
    """Labels may be whole numbers, strings or booleans, and come back as they were."""
    rows, labels = s.stream(60)
    kinds: list[dict[Any, Any]] = [
        {"yes": 1, "no": 0},
        {"yes": "ja", "no": "nein"},
        {"yes": True, "no": False},
    ]
    for kind in kinds:
        learner = teach(s.make(), rows, [kind[y] for y in labels])
        p = learner.predict_proba_one(rows[0])
        same(set(p), set(kind.values()), "the classes")
        assert {type(c) for c in p} == {type(c) for c in kind.values()}, (
            f"classes {list(p)} are of another type"
        )


@about(tasks=(CLASSES,))
def new_class(s: Subject) -> None:
    """A class never seen may come at any time, and is learnt."""
    rows, labels = s.stream(200)
    learner = teach(s.make(), rows[:100], labels[:100])
    learner.learn_one(rows[100], "third")
    p = learner.predict_proba_one(rows[101])
    assert set(p) == {"yes", "no", "third"} and is_finite(p), repr(p)
    for x in rows[101:]:
        learner.learn_one(x, "third")
    same(learner.predict_one(rows[0]), "third", "after a hundred events of the new class, the class")


@about(tasks=(CLASSES,))
def a_new_class_moves_no_other(s: Subject) -> None:
    """A new class keeps the ratios of the old ones, up to what one event may teach."""
    learner = s.taught(300)
    rows, _ = s.stream(60, 5)

    def odds() -> list[float]:
        said = s.answers(learner, rows)
        return [math.log(max(p["yes"], 1e-9) / max(p["no"], 1e-9)) for p in said]

    before = odds()
    learner.learn_one(s.stream(1, 6)[0][0], "maybe")  # whoever sorts classes moves both others
    after = odds()
    size = sum(map(abs, before))
    moved = sum(abs(a - b) for a, b in zip(before, after, strict=True))
    assert moved <= 0.75 * size, f"log odds moved by {moved / size:.0%}"


@about(tasks=(NUMBERS,))
def unit_of_the_target(s: Subject) -> None:
    """The unit of the target does not matter."""
    rows, labels = s.stream(300)
    small, large = s.make(), s.make()
    for x, y in zip(rows, labels, strict=True):
        small.learn_one(x, y)
        large.learn_one(x, 1024.0 * y)
    for x in rows[:20]:
        a, b = small.predict_one(x), large.predict_one(x) / 1024.0
        assert math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-3), f"{a!r} against {b!r}"


@about(tasks=(NUMBERS,))
def a_lone_target(s: Subject) -> None:
    """One wild target does not drown what was learnt."""
    rows, labels = s.stream(800)
    learner = teach(s.make(), rows[:600], labels[:600])
    learner.learn_one(rows[600], 1e6)
    teach(learner, rows[601:700], labels[601:700])
    worst = sorted(abs(learner.predict_one(x) - y) for x, y in zip(rows[700:], labels[700:], strict=True))
    assert worst[50] < 5.0, f"a hundred events later half of the errors are over {worst[50]:.3g}"


@about(needs=("state_dict",))
def labels_that_are_none(s: Subject) -> None:
    """What is no label is refused by an error that shows it, and changes nothing."""
    rows, _ = s.stream(3)
    learner = s.taught()
    bad: list[Any] = [None, math.nan, [1], {"a": 1}]
    if not s.classify:
        bad += ["three", math.inf]
    before = hash_of(learner)
    for y in bad:
        try:
            learner.learn_one(rows[0], y)
        except REFUSED as e:
            shown = repr(y) if not isinstance(y, float) else str(y)
            assert shown in str(e), f"{y!r} was refused, but the error does not show it: {e}"
        else:
            raise AssertionError(f"{y!r} was learnt as a label")
        same(hash_of(learner), before, f"state after {y!r} was refused")
