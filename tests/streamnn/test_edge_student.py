"""The student: chunks, resume, late labels, new columns and classes, alarms, what is published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamnn.edge import Device
from streamnn.edge.probabilities import POWERS, RECIPROCALS
from streamnn.edge.saving import to_bytes
from streamnn.edge.student import ARMS, Student, StudentOptions
from streamnn.edge.student.following import learn_on_device
from streamnn.errors import SpecError, StateError
from streamnn.state import state_hash
from streamnn.types import LEARN, OBSERVE, Alarm, Chunk, Output

N = 1200
OPTIONS = StudentOptions(every=400, first=(64, 128, 256), hidden=(16,), reservoir=500)


def table(n: int = N, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns with missing values, a category, one that wakes, one that comes late, and a clock."""
    rng = np.random.default_rng(seed)
    a = rng.normal(20.0, 5.0, n)
    a[rng.random(n) < 0.05] = np.nan
    b = rng.integers(0, 6, n).astype(float)
    kind = rng.choice(["x", "y", "z"], n).astype(object)
    kind[rng.random(n) < 0.05] = None
    kind[430::40] = "new"
    late = np.where(np.arange(n) < 500, np.nan, rng.normal(size=n) * 1000.0)
    return {"a": a, "b": b, "kind": kind, "wakes": np.where(np.arange(n) < 700, 0.0, rng.normal(size=n)), "late": late,
            "clock": np.arange(n) * 7.0}  # fmt: skip


def labels_of(columns: dict[str, np.ndarray]) -> np.ndarray:
    a, b = np.nan_to_num(columns["a"], nan=20.0), columns["b"]
    y = np.where((a > 20) ^ (b > 3), "up", "down").astype(object)
    y[900:][b[900:] == 5] = "third"  # a class that comes late
    return y


def log(n: int, delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Operations with labels that come `delay` events late; every 50th event is never labelled."""
    op, ticket = [], []
    for t in range(n + delay):
        if t < n:
            op.append(OBSERVE)
            ticket.append(t)
        if t >= delay and (t - delay) % 50 != 49:
            op.append(LEARN)
            ticket.append(t - delay)
    return np.array(op, np.int8), np.array(ticket)


ALARMS = [
    Alarm(700, "feature worst", "", "feature changed unit", 690),
    Alarm(1000, "loss", "", "new concept", 980),
]


class Pool:
    """What a pool would say, without one: noisy forecasts and given alarms, of events from ticket `begins` on."""

    def __init__(self, y: np.ndarray, classify: bool, begins: int = 0):
        self.y, self.classify = y, classify
        self.classes: list[Any] = []
        self.begins = self.events = begins

    def run(self, chunk: Chunk) -> Output:
        seen, known = chunk.ticket[chunk.op == OBSERVE], []
        for op, v in zip(chunk.op.tolist(), chunk.label.tolist(), strict=True):
            if op == OBSERVE:
                known.append(len(self.classes))
            elif op == LEARN and self.classify and v not in self.classes:
                self.classes.append(v)
        zero = np.zeros(len(seen))
        last = self.events
        self.events = int(seen[-1]) + 1 if len(seen) else self.events
        alarms = [
            replace(a, event=a.event + self.begins, began=a.began + self.begins)
            for a in ALARMS
            if last <= a.event + self.begins < self.events
        ]
        if not self.classify:
            return Output(seen, zero, zero, alarms, median=self.y[seen - self.begins] + 1.0)
        proba = np.zeros((len(seen), len(self.classes)), np.float32)
        for i, t in enumerate((seen - self.begins).tolist()):
            proba[i, : known[i]] = 0.1
            if self.y[t] in self.classes[: known[i]]:  # nothing is said of classes that come later
                proba[i, self.classes.index(self.y[t])] = 0.8
        return Output(seen, zero, zero, alarms, proba=proba)


def feed(
    student: Student,
    pool: Pool,
    columns: dict[str, np.ndarray],
    op: np.ndarray,
    ticket: np.ndarray,
    size: int,
) -> list[Any]:
    out = []
    for at in range(0, len(op), size):
        part = slice(at, at + size)
        rows = slice(int((op[:at] == OBSERVE).sum()), int((op[: at + size] == OBSERVE).sum()))
        label = pool.y[ticket[part] - pool.begins]
        chunk = Chunk({k: v[rows] for k, v in columns.items()}, op[part], ticket[part], label)
        out += student.run(chunk, pool.run(chunk), pool.classes)
    return out


def streams(classify: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    columns = table()
    y = labels_of(columns) if classify else np.nan_to_num(columns["a"], nan=20.0) * 3.0 + columns["b"]
    return columns, y


KNOWN = ["up", "down", "third"]


@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("history", [True, False])
def test_chunks_and_resume_give_the_same_bits(classify: bool, history: bool) -> None:
    columns, y = streams(classify)
    op, ticket = log(N, 30)
    options = replace(OPTIONS, history=history)
    hashes, published = [], []
    for size in (7, 400, 5000):
        student, pool = Student(classify, options), Pool(y, classify)
        published.append(
            [(p.event, p.reason, p.refused) for p in feed(student, pool, columns, op, ticket, size)]
        )
        hashes.append(state_hash(*student.state_dict()))
    assert published[0] == published[1] == published[2]
    assert {r for _, r, _ in published[0]} >= {"schedule", "feature changed unit", "new concept"}
    assert hashes[0] == hashes[1] == hashes[2]
    # stop at 1,000 operations, go on from the saved state
    student, pool = Student(classify, options), Pool(y, classify)
    seen = int((op[:1000] == OBSERVE).sum())
    feed(student, pool, {k: v[:seen] for k, v in columns.items()}, op[:1000], ticket[:1000], 333)
    arrays, meta = student.state_dict()
    other = Student(classify, options)
    other.load_state_dict(arrays, meta)
    assert state_hash(*other.state_dict()) == state_hash(arrays, meta)
    feed(other, pool, {k: v[seen:] for k, v in columns.items()}, op[1000:], ticket[1000:], 97)
    assert state_hash(*other.state_dict()) == hashes[0]


def test_one_that_begins_late_publishes_the_same() -> None:
    columns, y = streams(True)
    op, ticket = log(N, 30)
    artefacts = []
    for begins in (0, 100_000):
        student, pool = Student(True, OPTIONS), Pool(y, True, begins)
        pool.classes = list(KNOWN)
        published = feed(student, pool, columns, op, ticket + begins, 400)
        artefacts.append([to_bytes(p.artefact) for p in published])
    assert artefacts[0] == artefacts[1]


def sparse(n: int = 300) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Nothing is read of the first events, and the classes come one after another."""
    rng = np.random.default_rng(4)
    late = np.where(np.arange(n) < 80, np.nan, rng.normal(size=n))
    wild = np.where(np.arange(n) < 120, np.nan, rng.normal(size=n) * 10.0 ** rng.uniform(-300, 300, n))
    wild[200::7] = np.inf
    return {"late": late, "wild": wild}, np.array(["a", "b", "c"], object)[np.arange(n) // 110]


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("classify", [True, False])
def test_columns_and_classes_that_are_not_there_yet_change_nothing(size: int, classify: bool) -> None:
    columns, y = sparse()
    y = y if classify else np.nan_to_num(columns["late"])
    op, ticket = log(len(y), 30)
    hashes = []
    for cut in (size, 5000):
        student, pool = Student(classify, replace(OPTIONS, first=(64, 128, 200))), Pool(y, classify)
        published = feed(student, pool, columns, op, ticket, cut)
        assert published
        hashes.append(state_hash(*student.state_dict()))
    assert hashes[0] == hashes[1]


def test_a_state_of_other_options_is_refused() -> None:
    columns, y = streams(True)
    op, ticket = log(200, 0)
    student, pool = Student(True, OPTIONS), Pool(y, True)
    feed(student, pool, {k: v[:200] for k, v in columns.items()}, op, ticket, 100)
    saved = student.state_dict()
    with pytest.raises(StateError, match=r"edge.weights is 4, and was 8"):
        Student(True, replace(OPTIONS, weights=4)).load_state_dict(*saved)
    with pytest.raises(StateError, match="new student"):
        student.load_state_dict(*saved)


def test_what_is_published_runs_on_a_device() -> None:
    """The artefact's device, fed with the raw readings, gives the very predictions that were scored in the field."""
    columns, y = streams(True)
    op, ticket = log(N, 0)
    student, pool = Student(True, replace(OPTIONS, history=True)), Pool(y, True)
    pool.classes = list(KNOWN)
    feed(student, pool, columns, op, ticket, 100)
    row = student.field.rows()[-1]
    artefact = student.publisher.current
    assert artefact is not None and artefact.classes == tuple(KNOWN)
    # the readings of the whole stream in the formats of the artefact
    values = Student(True, OPTIONS).sensing.values(columns, N)
    from streamnn.edge.sensors import to_raw

    raw = to_raw(values[:, : len(artefact.sensors)], np.array([s.fraction for s in artefact.sensors]))
    learnt = np.flatnonzero(op == LEARN)
    code = {c: i for i, c in enumerate(KNOWN)}
    label = np.array([code[v] for v in y[ticket].tolist()])
    logits, _ = Device(replace(artefact, learning="off")).run(op, ticket, raw, label)
    first = row["event"]
    after = ticket[learnt][first:]
    right = float((logits[after].argmax(1) == label[learnt][first:]).mean())
    assert row["arms"]["artefact"]["events"] == len(after)
    assert right == pytest.approx(row["arms"]["artefact"]["accuracy"])


def test_it_learns_what_can_be_learnt() -> None:
    columns, y = streams(True)
    op, ticket = log(N, 0)
    student, pool = Student(True, OPTIONS), Pool(y, True)
    pool.classes = list(KNOWN)
    feed(student, pool, columns, op, ticket, 300)
    scores = student.field.scores()
    assert scores["artefact"]["log_loss"] < 0.8 * scores["majority"]["log_loss"]
    assert abs(scores["artefact"]["accuracy"] - scores["float"]["accuracy"]) < 0.02


def test_an_artefact_that_is_worse_than_the_majority_is_refused() -> None:
    columns, _ = streams(True)
    y = np.random.default_rng(1).choice(np.array(["up", "down"], object), N, p=[0.8, 0.2])
    op, ticket = log(N, 0)
    student, pool = Student(True, replace(OPTIONS, limit=0.01)), Pool(y, True)
    pool.classes = ["up", "down"]
    published = feed(student, pool, columns, op, ticket, 300)
    assert not published[0].refused  # nothing is known of the field yet
    assert all("limit" in p.refused for p in published[1:])
    assert student.artefact is not None and student.artefact.about["learnt"] == published[0].event


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weights", 2),
        ("network", "tree"),
        ("target", "all"),
        ("every", 10),
        ("first", (5, 4)),
        ("learning", "on"),
    ],
)
def test_options_that_are_not_allowed(field: str, value: Any) -> None:
    with pytest.raises(SpecError, match=f"edge.{field} is"):
        StudentOptions(**{field: value})


@pytest.mark.parametrize(("label", "learns"), [(1.0, True), (2.0, False)])
def test_a_device_learns_nothing_of_a_class_that_it_does_not_know(label: float, learns: bool) -> None:
    """As the C, which refuses such a label."""
    learnt = (
        np.zeros(2, np.int64),
        np.zeros((2, 0), np.int64),
        np.zeros(2, np.int64),
        np.zeros((2, 4), np.int64),
    )
    op, slot = np.array([OBSERVE, LEARN], np.int8), np.zeros(2, np.int64)
    base, z = np.array([[100, -100]], np.int64), np.full((1, 4), 30, np.int16)
    q15, p = np.zeros((1, 2, 2), np.int32), np.zeros((1, len(ARMS), 3), np.float32)
    shifts, tables = np.array([5, 8, 4, 8], np.int64), (POWERS, RECIPROCALS)
    learn_on_device(
        op,
        slot,
        np.array([np.nan, label]),
        np.zeros(1, np.int64),
        0,
        base,
        z,
        8,
        learnt,
        shifts,
        1 << 20,
        tables,
        q15,
        p,
    )
    assert all(bool(v.any()) == learns for v in (learnt[0], learnt[2], learnt[3]))
