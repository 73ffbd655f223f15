"""What reaches a limit or is missing is said: once while running, and counted in the figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_learner import FakeLearner, make_fake

from streamnn.errors import SourceError
from streamnn_connectors import MemorySink, MemorySource, ScriptedSource
from streamnn_jobs.run.learner import make_learner
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.summary import lines, plain, summarise
from streamnn_jobs.spec.load import make_spec


def spec(**sections: Any) -> Any:
    data = {"source": {"path": "a.jsonl"}, "label": {"column": "y"}, "learner": {"task": "classification"}}
    return make_spec({**data, "run": {"batch_records": 10}, **sections})


def test_classes_beyond_the_limit_are_said_once() -> None:
    said: list[str] = []
    rows = [{"x": 1.0, "y": i % 5} for i in range(100)]
    limited = spec(limits={"classes": 3})
    out = {"dead_letters": MemorySink()}
    Job(limited, source=MemorySource(rows), sinks=out, make=make_fake, say=said.append).run()
    assert sum("limits.classes: 3 classes are known" in s for s in said) == 1
    assert len(out["dead_letters"].records) == 40


def test_columns_refused_and_missing_values_are_in_the_figures() -> None:
    said: list[str] = []
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = [
        {"a": float(rng.normal()), "b": 1.0, "c": 2.0, "y": i % 2} for i in range(60)
    ]
    for row in rows[30:40]:
        row["a"] = None
    source = MemorySource(rows)
    limited = spec(learner={"task": "classification", "max_columns": 2})
    result = Job(limited, source=source, sinks={}, make=make_learner, say=said.append).run()
    figures = plain(summarise(result))
    assert figures["missing"] == {"a": 10} and figures["columns_refused"] == 60
    assert sum("learner.max_columns: 2 columns are known" in s for s in said) == 1
    text = "\n".join(lines(figures))
    assert "missing values 10: a 10" in text and "learner.max_columns, left out: 60" in text
    quiet = lines({**figures, "missing": {}, "columns_refused": 0})
    assert "missing values" not in "\n".join(quiet) and "left out" not in "\n".join(quiet)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_figure_is_there_before_anything_was_seen(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeLearner, "scores", lambda self: {})
    nothing = spec(learner={"task": task}, run={"until_records": 0})
    result = Job(nothing, source=MemorySource([{"x": 1.0, "y": 1}]), sinks={}, make=make_fake).run()
    figures = summarise(result)
    own = ("accuracy", "log_loss", "auroc", "brier") if task == "classification" else ("mae", "rmse")
    for key in (*own, "no_change", "majority", "best_expert", "regret_per_event"):
        assert figures[key] is None, key
    assert {"lipschitz_bound", "alarms", "state_hash", "events_per_cpu_s", "report"} <= set(figures)


def test_the_first_reason_is_quoted_when_no_record_can_be_used() -> None:
    source = ScriptedSource([b"[1]", b"b", b"c"])
    with pytest.raises(
        SourceError, match="none of its 3 records could be used; the first: not an object but a list"
    ):
        Job(spec(), source=source, sinks={}, make=make_fake).run()
