"""A small student with the interface of the real one: it learns a majority, and publishes a network of two inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from streamnn.edge import Artefact, InputStage, Module, Output, Sensor, Spline
from streamnn.types import LEARN, OBSERVE, Chunk
from streamnn.types import Output as Said
from streamnn_jobs.spec.job import JobSpec

ARMS = ("artefact", "bias", "layer", "float", "live", "pool", "majority")


def artefact(seed: int = 1, units: int = 4, classes: tuple[Any, ...] = ("a", "b")) -> Artefact:
    """An integer network of two sensors, one of them with a table of three values."""
    rng = np.random.default_rng(seed)

    def ints(*shape: int) -> np.ndarray:
        return rng.integers(-60, 60, shape)

    spans = (2, 5)
    stage = InputStage(
        spans, np.zeros(2, np.int64), np.full(2, 8), np.ones(6, np.bool_),
        np.array([0, 0, 3]), np.array([1, 2, 4]), np.array([0, 1, 2]),
    )  # fmt: skip
    zeros = np.zeros(units, np.int64)
    spline = Spline(ints(units, 17), np.full(units, 5), 1, 4, 5)
    first = Module(
        ints(stage.width, units), 8, ints(units), np.full(units, 10), spline, ints(3, units), zeros
    )
    n = len(classes)
    last = Module(ints(units, n), 8, ints(n), np.full(n, 10), Output(np.zeros(n, np.int64)))
    return Artefact((Sensor("x", 8), Sensor("k")), stage, (first, last), classes, about={"learnt": 0})


@dataclass
class FakePublication:
    event: int
    reason: str
    artefact: Artefact
    refused: str = ""
    scores: dict[str, Any] = field(default_factory=dict)


class FakeField:
    """Windows whose arms all score the same."""

    def __init__(self, classify: bool):
        self.good = {"accuracy": 0.9, "log_loss": 0.3} if classify else {"mae": 1.5}
        self.windows: list[dict[str, Any]] = []

    def rows(self) -> list[dict[str, Any]]:
        return [{**w, "arms": self._arms(w["events"])} for w in self.windows]

    def scores(self) -> dict[str, Any]:
        return self._arms(sum(w["events"] for w in self.windows))

    def _arms(self, events: int) -> dict[str, Any]:
        return {arm: {"events": events, **self.good} for arm in ARMS} if events else {}


class FakeStudent:
    """Counts labels; publishes where its options say so, refuses each third."""

    def __init__(self, classify: bool, options: Any):
        self.field, self.options = FakeField(classify), options
        self.learnt = self.seen = 0
        self.clock = 0.0  # depends on the order of all operations
        self.artefact: Artefact | None = None

    def run(self, chunk: Chunk, output: Said, classes: Sequence[Any]) -> list[FakePublication]:
        found = []
        for op, ticket in zip(chunk.op.tolist(), chunk.ticket.tolist(), strict=True):
            self.clock = (self.clock * 1.000001 + op + ticket % 7) % 1e6
            self.seen += op == OBSERVE
            if op != LEARN:
                continue
            self.learnt += 1
            if self.field.windows:
                self.field.windows[-1]["events"] += 1
            if self.learnt in self.options["first"] or self.learnt % self.options["every"] == 0:
                found.append(self._publish())
        return found

    def _publish(self) -> FakePublication:
        number = len(self.field.windows) + 1
        refused = "its loss in the field was 2.0000, above the majority's 0.7000" if number % 3 == 0 else ""
        reason = "schedule" if number != 2 else "new concept"
        self.field.windows.append(
            {"event": self.learnt, "reason": reason, "refused": refused, "learning": "bias", "bytes": 700, "events": 0}
        )  # fmt: skip
        made = self._made(number)
        if not refused:
            self.artefact = made
        return FakePublication(self.learnt, reason, made, refused, {"artefact": self.field.good})

    def _made(self, number: int) -> Artefact:
        event = self.field.windows[number - 1]["event"]
        return replace(artefact(number), about={"learnt": event, "reason": "schedule"})

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        return {"numbers": np.array([self.learnt, self.seen, self.clock])}, {
            "windows": [dict(w) for w in self.field.windows]
        }

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        learnt, seen, self.clock = arrays["numbers"].tolist()
        self.learnt, self.seen = int(learnt), int(seen)
        self.field.windows = [dict(w) for w in meta["windows"]]
        good = [i for i, w in enumerate(self.field.windows, 1) if not w["refused"]]
        self.artefact = self._made(good[-1]) if good else None


def make_fake_student(spec: JobSpec, task: str) -> FakeStudent | None:
    """Takes the place of :func:`streamnn_jobs.run.student.make_student`."""
    return None if spec.edge is None else FakeStudent(task == "classification", spec.edge.options())
