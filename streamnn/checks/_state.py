"""Properties of the conformance suite that are about state."""

from __future__ import annotations

import copy

import numpy as np

from ..errors import StateError
from ._data import Subject, about, hash_of, same, teach
from .scans import restored, snapshot

_KEEPS = ("state_dict", "load_state_dict")


@about(needs=_KEEPS)
def looks_leave_no_trace(s: Subject) -> None:
    """Looking changes nothing."""
    learner = s.taught()
    before = hash_of(learner)
    for x in s.stream(30, 8)[0]:
        s.answer(learner, x)
        learner.predict_one({**x, "new": 1.0, "name": "never seen"})
    same(hash_of(learner), before, "the state's hash")


def looks_change_nothing_later(s: Subject) -> None:
    """Events learnt after a look give the bits they would have given without."""
    rows, labels = s.stream(80)
    plain, watched = s.make(), s.make()
    for x, y in zip(rows, labels, strict=True):
        plain.learn_one(x, y)
        s.answer(watched, {**x, "other": 1.0})
        watched.learn_one(x, y)
    same(s.answers(watched, rows[:9]), s.answers(plain, rows[:9]), "answers")


@about(needs=_KEEPS)
def exact_resume(s: Subject) -> None:
    """Stopping anywhere and going on from the saved bytes changes no bit."""
    rows, labels = s.stream(90)
    whole = teach(s.make(), rows, labels)
    for stop in (0, 1, 40, 89):
        first = teach(s.make(), rows[:stop], labels[:stop])
        rest = teach(restored(s.make, first), rows[stop:], labels[stop:])
        same(hash_of(rest), hash_of(whole), f"state when stopped at {stop}")
        same(s.answers(rest, rows[:9]), s.answers(whole, rows[:9]), f"answers when stopped at {stop}")


@about(needs=_KEEPS)
def a_state_is_a_copy(s: Subject) -> None:
    """A saved state is a copy: learning on does not change it, changing it does not change the learner."""
    learner = s.taught()
    arrays, _ = snapshot(learner)
    kept = {k: v.copy() for k, v in arrays.items()}
    teach(learner, *s.stream(40, 2))
    assert all(np.array_equal(kept[k], v, equal_nan=v.dtype.kind == "f") for k, v in arrays.items()), (
        "it changed"
    )
    before = hash_of(learner)
    for v in snapshot(learner)[0].values():
        v[...] = 0
    same(hash_of(learner), before, "state after its copy was zeroed")


@about(needs=_KEEPS)
def a_damaged_state(s: Subject) -> None:
    """A state that lacks a leaf or has one of another shape is refused by name, and nothing is half loaded."""
    arrays, meta = snapshot(s.taught())
    name = max(arrays, key=lambda k: arrays[k].size)
    lacking = {k: v for k, v in arrays.items() if k != name}
    other = {**arrays, name: np.zeros((*arrays[name].shape, 2), arrays[name].dtype)}
    learner = s.make()
    before = hash_of(learner)
    for damaged in (lacking, other):
        try:
            learner.load_state_dict(damaged, meta) if meta is not None else learner.load_state_dict(damaged)
        except StateError as e:
            assert name in str(e), f"leaf {name} is not named: {e}"
        else:
            raise AssertionError(f"a state without a good leaf {name} was loaded")
        same(hash_of(learner), before, "state after a refused load")


def a_deep_copy(s: Subject) -> None:
    """A deep copy goes its own way."""
    learner = s.taught()
    twin = copy.deepcopy(learner)
    rows, labels = s.stream(40, 2)
    before = s.answers(twin, rows[:9])
    teach(learner, rows, labels)
    same(s.answers(twin, rows[:9]), before, "the copy's answers after the original learnt on")
    teach(twin, rows, labels)
    same(s.answers(twin, rows[:9]), s.answers(learner, rows[:9]), "answers after the copy learnt the same")


@about(needs=_KEEPS)
def bounded_memory(s: Subject) -> None:
    """State does not grow with the number of events."""
    rows, labels = s.stream(2600)
    learner = teach(s.make(), rows[:1300], labels[:1300])
    first = sum(v.nbytes for v in snapshot(learner)[0].values())
    teach(learner, rows[1300:], labels[1300:])
    last = sum(v.nbytes for v in snapshot(learner)[0].values())
    assert last <= 1.25 * first, f"{first} bytes after 1300 events, {last} after 2600"
