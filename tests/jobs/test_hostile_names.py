"""A million different field names: columns stop at the limit, memory stays flat, and the job says so."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest

from streamnn_connectors import JsonLinesSource
from streamnn_jobs.run.learner import make_learner
from streamnn_jobs.run.plan import Plan
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.worker import Worker
from streamnn_jobs.spec.load import make_spec

EVERY = 40_000
PAGE = os.sysconf("SC_PAGE_SIZE")


class Counted:
    """A sink that keeps nothing but what was last."""

    def __init__(self) -> None:
        self.count, self.last = 0, {}  # type: int, dict[str, Any]

    def write(self, records: list[dict[str, Any]]) -> None:
        self.count += len(records)
        self.last = records[-1] if records else self.last

    def write_columns(self, columns: Any) -> None:
        raise AssertionError("dead letters are records")

    def flush(self, timeout_s: float | None = None) -> None: ...

    def committed(self) -> int:
        return -1

    def close(self) -> None: ...


def spec(**learner: Any) -> Any:
    return make_spec({
        "source": {"path": "a.jsonl"},
        "label": {"column": "y"},
        "learner": {"task": "classification", **learner},
        "run": {"batch_records": 4096},
    })  # fmt: skip


class Sizes:
    """What the model and the process take, after each batch."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, int, int]] = []

    def __call__(self, plan: Plan, worker: Worker) -> None:
        # some looks are enough
        if worker.counters.records // EVERY > len(self.seen) or not self.seen:
            gc.collect()
            rss = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
            arrays, _ = worker.learner.state_dict()
            model = sum(a.nbytes for a in arrays.values())
            self.seen.append((worker.counters.records, len(worker.learner.columns), model, rss))


def run(path: Path, names: int, limit: int, **learner: Any) -> tuple[Sizes, list[str], Counted]:
    with path.open("w") as out:
        out.writelines(f'{{"x":{i % 7},"y":{i % 2},"n{i}":1}}\n' for i in range(names))
    sizes, said, dead = Sizes(), [], Counted()  # type: Sizes, list[str], Counted
    source = JsonLinesSource(str(path), max_columns=limit)
    job = Job(
        spec(**learner), source=source, sinks={"dead_letters": dead}, make=make_learner, say=said.append
    )
    job.show(sizes)
    job.run()
    return sizes, said, dead


@pytest.mark.slow
def test_a_million_names_in_the_records(tmp_path: Path) -> None:
    sizes, said, dead = run(tmp_path / "hostile.jsonl", 1_000_000, 100)
    # x, y and 98 of theirs; the label is no column to learn from
    assert dead.count == 1_000_000 - 98
    assert dead.last["reason"] == "column 'n999999' would be one of too many columns, the limit is 100"
    assert sum("columns of the source: as many as may be are known" in s for s in said) == 1
    at = [s for s in sizes.seen if s[0] >= 100_000]
    assert {(columns, model) for _, columns, model, _ in at} == {(99, at[0][2])}
    assert len(at) > 15 and max(rss for *_, rss in at) - at[0][3] < 16 << 20


@pytest.mark.slow
def test_names_beyond_what_the_learner_takes(tmp_path: Path) -> None:
    sizes, said, dead = run(tmp_path / "hostile.jsonl", 2_000, 10_000, max_columns=20)
    assert dead.count == 0
    assert sum("learner.max_columns: 20 columns are known" in s for s in said) == 1
    assert {columns for _, columns, _, _ in sizes.seen} == {20}
