"""Streams beside which students learn, and the pool's answers, which all students of a stream share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import _data
import numpy as np
import pyarrow.parquet as pq

from streamnn.edge.student import ARMS, Student, StudentOptions
from streamnn.edge.student.field import CORRECT, EVENTS, LOSS
from streamnn.learners import Classifier, Regressor
from streamnn.types import LEARN, OBSERVE, Chunk, Output

STREAMS = ("electricity", "noaa_weather", "sea_50k", "nycflights13_q1", "covertype_first100k", "mnist14")
CHUNK = 250
"""Events, so that scheduled publications fall on ends of chunks."""


def every(name: str) -> int:
    """Events between two publications."""
    return 2500 if name == "noaa_weather" else 5000


def load(name: str, events: int | None = None) -> _data.Stream:
    """A recorded stream of which every event has a label; ``mnist14`` are 20,000 digits of 14 x 14 pixels."""
    if name == "mnist14":
        t = pq.read_table(_data.folder() / "mnist.parquet").slice(0, events or 20_000)
        x = np.frombuffer(b"".join(t["image"].to_pylist()), np.uint8).reshape(-1, 14, 2, 14, 2)
        x = (x.astype(np.int64).sum((2, 4)) + 2) >> 2
        columns = {f"p{i}": x[:, i // 14, i % 14].astype(np.float64) for i in range(196)}
        return _data.Stream(name, columns, t["y"].to_numpy().astype(np.int64), True, {})
    s = _data.load(name, events)
    keep = s.y >= 0 if s.classify else np.ones(len(s.y), np.bool_)
    return _data.Stream(name, {k: v[keep] for k, v in s.columns.items()}, s.y[keep], s.classify, {})


@dataclass(slots=True)
class Taught:
    """A stream with the pool's outputs, chunk by chunk.

    Parameters
    ----------
    stream : Stream
    chunks : list of (Chunk, Output, classes)
    cpu : float
        Seconds the pool took.
    """

    stream: _data.Stream
    chunks: list[tuple[Chunk, Output, list[Any]]]
    cpu: float


def taught(stream: _data.Stream, seed: int, delay: int = 0) -> Taught:
    """Run the default pool; the label of event s is known after event s + delay was predicted."""
    n, out = len(stream), []
    model = Classifier(seed=seed) if stream.classify else Regressor(seed=seed)
    label = stream.y.astype(object) if stream.classify else stream.y
    start = time.process_time()
    for a in range(0, n, CHUNK):
        b, op, ticket = min(n, a + CHUNK), [], []
        for t in range(a, b):
            op.append(OBSERVE)
            ticket.append(t)
            if t >= delay:
                op.append(LEARN)
                ticket.append(t - delay)
        at = np.array(ticket)
        chunk = Chunk({k: v[a:b] for k, v in stream.columns.items()}, np.array(op, np.int8), at, label[at])
        output = model.run(chunk)
        out.append((chunk, output, list(model.classes) if stream.classify else []))
    return Taught(stream, out, time.process_time() - start)


def learn(given: Taught, options: StudentOptions, look: Any = None) -> tuple[Student, float]:
    """A student of the stream, and the CPU seconds it took; `look` is called after each chunk with what was published."""
    student = Student(given.stream.classify, options)
    cpu = 0.0
    for chunk, output, classes in given.chunks:
        start = time.process_time()
        published = student.run(chunk, output, classes)
        cpu += time.process_time() - start
        if look is not None:
            look(student, published)
    return student, cpu


def scores(student: Student, first: int, last: int | None = None) -> dict[str, dict[str, float]]:
    """Scores of each arm over the windows that begin at or after so many labels, and before `last`."""
    keep = [first <= w["event"] < (last or 10**12) for w in student.field.windows]
    sums = student.field.s["sums"][keep].sum(0)
    out: dict[str, dict[str, float]] = {}
    for arm, row in zip(ARMS, sums, strict=True):
        if not row[EVENTS]:
            continue
        if student.classify:
            out[arm] = {"accuracy": 100 * row[CORRECT] / row[EVENTS], "log_loss": row[LOSS] / row[EVENTS]}
        else:
            out[arm] = {"mae": row[LOSS] / row[EVENTS]}
    return out
