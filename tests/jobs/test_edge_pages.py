"""What people and machines see of a student: summary, report, live page, status, metrics, log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_run import Run, good
from fake_student import make_fake_student
from prometheus_client.parser import text_string_to_metric_families as plain_text
from served import ask, serve

from streamnn_jobs.report import render_report
from streamnn_jobs.report.on_the_edge import on_the_edge
from streamnn_jobs.report.report import Report
from streamnn_jobs.run.runner import Job

EDGE: dict[str, Any] = {"first": [16, 32], "every": 64}


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamnn_jobs.run.student.make_student", make_fake_student)


def windows(task: str = "classification", **more: Any) -> list[dict[str, Any]]:
    score = {"accuracy": 0.9, "log_loss": 0.3} if task == "classification" else {"mae": 1.5}
    arms = {a: {"events": 500, **score} for a in ("artefact", "bias", "float", "live", "pool", "majority")}
    return [
        {"event": 500 * i, "to": 500 * (i + 1), "reason": "schedule", "refused": "too <bad>" if i == 3 else "",
         "learning": "bias", "arms": arms if i < 6 else {}, **more}
        for i in range(1, 7)
    ]  # fmt: skip


def figures(task: str = "classification") -> dict[str, Any]:
    rows = windows(task)
    return {"scores": rows[0]["arms"], "published": 5, "refused": 1, "event": 3000, "bytes": 3528,
            "learning": "bias", "flip_rate": None}  # fmt: skip


def test_the_report_has_the_field_beside_the_pool() -> None:
    report = Report("t", {"edge": figures()}, {"edge": windows()}, info={"task": "classification"})
    page = on_the_edge(report)
    assert page.count("<svg class='plot'") == 2 and page.count("data-series") == 10
    for word in ("the artefact, frozen", "its float network", "learning on", "3,528 bytes", "learning a bias",
                 "refused: too &lt;bad&gt;", "Publications"):  # fmt: skip
        assert word in page
    assert "weights flipped" not in page and ">bytes<" not in page
    flips = on_the_edge(
        Report(
            "t",
            {"edge": figures()},
            {"edge": windows(flip_rate=0.012, bytes=900)},
            info={"task": "classification"},
        )
    )
    assert "weights flipped" in flips and "1.20" in flips and ">900<" in flips
    number = Report(
        "t", {"edge": figures("regression")}, {"edge": windows("regression")}, info={"task": "regression"}
    )
    assert on_the_edge(number).count("<svg class='plot'") == 1 and "MAE" in on_the_edge(number)


def test_a_job_without_a_student_has_no_such_section() -> None:
    page = render_report(title="t", summary={}, history={}, networks=[], alarms=[], info={})
    assert "On the edge" not in page


def test_before_the_first_publication_there_is_a_section_without_curves() -> None:
    empty = {**figures(), "scores": {}, "event": None, "bytes": None, "learning": None, "published": 0}
    page = on_the_edge(Report("t", {"edge": empty}, {}, info={"task": "classification"}))
    assert page.count("data-empty") == 2 and "<table" not in page


def test_replay_with_edge_says_what_was_published(run: Run, tmp_path: Path) -> None:
    source = good(tmp_path / "a.jsonl")
    code, out, _ = run("replay", source, "--label", "y", "--edge", "--set", "edge.every=100")
    assert code == 0
    assert "on the edge: published" in out and "learns its bias on the device" in out
    assert "accuracy on what came after each publication: artefact 0.900" in out
    page = (tmp_path / "a-report.html").read_text()
    assert "On the edge" in page and "edge-accuracy" in page and "edge.every" in page
    code, out, _ = run("replay", source, "--label", "y", "--set", "edge.every=100", "--json")
    edge = json.loads(out)["edge"]
    assert edge["published"] + edge["refused"] == 6 and edge["refused"] == 2 and edge["learning"] == "bias"
    _, out, _ = run("replay", source, "--label", "y", "--json")
    assert json.loads(out)["edge"] is None


def test_a_running_job_shows_its_student() -> None:
    found: dict[str, Any] = {}

    def look(url: str, job: Job) -> None:
        for path in ("metrics", "status", "live?have=", ""):
            found[path] = ask(url + path)[1]

    serve({20: look}, edge=EDGE)
    values = {
        (s.name, *(v for k, v in sorted(s.labels.items()) if k != "partition")): s.value
        for f in plain_text(found["metrics"])
        for s in f.samples
    }
    assert values["streamnn_edge_publications_total", "published"] == 2
    assert values["streamnn_edge_publications_total", "refused"] == 1
    assert values["streamnn_edge_accuracy_ratio", "artefact"] == 0.9
    assert values["streamnn_edge_mean_log_loss_nats", "pool"] == 0.3
    assert values["streamnn_edge_artefact_bytes",] == 700 and values["streamnn_edge_artefact_labels",] == 32
    assert ("streamnn_edge_flip_ratio",) not in values
    (partition,) = found["status"]["partitions"]
    assert partition["edge"]["published"] == 2 and partition["edge"]["event"] == 32
    assert "On the edge" in found["live?have="]["parts"]["edge"]["html"] and "On the edge" in found[""]


def test_a_job_without_a_student_shows_none() -> None:
    found: list[Any] = []
    serve({20: lambda url, job: found.extend((ask(url + "metrics")[1], ask(url + "status")[1]))})
    assert "streamnn_edge" not in found[0] and "edge" not in found[1]["partitions"][0]


def test_publications_and_refusals_are_logged(run: Run, tmp_path: Path) -> None:
    source = good(tmp_path / "a.jsonl")
    code, _, err = run("replay", source, "--label", "y", "--edge", "--set", "edge.every=100", "--log", "json")
    told = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    published = [t for t in told if t["event"] == "artefact_published"]
    refused = [t for t in told if t["event"] == "artefact_refused"]
    assert code == 0 and [t["labels"] for t in published] == [64, 100, 200, 256] and len(refused) == 2
    assert refused[0]["level"] == "warning" and "majority" in json.dumps(refused[0])
