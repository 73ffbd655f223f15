"""Going on from a checkpoint: outputs without holes, and the same file as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_learner import make_fake
from script import Disk, late_spec, stream

from streamnn.errors import SinkError, StateError
from streamnn_connectors import Crash, MemorySink, ScriptedSource
from streamnn_jobs.run.manifest import HEAD_BYTES, file_identity, is_another_file
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.worker import Worker
from streamnn_jobs.spec.load import make_spec

SINKS = ("predictions", "dead_letters", "alarms")


def job(folder: Path, until: int | None, sinks: dict[str, Any], said: list[str] | None = None) -> Result:
    spec = late_spec(str(folder), until_records=until)
    say = [].append if said is None else said.append
    return Job(spec, source=ScriptedSource(stream()), sinks=sinks, make=make_fake, say=say).run()


def sinks() -> dict[str, MemorySink]:
    return {name: MemorySink() for name in SINKS}


def test_an_output_that_was_not_open_for_a_while_is_refused(tmp_path: Path) -> None:
    out = sinks()
    job(tmp_path, 100, out)
    held = {name: len(sink.records) for name, sink in out.items()}
    job(tmp_path, 200, {})
    job(tmp_path, 220, {"dead_letters": MemorySink()})  # a place is kept over any number of runs
    with pytest.raises(SinkError, match=r"predictions: the output is complete up to position 100 only.*220"):
        job(tmp_path, 300, {"predictions": out["predictions"]})
    with pytest.raises(SinkError, match="alarms: the output is complete up to position 100 only"):
        job(tmp_path, 300, {"alarms": out["alarms"]})
    assert {name: len(sink.records) for name, sink in out.items()} == held


@pytest.mark.parametrize("known", [True, False])
def test_a_new_output_says_where_it_begins_and_goes_on_after_a_crash(known: bool, tmp_path: Path) -> None:
    job(tmp_path, 100, sinks() if known else {})
    job(tmp_path, 200, {})
    said: list[str] = []
    fresh: dict[str, Disk] = {"predictions": Disk()}
    spec = late_spec(str(tmp_path), every_events=1000)

    def crash(plan: Any, worker: Worker) -> None:
        if worker.counters.records > 250:  # written beyond the checkpoint
            raise Crash

    with pytest.raises(Crash):
        Job(spec, source=ScriptedSource(stream()), sinks=fresh, make=make_fake, say=said.append,
            progress=crash).run()  # fmt: skip
    assert "predictions: the output is new, it begins at position 200" in said
    fresh["predictions"].crash()
    assert len(fresh["predictions"].records) > 5
    job(tmp_path, None, fresh)
    whole = sinks()
    job(tmp_path / "whole", None, whole)
    late = [r for r in whole["predictions"].records if r["position"] >= 200]
    assert repr(fresh["predictions"].records) == repr(late)


def test_an_output_the_checkpoint_knows_nothing_of_is_refused(tmp_path: Path) -> None:
    other = sinks()
    job(tmp_path / "other", 150, other)
    for until in (0, 100):
        job(tmp_path / "mine", until, {})
        with pytest.raises(SinkError, match="which the checkpoint knows nothing of"):
            job(tmp_path / "mine", 200, other)


def lines(n: int, step: int = 1) -> str:
    return "".join(json.dumps({"x": i * step % 7, "y": i % 2}) + "\n" for i in range(n))


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    data = {
        "source": {"path": str(path)},
        "label": {"column": "y"},
        "checkpoint": {"directory": str(tmp_path / "c")},
    }

    def run() -> Result:
        return Job(make_spec(data), sinks={}, make=make_fake).run()

    path.write_text(lines(100))
    run()
    path.write_text(lines(150))
    assert run().events == 50  # it has grown
    for other in (lines(160, step=3), lines(149)):
        path.write_text(other)
        with pytest.raises(StateError, match=r"a\.jsonl: is not the file that .* was written for"):
            run()
    path.write_text(lines(150))
    assert run().events == 0


def test_the_mark_of_a_file_is_its_size_and_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * (HEAD_BYTES + 10))
    mark = file_identity(path)
    assert (mark["bytes"], mark["head_bytes"]) == (HEAD_BYTES + 10, HEAD_BYTES)
    for content, other in (
        (b"a" * (HEAD_BYTES + 99), False),
        (b"a" * (HEAD_BYTES + 9), True),
        (b"b" + b"a" * (HEAD_BYTES + 9), True),
    ):
        path.write_bytes(content)
        assert is_another_file(path, mark) is other
