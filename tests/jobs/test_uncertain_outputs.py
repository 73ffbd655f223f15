"""P-values, sets and intervals as a job writes, sums up and draws them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamnn.types import Output
from streamnn_connectors import MemorySink, MemorySource
from streamnn_jobs import Job, make_spec, summarise
from streamnn_jobs.outputs.predictions import prediction_columns
from streamnn_jobs.report import render_report
from streamnn_jobs.run.summary import lines, plain


def test_sets_are_json_and_open_ends_are_missing() -> None:
    zero = np.zeros(3)
    included = np.array([[True, False, True], [False, False, False], [True, False, True]])
    proba = np.full((3, 3), 1 / 3, np.float32)
    out = Output(np.arange(3), zero, zero, proba=proba, included=included, p_value=np.array([0.5, 1 / 3, 1]))
    columns = prediction_columns(np.arange(3), out, ["a", 1, "c d"])
    assert columns["set"].tolist() == ['["a", "c d"]', "[]", '["a", "c d"]']
    assert columns["p_value"].tolist() == [0.5, 0.333333, 1.0]
    low = np.array([-np.inf, 1.0, 2.0])
    out = Output(np.arange(3), zero, zero, mean=zero, median=zero, low=low, high=-low)
    columns = prediction_columns(np.arange(3), out, [])
    assert np.isnan(columns["low"]).tolist() == [True, False, False]
    assert columns["high"][1:].tolist() == [-1.0, -2.0]


def test_none_at_all() -> None:
    out = Output(np.zeros(0, int), np.zeros(0), np.zeros(0), proba=np.zeros((0, 0), np.float32))
    out.included = np.zeros((0, 0), bool)
    assert prediction_columns(np.zeros(0, int), out, [])["set"].tolist() == []


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_job_that_asks_for_them(task: str) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal(600)
    y = (
        (a + rng.standard_normal(600) > 0).astype(int)
        if task == "classification"
        else a + rng.standard_normal(600)
    )
    records = [{"a": float(v), "y": w} for v, w in zip(a, y.tolist(), strict=True)]
    wanted = {"task": task, "coverage": 0.8, "p_values": True}
    spec = make_spec({"source": {"path": "a.jsonl"}, "label": {"column": "y"}, "learner": wanted})
    sink = MemorySink()
    result = Job(spec, source=MemorySource(records), sinks={"predictions": sink}).run()
    last = sink.records[-1]
    assert 0 < last["p_value"] <= 1
    if task == "classification":
        assert set(json.loads(last["set"])) <= {0, 1}
    else:
        assert last["low"] < last["high"]
    figures = summarise(result)
    assert figures["coverage"]["covered"] == pytest.approx(0.8, abs=0.05)
    assert any(line.startswith("coverage 0.") for line in lines(figures))
    learner = result.worker.learner
    page = render_report(
        title="t", summary=figures, history=plain(learner.history()), networks=[], alarms=[], info={}
    )
    assert "Sets and intervals" in page
    assert "Sets and intervals" not in render_report(
        title="t", summary={}, history={}, networks=[], alarms=[], info={}
    )
