"""A small student with the interface of the real one: it learns a majority, and publishes a network of two inputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from streamnn.edge import Artefact, InputStage, Module, Output, Sensor, Spline
from streamnn.types import LEARN, OBSERVE, Chunk
from streamnn.types import Output as Said
from streamnn_jobs.run.learner import Learner
from streamnn_jobs.spec.job import JobSpec

ARMS = ("artefact", "float", "live", "pool", "majority")


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
    return Artefact((Sensor("x", 8), Sensor("k")), stage, (first, last), classes, about={"published": 0})


@dataclass
class FakePublication:
    event: int
    reason: str
    refused: str | None
    artefact: Artefact
    scores: dict[str, Any] = field(default_factory=dict)


class FakeStudent:
    """Counts labels; publishes where its options say so, refuses each third."""

    def __init__(self, classify: bool, options: Any):
        self.classify, self.options = classify, options
        self.learnt = self.seen = 0
        self.clock = 0.0  # depends on the order of all operations
        self.windows: list[dict[str, Any]] = []
        self.artefact: Artefact | None = None

    def run(self, chunk: Chunk, output: Said, schema: Any, classes: list[Any]) -> list[FakePublication]:
        assert hasattr(schema, "names")
        found = []
        for op, ticket in zip(chunk.op.tolist(), chunk.ticket.tolist(), strict=True):
            self.clock = (self.clock * 1.000001 + op + ticket % 7) % 1e6
            self.seen += op == OBSERVE
            if op != LEARN:
                continue
            self.learnt += 1
            if self.windows:
                self.windows[-1] |= {"to": self.learnt, "events": self.learnt - self.windows[-1]["from"]}
            if self.learnt in self.options["first"] or self.learnt % self.options["every"] == 0:
                found.append(self._publish())
        return found

    def _publish(self) -> FakePublication:
        number = len(self.windows) + 1
        refused = "its log loss in the field is 2.0, above the majority's 0.7" if number % 3 == 0 else None
        made = replace(artefact(number), about={"published": self.learnt})
        reason = "schedule" if number != 2 else "alarm: new concept"
        good = {"accuracy": 0.9, "log_loss": 0.3} if self.classify else {"mae": 1.5}
        self.windows.append(
            {"from": self.learnt, "to": self.learnt, "events": 0, "published": self.learnt, "reason": reason,
             "refused": refused, "bytes": 700, **{arm: dict(good) for arm in ARMS}}
        )  # fmt: skip
        if refused is None:
            self.artefact = made
        return FakePublication(self.learnt, reason, refused, made, {"artefact": good})

    def field(self) -> list[dict[str, Any]]:
        return [dict(w) for w in self.windows]

    def scores(self) -> dict[str, Any]:
        good = {"accuracy": 0.9, "log_loss": 0.3} if self.classify else {"mae": 1.5}
        return {arm: dict(good) for arm in ARMS} if self.windows else {}

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        numbers = np.array([self.learnt, self.seen, self.clock])
        return {"numbers": numbers}, {"windows": self.field()}

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        learnt, seen, self.clock = arrays["numbers"].tolist()
        self.learnt, self.seen = int(learnt), int(seen)
        self.windows = [dict(w) for w in meta["windows"]]
        good = [i for i, w in enumerate(self.windows) if not w["refused"]]
        if good:
            about = {"published": self.windows[good[-1]]["published"]}
            self.artefact = replace(artefact(good[-1] + 1), about=about)


def make_fake_student(spec: JobSpec, task: str, learner: Learner) -> FakeStudent | None:
    """Takes the place of :func:`streamnn_jobs.run.student.make_student`."""
    return None if spec.edge is None else FakeStudent(task == "classification", spec.edge.options())
