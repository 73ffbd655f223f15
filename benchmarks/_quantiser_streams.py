"""Networks that a student published on recorded streams, with the events that came after each."""

from __future__ import annotations

from typing import Any

import _data
import _quantisers as q
import numpy as np

from streamnn.edge.float_network import float_network
from streamnn.edge.student import Student, StudentOptions
from streamnn.edge.student.networks import fractions_of
from streamnn.types import LEARN, OBSERVE, Chunk, Output

CHUNK = 5000
RESERVOIR = 2048


class Watched:
    """A student's publisher, of which each artefact's float network and inputs are kept."""

    def __init__(self, student: Student, name: str) -> None:
        self.publisher, self.name = student.publisher, name
        self.made = self.publisher._quantised
        self.publisher._quantised = self.keep  # type: ignore[method-assign, assignment]
        self.before: tuple[Any, ...] | None = None
        self.learnt = 0
        self.snapshots: list[q.Snapshot] = []

    def keep(self, stage: Any, at: np.ndarray, *rest: Any) -> Any:
        """Make the artefact; what came since the one before it is that one's test."""
        p = self.publisher
        since = p.reservoir.learnt - self.learnt
        if self.before is not None and since >= CHUNK:
            old, network, x, ids = self.before
            new = p.reservoir.last(since)
            _, test_ids, test_x = p.inputs(old, new)
            labels = p.reservoir.s["label"][new].astype(np.int64)
            self.snapshots.append(
                q.Snapshot(self.name, network, fractions_of(old), x, ids, test_x, test_ids, labels)
            )
        some = at[np.linspace(0, len(at) - 1, min(RESERVOIR, len(at))).astype(np.int64)]
        _, ids, x = p.inputs(stage, some)
        network = float_network(p.frozen[p.chosen], mean=False, rows=p.fit.rows)
        self.before, self.learnt = (stage, network, x, ids), p.reservoir.learnt
        return self.made(stage, at, *rest)


def published(name: str, history: bool, seed: int, events: int | None = None) -> list[q.Snapshot]:
    """Snapshots of a student that learns labels alone, each label right after its event, every 5,000 events."""
    stream = _data.load(name, events)
    student = Student(True, StudentOptions(target="labels", history=history, seed=seed, every=CHUNK))
    watched = Watched(student, f"{name}{', history' if history else ''}")
    classes = list(range(int(stream.y.max()) + 1))
    for a in range(0, len(stream.y), CHUNK):
        y = stream.y[a : a + CHUNK]
        n = len(y)
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
        columns = {c: v[a : a + n] for c, v in stream.columns.items()}
        chunk = Chunk(columns, op, (a + np.arange(n)).repeat(2), y.repeat(2).astype(object))
        nothing = np.zeros(n)
        forecast = np.full((n, len(classes)), 1.0 / len(classes), np.float32)
        student.run(chunk, Output(a + np.arange(n), nothing, nothing, proba=forecast), classes)
    return watched.snapshots
