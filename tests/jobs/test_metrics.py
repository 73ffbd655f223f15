"""Metrics: scraped from a running job, true, and by Prometheus' conventions."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from script import stream
from served import ask, serve

import streamnn_connectors
from streamnn_jobs.metrics import FAMILIES
from streamnn_jobs.outputs.dead_letters import REASON_WORDS, reason_word
from streamnn_jobs.run.runner import Job

PROMTOOL = shutil.which("promtool")
UNITS = ("_seconds", "_bytes", "_ratio", "_nats", "_info", "_events", "_labels", "_records")


def scrape(at: int, **how: Any) -> tuple[str, dict[tuple[str, ...], float], Job]:
    """What a job shows after so many batches, as text and by name and labels without the partition."""
    found: list[Any] = []

    def look(url: str, job: Job) -> None:
        found.extend((ask(url + "metrics"), job))

    def first(url: str, job: Job) -> None:
        ask(url + "metrics")  # from now on somebody asks for slopes too

    serve({1: first, at: look}, **how)
    (code, text, headers), job = found
    assert code == 200 and headers["Content-Type"].startswith("text/plain")
    values = {}
    for family in plain_text(text):
        for s in family.samples:
            values[(s.name, *(v for k, v in sorted(s.labels.items()) if k != "partition"))] = s.value
    return text, values, job


def test_a_running_job_tells_the_truth(tmp_path: Path) -> None:
    _, v, _ = scrape(20, directory=str(tmp_path))
    assert v["streamnn_records_total",] == 140 == v["streamnn_position",]
    assert v["streamnn_lag_records",] == 160
    assert v["streamnn_ready",] == 1 and v["streamnn_paused",] == 0
    dead = sum(n for k, n in v.items() if k[0] == "streamnn_dead_letters_total")
    assert v["streamnn_records_total",] == v["streamnn_events_total",] + dead > 0 < dead
    assert v["streamnn_dead_letters_total", "malformed_json"] > 0
    settled = sum(n for k, n in v.items() if k[0] == "streamnn_events_settled_total")
    assert v["streamnn_events_total",] == settled + v["streamnn_pending_events",]
    assert v["streamnn_max_pending_events",] == 100_000  # limits.pending
    assert v["streamnn_batch_duration_seconds_count",] == 20
    assert v["streamnn_alarms_total", "new inputs"] > 0 == v["streamnn_alarms_total", "more noise"]
    assert v["streamnn_lipschitz_bound", "n"] == 2.0 and v["streamnn_attacked_slope", "n"] == 1.0
    learnt = v["streamnn_events_settled_total", "learnt"]
    assert v["streamnn_log_loss_nats_total",] == pytest.approx(0.5 * learnt)
    share = v["streamnn_accuracy_ratio", "pool"]
    assert v["streamnn_correct_predictions_total",] == pytest.approx(share * learnt)
    assert v["streamnn_accuracy_ratio", "no_change"] == 0.5
    assert v["process_resident_memory_bytes",] > 1e6
    # the place before the first record was saved before the partition was open
    assert v["streamnn_checkpoints_total",] == 0 and ("streamnn_state_bytes",) not in v


def test_counters_begin_at_zero_after_a_resume(tmp_path: Path) -> None:
    serve({20: lambda url, job: job.stop()}, directory=str(tmp_path))
    _, v, _ = scrape(5, directory=str(tmp_path))
    assert v["streamnn_position",] == 175  # 140 and five batches of 7
    assert v["streamnn_records_total",] == 35
    learnt = v["streamnn_events_settled_total", "learnt"]
    assert 0 < learnt <= 35
    assert v["streamnn_log_loss_nats_total",] == pytest.approx(0.5 * learnt)


def test_a_checkpoint_shows(tmp_path: Path) -> None:
    def save(url: str, job: Job) -> None:
        job.control._asked += 1  # a wish that nobody waits for

    found: list[str] = []
    serve({3: save, 6: lambda url, job: found.append(ask(url + "metrics")[1])}, directory=str(tmp_path))
    values = {
        s.name: s.value for f in plain_text(found[0]) for s in f.samples if f.name.startswith("streamnn")
    }
    assert values["streamnn_checkpoints_total"] == 1
    assert values["streamnn_checkpoint_timestamp_seconds"] == 1.7e9
    assert values["streamnn_state_bytes"] > 1000
    assert values["streamnn_commit_duration_seconds_count"] == 1


def test_only_declared_metrics_and_labels_are_shown() -> None:
    text, _, _ = scrape(20)
    declared = {f.name.removesuffix("_total"): f for f in FAMILIES}
    shown = {f.name: f for f in plain_text(text) if f.name.startswith("streamnn")}
    assert set(shown) <= set(declared)
    for name, family in shown.items():
        assert family.type == declared[name].kind
        assert family.documentation == declared[name].help
        for s in family.samples:
            assert set(s.labels) - {"le"} == set(declared[name].labels)


def test_names_follow_the_conventions() -> None:
    names = [f.name for f in FAMILIES]
    assert len(set(names)) == len(names)
    for f in FAMILIES:
        assert re.fullmatch(r"streamnn_[a-z][a-z_]*[a-z]", f.name), f.name
        assert f.name.endswith("_total") == (f.kind == "counter"), f.name
        assert f.kind != "histogram" or f.name.endswith("_seconds")
        assert f.help.endswith(".") and len(f.help) < 120
        assert all(re.fullmatch("[a-z]+", label) for label in f.labels)
        assert not re.search(r"(milli|kilo|_ms\b|_kb\b|percent)", f.name)


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool: apt-get install prometheus")
def test_promtool_has_nothing_to_say() -> None:
    assert PROMTOOL is not None
    text, _, _ = scrape(20)
    for dirty in (text, text.replace("_total", "_sum_of")):
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=dirty, capture_output=True, text=True)
        assert (done.returncode == 0 and not done.stdout + done.stderr) == (dirty is text), done.stderr


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    found: list[Any] = []
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    serve({20: lambda url, job: found.append(ask(url + "metrics", headers=accept))})
    code, text, headers = found[0]
    assert code == 200 and headers["Content-Type"].startswith("application/openmetrics-text")
    assert "streamnn_records" in {f.name for f in openmetrics(text)} and text.endswith("# EOF\n")


def test_regression_has_errors_in_place_of_log_loss() -> None:
    from fake_learner import FakeLearner

    from streamnn_jobs.live.partition_monitor import PartitionMonitor
    from streamnn_jobs.metrics.collector import _learner
    from streamnn_jobs.run.worker import Worker
    from streamnn_jobs.spec.load import make_spec

    spec = make_spec({"source": {"path": "a.csv"}, "label": {"column": "y"}})
    worker = Worker(spec, "regression", FakeLearner("regression"))
    names = {name for name, _, _ in _learner(PartitionMonitor(worker, None, 0.0).view)}
    assert {"absolute_error_total", "squared_error_total", "mean_absolute_error"} <= names
    assert not names & {"log_loss_nats_total", "correct_predictions_total", "classes"}


def test_every_reason_a_connector_gives_has_a_word() -> None:
    """Faults are found in the sources: a new one must be given a word, or it drowns in `other`."""
    folder = Path(streamnn_connectors.__file__).parent
    reasons = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Fault", "_bad") and node.args:
                first = node.args[0 if node.func.id == "Fault" else 1]  # type: ignore[attr-defined]
                if isinstance(first, ast.Constant):
                    reasons.append(str(first.value))
                elif isinstance(first, ast.JoinedStr):
                    reasons.append(
                        "".join(str(v.value) if isinstance(v, ast.Constant) else "9" for v in first.values)
                    )
    assert len(reasons) > 15
    assert [r for r in reasons if reason_word(r) == "other"] == []


def test_reasons_of_a_job_have_words() -> None:
    found: set[str] = set()
    serve({43: lambda url, job: found.update(_dead(ask(url + "metrics")[1]))}, items=[*stream(290), *_odd()])
    assert found == {"malformed_json", "bad_time", "not_an_object"}
    assert set(REASON_WORDS) >= found


def _odd() -> list[Any]:
    return [b"[1]"] * 10


def _dead(text: str) -> list[str]:
    return [
        s.labels["reason"]
        for f in plain_text(text)
        if f.name == "streamnn_dead_letters"
        for s in f.samples
        if s.value
    ]
