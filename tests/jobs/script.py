"""A stream with everything that makes a crash hard: late labels, bad records, features and classes that come later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fake_learner import make_fake

from streamnn_connectors import Crash, MemorySink, ScriptedSource
from streamnn_jobs.run.learner import MakeLearner
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.job import JobSpec
from streamnn_jobs.spec.load import make_spec


def stream(n: int = 300, seed: int = 1) -> list[Any]:
    """`n` records: dicts, and bytes that are no record."""
    rng = np.random.default_rng(seed)
    out: list[Any] = []
    t = 0.0
    for i in range(n):
        t += float(rng.exponential(1.0))
        kind = rng.random()
        if kind < 0.05:
            out.append(b"{broken" + str(i).encode())
            continue
        x = float(rng.normal())
        row: dict[str, Any] = {"t": t, "x": x, "known": t + float(rng.gamma(2.0, 8.0))}
        row["y"] = ["low", "high", "other"][int(x > 0) if i < 150 or rng.random() < 0.7 else 2]
        for k in range(4):
            if i > 40 * (k + 1) and rng.random() < 0.8:
                row[f"late_{k}"] = float(rng.normal()) if k % 2 else ["a", "b", "c"][int(rng.integers(3))]
        if kind < 0.10:
            del row["y"]
        elif kind < 0.14:
            row["x"] = "text where a number was"
        elif kind < 0.17:
            row["t"] = None
        elif kind < 0.20:
            row["known"] = None
        out.append(row)
    return out


def late_spec(
    directory: str | None,
    every_events: int = 20,
    edge: dict[str, Any] | None = None,
    learner: dict[str, Any] | None = None,
    **run: Any,
) -> JobSpec:
    """Labels by time, with expiry, small batches and many checkpoints; with a student where `edge` is given.

    `learner` are further fields of that section.
    """
    return make_spec(
        {
            "source": {"path": "script.jsonl", "event_time": "t"},
            "label": {"column": "y", "time": "known", "expire_after": 40.0},
            "learner": {"task": "classification", **(learner or {})},
            "checkpoint": {"every_events": every_events, "keep": 2}
            | ({"directory": directory} if directory else {}),
            "run": {"batch_records": 7, **run},
        }
        | ({} if edge is None else {"edge": edge})
    )


SINKS = ("predictions", "dead_letters", "alarms")


class Disk(MemorySink):
    """A sink that a crash cuts off: half of what was not flushed is on disk, the rest is lost."""

    def close(self) -> None:
        """A process that dies closes nothing; a run that ends flushes before."""

    def crash(self) -> None:
        keep = self._flushed + (len(self.records) - self._flushed) // 2
        del self.records[keep:]


def run(
    items: list[Any], folder: Path, disks: dict[str, Disk], make: MakeLearner | None = make_fake, **more: Any
) -> tuple[Result, int]:
    """Run until the end, starting again after every crash."""
    source = ScriptedSource(items)
    crashes = 0
    while True:
        try:
            return Job(late_spec(str(folder), **more), source=source, sinks=disks, make=make).run(), crashes
        except Crash:
            crashes += 1
            for disk in disks.values():
                disk.crash()


def disks() -> dict[str, Disk]:
    return {name: Disk() for name in SINKS}


def outcome(result: Result, found: dict[str, Disk]) -> tuple[Any, ...]:
    w = result.worker
    join = {k: v.tolist() for k, v in w.join.state_dict().items()}
    records = {k: repr(d.records) for k, d in found.items()}
    return w.learner.state_hash(), str(join), w.counters, w.encoder.state(), w.alarms.state(), records
