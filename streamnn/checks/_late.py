"""Properties of the conformance suite that are about labels that come late."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import StreamnnError
from ._data import Subject, about, hash_of, same, teach

_LATE = ("observe", "learn", "expire", "state_dict")


@about(needs=_LATE)
def at_once_is_learn_one(s: Subject) -> None:
    """Observing and learning at once is learning one."""
    rows, labels = s.stream(60)
    loop, steps = teach(s.make(), rows, labels), s.make()
    for x, y in zip(rows, labels, strict=True):
        _, ticket = steps.observe(x)
        steps.learn(ticket, y)
    same(hash_of(steps), hash_of(loop), "the state")


@about(needs=_LATE)
def observing_says_what_a_look_says(s: Subject) -> None:
    """What is said of an event is what a look would have said just before."""
    learner = s.taught()
    x = s.stream(1, 6)[0][0]
    seen = s.answer(learner, x)
    out, _ = learner.observe(x)
    said = (
        out.mean[0] if out.proba is None else dict(zip(learner.classes, out.proba[0].tolist(), strict=False))
    )
    got, want = (list(v.values()) if isinstance(v, dict) else [v] for v in (said, seen))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


@about(needs=_LATE)
def a_label_may_come_in_any_order(s: Subject) -> None:
    """Labels may come in any order, late, or never; only pending events wait."""
    rows, labels = s.stream(120)
    learner, waiting = s.make(), dict[int, Any]()
    rng = np.random.default_rng(1)
    for x, y in zip(rows, labels, strict=True):
        waiting[learner.observe(x)[1]] = y
        for ticket in [t for t in waiting if rng.random() < 0.1]:
            y = waiting.pop(ticket)
            learner.expire(ticket) if rng.random() < 0.3 else learner.learn(ticket, y)
        assert learner.pending == len(waiting), f"{learner.pending} pending, {len(waiting)} wait"


@about(needs=_LATE)
def a_late_label_counts_for_its_own_row(s: Subject) -> None:
    """A label learns from its own event's row, whatever came between."""
    rows, labels = s.stream(600)
    learner, waiting = s.make(), list[tuple[int, Any]]()
    right, asked = 0.0, 0
    for i, (x, y) in enumerate(zip(rows, labels, strict=True)):
        if i >= 400:
            said, asked = learner.predict_one(x), asked + 1
            right += (said == y) if s.classify else abs(said - y) < 0.7
        waiting.append((learner.observe(x)[1], y))
        if len(waiting) > 20:
            learner.learn(*waiting.pop(0))
    assert right >= 0.7 * asked, f"{right:.0f} of {asked} right at delay 20"


@about(needs=_LATE)
def tickets_that_are_none(s: Subject) -> None:
    """A ticket that is not pending is refused by an error that names it, and changes nothing."""
    rows, labels = s.stream(3)
    learner = s.taught(20)
    _, ticket = learner.observe(rows[0])
    learner.learn(ticket, labels[0])
    before = hash_of(learner)
    for bad in (ticket, 10_000, -1):
        for call in (lambda t: learner.learn(t, labels[0]), learner.expire):
            try:
                call(bad)
            except StreamnnError as e:
                assert str(bad) in str(e), f"ticket {bad} is not named: {e}"
            else:
                raise AssertionError(f"ticket {bad} was taken")
            same(hash_of(learner), before, f"state after ticket {bad} was refused")
