"""Signals end a job cleanly, within a deadline; a hang-up is one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_run import good

pytestmark = pytest.mark.slow

USUAL = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # tests may run under nohup, which is inherited
# A job whose learner is quick; each batch takes a while, and closing the outputs as long as the argument says.
CODE = """
import signal, sys, time
sys.path.insert(0, {tests!r})
import streamnn_jobs.run.learner, streamnn_jobs.run.sinks
from fake_learner import make_fake
streamnn_jobs.run.learner.make_learner = make_fake
flush = streamnn_jobs.run.sinks.Outputs.flush
def slow(self, timeout_s=None):
    if timeout_s is not None:  # stopping
        time.sleep({hang})
    flush(self, timeout_s)
streamnn_jobs.run.sinks.Outputs.flush = slow
from streamnn_jobs.run.observer import Observer
import streamnn_jobs.cli.run as commands
class Pace(Observer):
    def stepped(self, *told):
        if told[2] == 50: print("going", flush=True)
        time.sleep(.02)
job = commands.open_job
def paced(*a, **k):
    j = job(*a, **k)
    j.audience.add(Pace())
    return j
commands.open_job = paced
from streamnn_jobs.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


def start(
    folder: Path, hang: float = 0.0, timeout_s: float = 20.0, before: str = USUAL
) -> subprocess.Popen[str]:
    code = before + CODE.format(tests=str(Path(__file__).parent), hang=hang)
    args = [
        "replay",
        good(folder / "a.jsonl", 5000),
        "--label",
        "y",
        "--checkpoint",
        str(folder / "ck"),
        "--report",
        "none",
    ]
    args += ["--log", "json", "--set", f"run.stop_timeout_s={timeout_s}", "--set", "run.batch_records=50"]
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def end(process: subprocess.Popen[str], number: int) -> tuple[int, list[dict[str, object]]]:
    assert process.stdout is not None and process.stdout.readline() == "going\n"
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in err.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_ends(number: int, tmp_path: Path) -> None:
    code, lines = end(start(tmp_path), number)
    events = [line["event"] for line in lines]
    assert code == 128 + number and events[-1] == "job_ended" and "stopping" in events
    assert lines[-1]["outcome"] == "interrupted"
    (first, *_) = sorted((tmp_path / "ck").glob("checkpoint-*.safetensors"), reverse=True)
    assert int(first.stem.removeprefix("checkpoint-")) == lines[-1]["records"]


def test_what_does_not_end_within_the_deadline_is_ended(tmp_path: Path) -> None:
    code, lines = end(start(tmp_path, hang=100.0, timeout_s=0.5), signal.SIGTERM)
    events = [line["event"] for line in lines]
    assert code == 143 and "stopping" in events and events[-1] == "stop_timeout"
    assert [p.name for p in (tmp_path / "ck").iterdir()] == ["checkpoint-000000000000.safetensors"]


def test_under_nohup_a_hang_up_does_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n")
    assert process.stdout is not None and process.stdout.readline() == "going\n"
    os.kill(process.pid, signal.SIGHUP)
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert [json.loads(line)["signal"] for line in err.splitlines() if '"stopping"' in line] == [
        signal.SIGTERM
    ]
