"""What a person sees of a run, on a terminal and not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fake_learner import make_fake
from rich.console import Console
from script import late_spec, stream

from streamnn_connectors import ScriptedSource
from streamnn_jobs.cli.progress import Progress, folded
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.summary import lines, number, plain, summarise


def watched(terminal: bool, monkeypatch: pytest.MonkeyPatch, width: int = 200) -> tuple[str, str]:
    monkeypatch.setattr("streamnn_jobs.cli.progress._REDRAW_EVERY_S", 0.0)
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width)
    with Progress(console, until_records=200) as progress:
        job = Job(
            late_spec(None, until_records=200), source=ScriptedSource(stream()), sinks={}, make=make_fake
        )
        job.show(progress)
        result = job.run()
    return out.getvalue(), result.worker.learner.state_hash()


def test_a_terminal_shows_every_figure_and_a_file_none(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, looked_at = watched(True, monkeypatch)
    for word in (
        "of 200",
        "/s",
        "to go",
        "accuracy 0.",
        "log loss 0.500",
        "regret 0.010",
        "pending",
        "dead",
        "alarms",
    ):
        assert word in shown
    quiet, alone = watched(False, monkeypatch)
    assert quiet.strip() == "" and looked_at == alone


def test_a_narrow_terminal_breaks_between_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _ = watched(True, monkeypatch, width=50)
    drawn = [line for line in shown.splitlines() if "pending" in line or "accuracy" in line]
    assert drawn and all(len(line.rsplit("\x1b[2K", 1)[-1]) <= 50 for line in drawn)
    parts = ["10,000 of 80,000", "9,000/s", "accuracy 0.700", "x" * 60, "dead 0"]
    assert folded(parts, 50) == ["10,000 of 80,000  9,000/s  accuracy 0.700", "x" * 60, "dead 0"]


def test_the_summary_says_what_became_of_every_event() -> None:
    result = Job(late_spec(None), source=ScriptedSource(stream()), sinks={}, make=make_fake).run()
    figures = summarise(result)
    assert (
        figures["events"]
        == figures["labelled"] + figures["pending"] + figures["expired"] + figures["unlabelled"]
    )
    assert figures["records"] == figures["events"] + figures["dead_letters"] == 300
    text = "\n".join(lines(figures))
    assert f"learnt {figures['labelled']}" in text and figures["state_hash"][:16] in text and "fake" in text


def test_figures_for_machines_and_for_people() -> None:
    assert plain(
        {"a": np.float32(0.5), "b": [np.nan, np.int64(3)], "c": np.array([np.inf, 1.0]), 4: None}
    ) == {
        "a": 0.5,
        "b": [None, 3],
        "c": [None, 1.0],
        "4": None,
    }
    assert number(-1.5e60) == "-1.5e+60"
    assert [number(v) for v in (0.5, 12.345, 99_999.5, -0.0042, float("nan"), True)] == [
        "0.500",
        "12.3",
        "100,000",
        "-0.004",
        "-",
        "-",
    ]


def test_of_many_alarms_the_last_are_told_with_the_feature_they_name() -> None:
    figures = summarise(Job(late_spec(None), source=ScriptedSource(stream()), sinks={}, make=make_fake).run())
    alarm = {
        "cause": "feature died",
        "feature": "a7",
        "signal": "feature worst",
        "statistic": "above its record",
    }
    many = [{**alarm, "position": i} for i in range(7)]
    many[-1] = {**alarm, "position": 6, "cause": "new concept", "feature": "", "signal": "loss"}
    told = lines({**figures, "alarms": many, "alarm_count": 1200})
    assert "alarms 1,200, the last 5:" in told
    assert "  position 2: feature died, a7 (feature worst, above its record)" in told
    assert "  position 6: new concept (loss, above its record)" in told
    assert not any(line.startswith("  position 1:") for line in told)
    assert "alarms 2" in lines({**figures, "alarms": many[:2], "alarm_count": 2})
