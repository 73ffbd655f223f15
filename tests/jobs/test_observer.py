"""Those who look on: told of everything, changing nothing, and never in the way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fake_learner import make_fake
from script import disks, late_spec, outcome, stream

from streamnn_connectors import ScriptedSource
from streamnn_jobs.run.control import Control
from streamnn_jobs.run.observer import Observer
from streamnn_jobs.run.runner import Job


class Notebook(Observer):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def opened(self, plan: Any, worker: Any, resumed_at: Any) -> None:
        self.told.append(("opened", worker.partition, resumed_at))

    def stepped(self, worker: Any, step: Any, position: int, seconds: float, lag: Any) -> None:
        self.told.append(("stepped", step.records, position, lag))

    def saved(self, worker: Any, path: Any, size_bytes: Any, seconds: float) -> None:
        self.told.append(("saved", path and Path(path).name, size_bytes))

    def closed(self, worker: Any) -> None:
        self.told.append(("closed", worker.partition))

    def ended(self, outcome: str) -> None:
        self.told.append(("ended", outcome))


def test_an_observer_sees_it_all_and_changes_nothing(tmp_path: Path) -> None:
    notebook, alone = Notebook(), disks()
    plain = Job(late_spec(str(tmp_path / "a")), source=ScriptedSource(stream()), sinks=alone, make=make_fake)
    watched = disks()
    job = Job(
        late_spec(str(tmp_path / "b")),
        source=ScriptedSource(stream()),
        sinks=watched,
        make=make_fake,
        observers=[notebook],
    )
    assert outcome(job.run(), watched) == outcome(plain.run(), alone)
    kinds = [t[0] for t in notebook.told]
    # before any output the place is saved
    assert kinds[:2] == ["saved", "opened"] and kinds[-2:] == ["closed", "ended"]
    steps = [t for t in notebook.told if t[0] == "stepped"]
    assert sum(t[1] for t in steps) == 300 and steps[-1][2:] == (300, 0)
    assert [p + lag for _, _, p, lag in steps] == [300] * len(steps)
    for _, name, size in [t for t in notebook.told if t[0] == "saved"][-2:]:
        assert (tmp_path / "b" / name).stat().st_size == size


def test_an_observer_that_fails_is_dropped_and_said() -> None:
    class Broken(Observer):
        def stepped(self, *told: Any) -> None:
            raise ZeroDivisionError("oh")

    said: list[str] = []
    notebook = Notebook()
    job = Job(
        late_spec(None),
        source=ScriptedSource(stream()),
        sinks={},
        make=make_fake,
        say=said.append,
        observers=[Broken(), notebook],
    )
    assert job.run().events == 300
    assert said.count("Broken failed and is off from here on: ZeroDivisionError: oh") == 1
    assert notebook.told[-1] == ("ended", "ended")


def test_a_failed_job_says_so() -> None:
    class Full:
        def committed(self) -> int:
            return -1

        def write(self, records: Any) -> None:
            raise OSError("disk full")

        write_columns = write

        def flush(self, timeout_s: float | None = None) -> None: ...
        def close(self) -> None: ...

    notebook = Notebook()
    job = Job(
        late_spec(None),
        source=ScriptedSource(stream()),
        sinks={"predictions": Full()},
        make=make_fake,
        observers=[notebook],
    )
    with pytest.raises(OSError):
        job.run()
    assert notebook.told[-2:] == [("closed", "0"), ("ended", "failed")]


def test_pause_holds_the_job_and_a_checkpoint_is_written_meanwhile(tmp_path: Path) -> None:
    class Pausing(Notebook):
        idles = 0

        def stepped(self, *told: Any) -> None:
            super().stepped(*told)
            if len(self.told) == 6:
                job.control.pause()

        def idle(self) -> None:
            self.idles += 1
            if self.idles == 3:
                helper.start()

    def meanwhile() -> None:
        at.append(job.control.save(30.0))
        at.append(len([t for t in notebook.told if t[0] == "stepped"]))
        job.control.resume()

    at: list[Any] = []
    notebook, helper = Pausing(), threading.Thread(target=meanwhile)
    job = Job(
        late_spec(str(tmp_path), every_events=10_000),
        source=ScriptedSource(stream()),
        sinks={},
        make=make_fake,
        observers=[notebook],
    )
    result = job.run()
    helper.join()
    assert at == [True, 4] and result.events == 300  # after "saved" and "opened" four batches
    assert [t[1] for t in notebook.told if t[0] == "saved"] == [
        "checkpoint-000000000000.safetensors",
        "checkpoint-000000000028.safetensors",
        "checkpoint-000000000300.safetensors",
    ]


def test_a_paused_job_can_be_stopped() -> None:
    class Stopping(Observer):
        def idle(self) -> None:
            job.stop()

    job = Job(
        late_spec(None), source=ScriptedSource(stream()), sinks={}, make=make_fake, observers=[Stopping()]
    )
    job.control.pause()
    assert job.run().outcome == "interrupted"


def test_a_wish_to_save_that_nobody_meets_times_out() -> None:
    control = Control()
    assert not control.save(0.01)
    assert control.save_wanted == 1
    control.saved(1)
    assert control.save_wanted == 0


def test_the_deadline_of_a_stop_is_that_of_the_first() -> None:
    control = Control()
    assert control.remaining_s() is None
    control.stop(1.0)
    control.stop(1000.0)
    left = control.remaining_s()
    assert control.stopping and left is not None and left <= 1.0
