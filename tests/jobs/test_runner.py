"""The runner: resume, limits, balances, interruption, outputs, frozen scoring."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fake_learner import FakeLearner, make_fake
from script import late_spec, stream

from streamnn.errors import SinkError, SourceError, SpecError, StateError
from streamnn_connectors import IDLE, Clock, MemorySink, MemorySource, ScriptedSource
from streamnn_jobs.ask.predict import Predictor
from streamnn_jobs.run.plan import Plan, make_plan
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.worker import Worker
from streamnn_jobs.spec.job import JobSpec
from streamnn_jobs.spec.load import make_spec

SINKS = ("predictions", "dead_letters", "alarms")


def sinks() -> dict[str, MemorySink]:
    return {name: MemorySink() for name in SINKS}


def simple(data: dict[str, Any] | None = None, **sections: Any) -> JobSpec:
    return make_spec({"source": {"path": "a.jsonl"}, "label": {"column": "y"}, **(data or {}), **sections})


def rows(n: int = 100) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [{"x": float(x), "y": int(x > 0)} for x in rng.normal(size=n)]


def test_balances_hold_and_every_record_is_somewhere(tmp_path: Path) -> None:
    out = sinks()
    result = Job(late_spec(str(tmp_path)), source=ScriptedSource(stream()), sinks=out, make=make_fake).run()
    c = result.worker.counters
    positions = [r["position"] for k in ("predictions", "dead_letters") for r in out[k].records]
    assert sorted(positions) == list(range(300)) == sorted(set(positions))
    assert (
        c.records == 300 and c.predicted == c.learnt + c.expired + c.unlabelled + result.worker.join.pending
    )
    assert result.outcome == "ended" and result.resumed_at is None and result.events == 300


def test_a_broken_balance_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeLearner.run

    def forgets(self: FakeLearner, chunk: Any) -> Any:
        out = run(self, chunk)
        self._rows.clear()
        return out

    monkeypatch.setattr(FakeLearner, "run", forgets)
    spec = simple(label={"column": "y", "delay_events": 5})
    with pytest.raises(AssertionError, match="balance broken: the learner has 0 pending"):
        Job(spec, source=MemorySource(rows()), sinks={}, make=make_fake).run()


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    def job(until: int | None, out: dict[str, MemorySink], folder: Path) -> Any:
        return Job(
            late_spec(str(folder), until_records=until),
            source=ScriptedSource(stream()),
            sinks=out,
            make=make_fake,
        ).run()

    whole, parts = sinks(), sinks()
    want = job(None, whole, tmp_path / "a")
    for until in (0, 50, 50, 177, None):
        got = job(until, parts, tmp_path / "b")
        assert got.outcome == ("until" if until is not None else "ended")
        assert until is None or got.worker.counters.records == until
    assert got.worker.learner.state_hash() == want.worker.learner.state_hash()
    assert got.resumed_at == 177 and got.events == 123
    for name in SINKS:
        assert repr(parts[name].records) == repr(whole[name].records)
    again = job(None, parts, tmp_path / "b")  # at the end there is nothing to do
    assert again.events == 0 and again.worker.learner.state_hash() == want.worker.learner.state_hash()


def test_stop_finishes_the_batch_and_saves(tmp_path: Path) -> None:
    out = sinks()
    job = Job(late_spec(str(tmp_path)), source=ScriptedSource(stream()), sinks=out, make=make_fake)

    def stop(plan: Plan, worker: Worker) -> None:
        if worker.counters.records >= 70:
            job.stop()

    job.show(stop)
    result = job.run()
    assert result.outcome == "interrupted" and result.worker.counters.records == 70
    assert result.checkpoint is not None and result.checkpoint.endswith("checkpoint-000000000070.safetensors")
    assert sum(len(out[k].records) for k in ("predictions", "dead_letters")) == 70


def test_checkpoints_come_by_seconds_too(tmp_path: Path) -> None:
    clock = Clock()
    spec = simple(
        checkpoint={"directory": str(tmp_path), "every_events": 1_000_000, "every_s": 5.0, "keep": 99},
        run={"batch_records": 10},
    )
    Job(
        spec, source=MemorySource(rows()), sinks={}, make=make_fake, clock=clock,
        progress=lambda plan, worker: clock.advance(2.0),
    ).run()  # fmt: skip
    saved = sorted(int(p.name[11:23]) for p in tmp_path.iterdir())
    assert saved == [0, 30, 60, 90, 100]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("label.expire_after=41.0", "label.expire_after is 41.0 now and was 40.0"),
        ("learner.seed=9", "learner.seed is 9 now and was 1"),
        ('features.ignore=["x"]', 'features.ignore is ["x"] now and was not set'),
    ],
)
def test_a_resume_with_another_spec_is_refused(change: str, words: str, tmp_path: Path) -> None:
    spec = late_spec(str(tmp_path))
    Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run()
    other = make_spec(spec.model_dump(exclude_unset=True), [change])
    with pytest.raises(SpecError, match="another spec") as e:
        Job(other, source=ScriptedSource(stream()), sinks={}, make=make_fake).run()
    assert words in str(e.value) and len(str(e.value).splitlines()) == 3
    with pytest.raises(SpecError, match="was written for script, not for other"):
        Job(spec, source=ScriptedSource(stream(), name="other"), sinks={}, make=make_fake).run()


def test_a_column_that_was_never_learnt_may_be_ignored(tmp_path: Path) -> None:
    def run(ignore: list[str], until: int) -> None:
        spec = late_spec(str(tmp_path), until_records=until)
        spec = make_spec({**spec.model_dump(exclude_unset=True), "features": {"ignore": ignore}})
        Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run()

    run([], 100)  # late_0 and late_1 are known by then
    with pytest.raises(SpecError, match="another spec"):
        run(["late_0"], 200)
    run(["late_3"], 250)
    run(["late_3", "never"], 280)
    run([], 300)  # and taken back: it was not learnt


def test_a_damaged_checkpoint_costs_time_and_nothing_else(tmp_path: Path) -> None:
    out, said = sinks(), []
    Job(
        late_spec(str(tmp_path), until_records=150),
        source=ScriptedSource(stream()),
        sinks=out,
        make=make_fake,
    ).run()
    newest = sorted(tmp_path.iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-9])
    job = Job(
        late_spec(str(tmp_path)), source=ScriptedSource(stream()), sinks=out, make=make_fake, say=said.append
    )
    result = job.run()
    assert any(newest.name in s and "damaged" in s for s in said)
    fresh = sinks()
    want = Job(late_spec(None), source=ScriptedSource(stream()), sinks=fresh, make=make_fake).run()
    assert result.worker.learner.state_hash() == want.worker.learner.state_hash()
    for name in SINKS:
        assert repr(out[name].records) == repr(fresh[name].records)
    for path in tmp_path.iterdir():
        path.write_bytes(b"junk")
    with pytest.raises(StateError, match="no checkpoint can be used"):
        Job(late_spec(str(tmp_path)), source=ScriptedSource(stream()), sinks=out, make=make_fake).run()


def test_outputs_that_do_not_belong_to_the_checkpoint_are_refused(tmp_path: Path) -> None:
    out = sinks()
    spec = late_spec(str(tmp_path / "a"), until_records=100)
    Job(spec, source=ScriptedSource(stream()), sinks=out, make=make_fake).run()
    with pytest.raises(SinkError, match="already has records up to position"):
        Job(late_spec(str(tmp_path / "b")), source=ScriptedSource(stream()), sinks=out, make=make_fake).run()
    assert not (tmp_path / "b").exists()
    del out["predictions"].records[50:]
    with pytest.raises(SinkError, match="the output ends at position"):
        Job(spec, source=ScriptedSource(stream()), sinks=out, make=make_fake).run()
    said: list[str] = []
    out["predictions"].records.clear()  # a new file is taken for what it is
    Job(
        late_spec(str(tmp_path / "a")),
        source=ScriptedSource(stream()),
        sinks=out,
        make=make_fake,
        say=said.append,
    ).run()
    assert out["predictions"].records[0]["position"] >= 100 and any("the output is new" in s for s in said)


def test_too_many_pending_give_up_the_oldest_and_say_so() -> None:
    said: list[str] = []
    data = [{"x": 1.0, "t": float(i), "known": float(i) + 1000, "y": 1} for i in range(200)]
    spec = make_spec(
        {
            "source": {"path": "a.jsonl", "event_time": "t"},
            "label": {"column": "y", "time": "known"},
            "limits": {"pending": 30},
            "run": {"batch_records": 16},
        }
    )
    result = Job(spec, source=MemorySource(data), sinks={}, make=make_fake, say=said.append).run()
    assert result.worker.join.pending == 30 and result.worker.counters.evicted == 170
    assert sum("limits.pending" in s for s in said) == 1


def test_a_missing_label_is_predicted_and_never_learnt() -> None:
    out = sinks()
    data = [{"x": 1.0, "y": -1 if i % 4 == 0 else 1} for i in range(40)]
    spec = simple(label={"column": "y", "missing": [-1]}, learner={"task": "classification"})
    result = Job(spec, source=MemorySource(data), sinks=out, make=make_fake).run()
    c = result.worker.counters
    assert (c.predicted, c.learnt, c.unlabelled) == (40, 30, 10) and len(out["predictions"].records) == 40
    assert result.worker.learner.classes == [1]


def test_records_that_are_all_bad_are_a_source_error() -> None:
    with pytest.raises(SourceError, match="none of the first 3 records"):
        Job(simple(), source=ScriptedSource([b"a", b"b", b"c"]), sinks={}, make=make_fake)
    out = sinks()
    spec = simple(learner={"task": "classification"})
    with pytest.raises(SourceError, match="none of its 3 records could be used"):
        Job(spec, source=ScriptedSource([b"a", b"b", b"c"]), sinks=out, make=make_fake).run()
    assert [r["text"] for r in out["dead_letters"].records] == ["a", "b", "c"]


def test_a_live_stream_is_waited_for() -> None:
    items: list[Any] = [*rows(10), IDLE, *rows(10), IDLE]
    spec = simple(learner={"task": "classification"})
    result = Job(spec, source=ScriptedSource(items), sinks={}, make=make_fake).run()
    assert result.worker.counters.predicted == 20


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([0, 1, 2], "classification"),
        (["a", "b", "a"], "classification"),
        ([True, False, True], "classification"),
        ([0.0, 1.0, 1.0], "classification"),
        ([0.5, 1.0, 1.0], "regression"),
        (list(range(100)), "regression"),
    ],
)
def test_the_task_is_told_from_the_labels(labels: list[Any], task: str) -> None:
    table = pa.table({"x": [float(i) for i in range(len(labels))], "y": labels})
    assert make_plan(simple(), MemorySource(table)).task == task
    assert make_plan(simple(learner={"task": "regression"}), MemorySource(table)).task == "regression"


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"label": {}}, "label.column: is missing; say which column to predict: x, y"),
        ({"label": {"column": "Y"}}, "label.column: there is no column 'Y'"),
        ({"label": {"column": "y", "time": "x"}}, "source.event_time: is missing"),
        ({"label": {"column": "y", "expire_after": 3.0}}, "label.time: is missing"),
        ({"source": {"path": "a", "event_time": "tt"}}, "source.event_time: there is no column 'tt'"),
        ({"features": {"include": ["z"]}}, "features.include: there is no column 'z'"),
        ({"features": {"ignore": ["x"]}}, "no column is left"),
    ],
)
def test_columns_are_checked_before_the_run(sections: dict[str, Any], words: str) -> None:
    spec = make_spec({"source": {"path": "a.parquet"}, "label": {"column": "y"}} | sections)
    with pytest.raises(SpecError, match=words):
        make_plan(spec, MemorySource(pa.table({"x": [1.0], "y": [1]})))


def test_no_label_yet_and_no_task_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SpecError, match=r"can't be told.*--task"):
        make_plan(simple(), MemorySource(pa.table({"x": [1.0], "y": pa.nulls(1, pa.int8())})))


def _file(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return str(path)


def test_predicting_changes_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    spec = late_spec(str(state))
    Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run()
    before = {p.name: p.read_bytes() for p in state.iterdir()}
    said: list[str] = []
    predictor = Predictor(state, say=said.append, make=make_fake)
    hash_before = predictor.worker.learner.state_hash()
    records: list[dict[str, Any]] = [
        {"x": 0.5, "late_0": "a", "unknown": 3},
        {"x": "bad"},
        {"late_1": 2.0, "y": "never looked at"},
    ]
    new = _file(tmp_path / "new.jsonl", records)
    out = tmp_path / "scored.jsonl"
    figures = predictor.score(new, True, str(out))
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["position"] for r in written] == [0, 1, 2] and (figures["events"], figures["dead_letters"]) == (
        3,
        0,
    )
    assert all(r["prediction"] in ("low", "high", "other") for r in written)
    assert predictor.worker.learner.state_hash() == hash_before == figures["state_hash"]
    assert {p.name: p.read_bytes() for p in state.iterdir()} == before
    assert any("taken as missing: late_2, late_3" in s for s in said)


def test_predicting_needs_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="has no checkpoint"):
        Predictor(tmp_path, make=make_fake)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_what_is_written_of_an_event(task: str) -> None:
    out = sinks()
    fake: Callable[..., Any] = make_fake
    Job(simple(learner={"task": task}), source=MemorySource(rows(20)), sinks=out, make=fake).run()
    first, last = out["predictions"].records[0], out["predictions"].records[-1]
    second = "probability" if task == "classification" else "mean"
    assert list(last) == ["position", "prediction", second, "surprise", "entropy", "label"]
    if task == "classification":
        assert first["prediction"] is None and np.isnan(first["probability"]) and last["prediction"] in (0, 1)
    else:
        assert isinstance(last["prediction"], float)
