"""The label join against a reference that goes event by event."""

from __future__ import annotations

import time as clock
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import StateError
from streamnn.types import EXPIRE, LEARN, OBSERVE
from streamnn_jobs.labels.recorded import LabelJoin

Op = tuple[int, int, float | None]


class Naive:
    """What the docstring of LabelJoin says, in the most literal way."""

    def __init__(self, **options: Any):
        self.o = {
            "delay_events": 0,
            "by_time": False,
            "expire_after": None,
            "expire_after_events": None,
            "limit": 10**9,
        }
        self.o.update(options)
        self.pending: dict[int, tuple[float, float, float]] = {}  # ticket -> time, due, label
        self.clock = -np.inf
        self.next = 0
        self.evicted = 0

    def event(self, label: float, time: float = 0.0, due: float = np.nan) -> list[Op]:
        o, out, e = self.o, [], self.next
        expired: list[int] = []
        if o["by_time"]:
            self.clock = max(self.clock, time)
            known = [(d, t, y) for t, (_, d, y) in self.pending.items() if not np.isnan(d) and d < self.clock]
            for _, t, y in sorted(known):
                out.append((LEARN, t, y))
                del self.pending[t]
            for t, (when, _, _) in self.pending.items():
                old = o["expire_after"] is not None and self.clock > when + o["expire_after"]
                many = o["expire_after_events"] is not None and e - t > o["expire_after_events"]
                if old or many:
                    expired.append(t)
        elif o["delay_events"] > 1:
            s = e - o["delay_events"]
            if s in self.pending:
                y = self.pending.pop(s)[2]
                out.append((EXPIRE, s, None) if np.isnan(y) else (LEARN, s, y))
        for t in expired:
            del self.pending[t]
        while len(self.pending) >= o["limit"]:
            t = min(self.pending)
            del self.pending[t]
            expired.append(t)
            self.evicted += 1
        out += [(EXPIRE, t, None) for t in sorted(expired)]
        out.append((OBSERVE, e, None))
        if not o["by_time"] and o["delay_events"] <= 1:
            out.append((EXPIRE, e, None) if np.isnan(label) else (LEARN, e, label))
        else:
            self.pending[e] = (time, np.nan if np.isnan(label) else due, label)
        self.next += 1
        return out


def as_list(ops: Any) -> list[Op]:
    return [
        (int(k), int(t), None if np.isnan(y) else float(y))
        for k, t, y in zip(ops.op, ops.ticket, ops.label, strict=True)
    ]


times = st.integers(0, 12).map(float)
event = st.tuples(
    st.one_of(st.just(np.nan), st.integers(0, 3).map(float)),
    times,
    st.one_of(st.just(np.nan), st.integers(-2, 25).map(float)),
)
options = st.one_of(
    st.fixed_dictionaries({"delay_events": st.integers(0, 7)}),
    st.fixed_dictionaries(
        {"by_time": st.just(True)},
        optional={
            "expire_after": st.integers(0, 8).map(float),
            "expire_after_events": st.integers(0, 9),
            "limit": st.integers(1, 6),
        },
    ),
)


@settings(deadline=None, max_examples=400)
@given(options, st.lists(event, max_size=40), st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_join_equals_the_reference_however_events_are_cut(
    o: dict[str, Any], events: list[Any], cuts: list[int]
) -> None:
    naive, join = Naive(**o), LabelJoin(**o)
    wanted: list[Op] = []
    for y, t, due in events:
        wanted += naive.event(y, t, due)
    got: list[Op] = []
    counts = np.zeros(6, int)
    at, i = 0, 0
    while at < len(events):
        piece = np.array(events[at : at + cuts[i % len(cuts)]])
        if i % 3 == 1:  # a resume in the middle
            state = join.state_dict()
            join = LabelJoin(**o)
            join.load_state_dict(state)
        ops = join.push(piece[:, 0], piece[:, 1], piece[:, 2])
        counts += [ops.labels, ops.learnt, ops.expired, ops.unlabelled, ops.evicted, ops.late]
        got += as_list(ops)
        at, i = at + len(piece), i + 1
    assert got == wanted
    labels, learnt, expired, unlabelled, evicted, late = counts
    assert len(events) == learnt + expired + unlabelled + join.pending
    assert labels == learnt + late + join.waiting
    assert evicted == naive.evicted
    assert join.pending == len(naive.pending)


def test_equal_label_times_are_learnt_in_the_order_of_tickets() -> None:
    join = LabelJoin(by_time=True)
    ops = join.push(
        np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 2.0, 9.0]), np.array([7.0, 6.0, 6.0, 20.0])
    )
    assert ops.ticket[ops.op == LEARN].tolist() == [1, 2, 0]


def test_a_label_known_exactly_now_is_not_known_yet() -> None:
    join = LabelJoin(by_time=True)
    ops = join.push(np.array([1.0, 0.0, 0.0]), np.array([0.0, 5.0, 6.0]), np.array([5.0, np.nan, np.nan]))
    assert as_list(ops) == [(OBSERVE, 0, None), (OBSERVE, 1, None), (LEARN, 0, 1.0), (OBSERVE, 2, None)]


def test_a_state_that_does_not_fit_is_refused() -> None:
    join = LabelJoin(by_time=True)
    state = join.state_dict()
    with pytest.raises(StateError, match="'due' is missing"):
        join.load_state_dict({k: v for k, v in state.items() if k != "due"})
    with pytest.raises(StateError, match="differ in length"):
        join.load_state_dict({**state, "due": np.zeros(3)})
    with pytest.raises(StateError, match="'label' is int64"):
        join.load_state_dict({**state, "label": np.zeros(0, np.int64)})


@pytest.mark.parametrize(
    ("o", "least"), [({}, 500_000), ({"delay_events": 48}, 500_000), ({"by_time": True}, 200_000)]
)
def test_the_join_is_fast_enough(o: dict[str, Any], least: int) -> None:
    rng = np.random.default_rng(0)
    n, piece = 100_000, 2048
    label, t = rng.integers(0, 2, n).astype(float), np.arange(n) / 3
    due = t + rng.integers(1, 500, n)
    join = LabelJoin(**o, **({"expire_after": 1000.0} if o.get("by_time") else {}))
    start = clock.process_time()
    for a in range(0, n, piece):
        join.push(label[a : a + piece], t[a : a + piece], due[a : a + piece])
    rate = n / (clock.process_time() - start)
    assert rate > least
