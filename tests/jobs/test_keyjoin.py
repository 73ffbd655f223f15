"""Events and labels joined by key: against a slow, plain join, and however the sequence is cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn.errors import StateError
from streamnn.types import EXPIRE, LEARN, OBSERVE
from streamnn_jobs.labels.live import KeyJoin

# (is label, key, label, time)
Item = tuple[bool, str | None, float, float]
items = st.lists(
    st.one_of(
        st.tuples(
            st.just(False), st.sampled_from([None, *"abcdefgh"]), st.just(0.0), st.integers(0, 30).map(float)
        ),
        st.tuples(
            st.just(True),
            st.sampled_from("abcdefgh"),
            st.sampled_from([0.0, 1.0, float("nan")]),
            st.just(0.0),
        ),
    ),
    max_size=60,
)
options = st.fixed_dictionaries(
    {
        "expire_after": st.one_of(st.none(), st.integers(1, 15).map(float)),
        "expire_after_events": st.one_of(st.none(), st.integers(1, 6)),
        "limit": st.integers(1, 6),
        "early_limit": st.integers(1, 4),
    }
)


def merge(join: KeyJoin, sequence: list[Item]) -> list[tuple[int, int, float | None]]:
    ops = join.merge(
        np.array([i[0] for i in sequence], bool),
        [i[1] for i in sequence],
        np.array([i[2] for i in sequence], np.float64),
        np.array([i[3] for i in sequence], np.float64),
    )
    labels = [None if y != y else y for y in ops.label.tolist()]
    return list(zip(ops.op.tolist(), ops.ticket.tolist(), labels, strict=True))


def plain(sequence: list[Item], **o: Any) -> list[tuple[int, int, float | None]]:
    """The rules, one after another, over lists."""
    out: list[tuple[int, int, float | None]] = []
    pending: list[tuple[str, int, float]] = []
    early: list[tuple[str, float, float, int]] = []
    settled: list[str] = []
    clock, ticket = -np.inf, 0

    def settle(key: str) -> None:
        if key in settled:
            settled.remove(key)
        settled.append(key)
        del settled[: -o["limit"]]

    def close(key: str, number: int, y: float) -> None:
        out.append((EXPIRE, number, None) if y != y else (LEARN, number, y))
        settle(key)

    for is_label, key, y, time in sequence:
        if is_label:
            assert key is not None
            mine = [p for p in pending if p[0] == key]
            if mine:
                pending.remove(mine[0])
                close(key, mine[0][1], y)
            elif key not in [e[0] for e in early] and key not in settled:
                if len(early) >= o["early_limit"]:
                    early.pop(0)
                early.append((key, y, clock, ticket))
            continue
        if (
            clock == -np.inf and o["expire_after"] is not None
        ):  # came before all time: counts from the first event
            early = [(k, y, time, n) for k, y, _, n in early]
        clock = max(clock, time)
        waiting = [e for e in early if e[0] == key]
        early = [e for e in early if e[0] != key]
        gone = []
        if o["expire_after"] is not None:
            gone += [p for p in pending if p[2] < clock - o["expire_after"]]
            while early and early[0][2] < clock - o["expire_after"]:
                early.pop(0)
        pending = [p for p in pending if p not in gone]
        if o["expire_after_events"] is not None:
            old = [p for p in pending if p[1] < ticket - o["expire_after_events"]]
            pending = [p for p in pending if p not in old]
            gone += old
            while early and early[0][3] < ticket - o["expire_after_events"]:
                early.pop(0)
        while len(pending) >= o["limit"]:
            gone.append(pending.pop(0))
        for name, number, _ in sorted(gone, key=lambda p: p[1]):
            out.append((EXPIRE, number, None))
            settle(name)
        out.append((OBSERVE, ticket, None))
        if key is None or key in [p[0] for p in pending]:
            out.append((EXPIRE, ticket, None))
        elif waiting:
            close(key, ticket, waiting[0][1])
        else:
            pending.append((key, ticket, time))
        ticket += 1
    return out


@given(items, options)
def test_as_a_plain_join_says(sequence: list[Item], o: dict[str, Any]) -> None:
    assert merge(KeyJoin(**o), sequence) == plain(sequence, **o)


@given(items, options, st.lists(st.integers(0, 60), max_size=4))
def test_cuts_and_checkpoints_change_nothing(
    sequence: list[Item], o: dict[str, Any], cuts: list[int]
) -> None:
    whole, join = KeyJoin(**o), KeyJoin(**o)
    expected = merge(whole, sequence)
    found: list[Any] = []
    places = [0, *sorted(cuts), len(sequence)]
    for start, stop in pairwise(places):
        found += merge(join, sequence[start:stop])
        fresh = KeyJoin(**o)
        fresh.load_state_dict(join.state_dict())
        join = fresh
    assert found == expected
    for name, array in whole.state_dict().items():
        assert np.array_equal(array, join.state_dict()[name], equal_nan=array.dtype == np.float64), name


@given(items, options)
def test_every_label_is_accounted_for(sequence: list[Item], o: dict[str, Any]) -> None:
    join = KeyJoin(**o)
    ops = join.merge(
        np.array([i[0] for i in sequence], bool),
        [i[1] for i in sequence],
        np.array([i[2] for i in sequence], np.float64),
        np.array([i[3] for i in sequence], np.float64),
    )
    assert ops.labels == ops.learnt + ops.closed + join.waiting + ops.late + ops.duplicates + ops.unmatched
    assert join.next_ticket == ops.learnt + join.pending + ops.expired + ops.unlabelled
    assert join.pending <= o["limit"] and join.waiting <= o["early_limit"]


EVENT_A: Item = (False, "a", 0.0, 5.0)
LABEL_A: Item = (True, "a", 1.0, 0.0)


@pytest.mark.parametrize("how", [{}, {"expire_after": 1000.0}, {"expire_after_events": 1}])
def test_a_label_before_the_first_event_is_kept_for_its_own(how: dict[str, Any]) -> None:
    learnt = [(OBSERVE, 0, None), (LEARN, 0, 1.0)]
    assert merge(KeyJoin(**how), [LABEL_A, EVENT_A]) == learnt
    other: Item = (False, "b", 0.0, 5.0)
    assert merge(KeyJoin(**how), [LABEL_A, other, EVENT_A])[-1] == (LEARN, 1, 1.0)


def test_a_label_before_the_first_event_waits_from_that_event_on() -> None:
    late: list[Item] = [(False, "b", 0.0, 7.0), (False, "c", 0.0, 16.0), (False, "d", 0.0, 18.0)]
    join = KeyJoin(expire_after=10.0)
    merge(join, [LABEL_A, *late[:2]])
    assert join.waiting == 1
    fresh = KeyJoin(expire_after=10.0)
    fresh.load_state_dict(join.state_dict())
    for each in (join, fresh):
        merge(each, late[2:])
        assert each.waiting == 0


@pytest.mark.parametrize("how", [{"expire_after": 1000.0}, {"expire_after_events": 1}])
def test_a_gap_before_its_event_does_not_kill_a_label(how: dict[str, Any]) -> None:
    first: Item = (False, "b", 0.0, 0.0)
    far: Item = (False, "a", 0.0, 5000.0)
    # its own event is the one that ends the gap
    assert (LEARN, 1, 1.0) in merge(KeyJoin(**how), [first, LABEL_A, far])
    # another one came first, and too much time or too many events went by
    more: list[Item] = [(False, key, 0.0, 4000.0) for key in "cde"]
    assert not [op for op in merge(KeyJoin(**how), [first, LABEL_A, *more, far]) if op[0] == LEARN]


def settled_soon(count: int) -> list[Item]:
    """Events of which nine in ten get their label at once, and so do late ones of the rest."""
    out: list[Item] = []
    for i in range(count):
        out.append((False, f"k{i}", 0.0, float(i)))
        if i % 10:
            out.append((True, f"k{i}", 1.0, 0.0))
        if i >= 300 and i % 30 == 0:
            out.append((True, f"k{i - 300}", 0.0, 0.0))
    return out


def test_what_is_kept_is_bounded_by_what_may_be_pending() -> None:
    join = KeyJoin(expire_after=1e9, limit=100)
    for i in range(20):
        merge(
            join,
            [
                item
                for j in range(500)
                for item in ((False, f"{i} {j}", 0.0, 0.0), (True, f"{i} {j}", 1.0, 0.0))
            ],
        )
        assert join.pending == 0 and len(join._ages) <= 1026
    join = KeyJoin(expire_after=1e9, limit=100)  # none of these ever gets its label
    merge(join, [(False, f"{i}", 0.0, 0.0) for i in range(10_000)])
    assert join.pending == 100 and len(join._ages) <= 2 * join.pending + 1024


def test_forgetting_settled_ages_changes_nothing() -> None:
    o = {"expire_after": 2000.0, "expire_after_events": None, "limit": 300, "early_limit": 4}
    sequence = settled_soon(6000)
    whole = KeyJoin(**o)
    assert merge(whole, sequence) == plain(sequence, **o)
    join, at = KeyJoin(**o), 0
    for stop in (5, 1500, 1501, 4000, 9000, len(sequence)):
        merge(join, sequence[at:stop])
        fresh, at = KeyJoin(**o), stop
        fresh.load_state_dict(join.state_dict())
        join = fresh
    for name, array in whole.state_dict().items():
        assert np.array_equal(array, join.state_dict()[name]), name


def test_states_that_do_not_fit_are_refused() -> None:
    join = KeyJoin()
    merge(join, [(False, "a", 0.0, 0.0), (True, "b", 1.0, 0.0)])
    good = join.state_dict()
    for name, array, words in (
        ("time", None, "'time' is missing"),
        ("ticket", good["ticket"].astype(np.int32), "'ticket' is int32"),
        ("ticket", good["ticket"][:0], "differ in length"),
        ("early_ends", good["early_ends"] + 1, "do not fit"),
    ):
        bad = {**good, name: array}
        if array is None:
            del bad[name]
        with pytest.raises(StateError, match=words):
            KeyJoin().load_state_dict(bad)
