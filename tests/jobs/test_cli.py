"""The command line: exit codes, words, and never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_run import Run, good
from fake_learner import FakeLearner

from streamnn_jobs.cli import app as cli
from streamnn_jobs.cli.app import main
from streamnn_jobs.cli.datasets import lines

GOOD = b'{"x": 1.0, "y": 1}\n{"x": 2.0, "y": 0}\n{"x": 0.5, "y": 1}\n'


def parquet(path: Path) -> bytes:
    pq.write_table(pa.table({"x": [float(i) for i in range(3000)], "y": [i % 2 for i in range(3000)]}), path)
    return path.read_bytes()


def test_json_is_one_object_at_the_end_with_every_figure(run: Run, tmp_path: Path) -> None:
    code, out, err = run(
        "replay", good(tmp_path / "a.jsonl"), "--label", "y", "--json", "--report", "r/page.html"
    )
    assert code == 0
    (line,) = out.splitlines()
    figures = json.loads(line)
    wanted = [
        "events",
        "labelled",
        "pending",
        "expired",
        "dead_letters",
        "accuracy",
        "log_loss",
        "no_change",
        "majority",
        "best_expert",
        "regret_per_event",
        "auroc",
        "brier",
        "lipschitz_bound",
        "alarms",
        "state_hash",
        "events_per_cpu_s",
        "report",
    ]
    assert set(wanted) <= set(figures)
    assert figures["events"] == 300 == figures["labelled"] and figures["lipschitz_bound"] == {"n": 2.0}
    assert {"position", "statistic", "cause"} <= set(figures["alarms"][0])
    assert figures["events_per_cpu_s"] > 0 and figures["report"] == "r/page.html"
    assert (tmp_path / "r/page.html").stat().st_size > 1000
    assert "accuracy" in err  # the table is for people


def test_people_get_a_table_beside_the_controls(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("replay", good(tmp_path / "a.jsonl"), "--label", "y")
    assert code == 0
    for word in (
        "streamnn",
        "no-change",
        "majority",
        "logistic",
        "accuracy",
        "log loss",
        "slope bounds",
        "alarms",
    ):
        assert word in out
    assert "report a-report.html" in out and (tmp_path / "a-report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("empty.jsonl", b"", 3, "is empty"),
        ("empty.csv", b"", 3, "is empty"),
        ("empty.parquet", b"", 3, "is empty"),
        ("a.jsonl", b"{broken\n" * 3, 3, "none of the first 3 records"),
        ("a.jsonl", b"\xff\xfe\x00\n" + GOOD, 0, ""),
        ("a.jsonl", b"[1, 2]\nnull\n3\n" + GOOD, 0, ""),
        ("a.jsonl", b'{"x": "' + b"a" * 10_000_000 + b'"}\n' + GOOD, 0, ""),
        ("a.jsonl", b'{"x": 1, "x": 2, "y": 1}\n' + GOOD, 0, ""),
        ("a.jsonl", b'{"x": NaN, "y": 1}\n{"x": Infinity, "y": 1}\n{"x": 1e999, "y": 0}\n' + GOOD, 0, ""),
        ("a.jsonl", b'{"x": {"nested": 1}, "y": 1}\n{"x": [1], "y": 1}\n' + GOOD, 0, ""),
        ("a.jsonl", GOOD + b'{"x": "text", "y": 1}\n{"x": 1, "y": "text"}\n{"x": 1, "y": 2.5}\n', 0, ""),
        ("a.jsonl", GOOD + b'{"zzz": 1}\n{}\n{"y": 1}\n', 0, ""),
        ("a.jsonl", b"[" * 100_000 + b"\n" + GOOD, 0, ""),
        ("a.csv", b"x,y,x\n1,2,3\n", 3, "more than once"),
        ("a.csv", b"x,y\n", 3, "there are no records"),
        ("a.csv", b"x,y\n1,1\n2\n3,0,0\n4,1\n", 0, ""),
        ("a.csv", b"a,b\n1,1\n", 2, "there is no column 'y'"),
        ("a.parquet", b"PAR1 this is none", 3, "can't be read"),
        ("a.xlsx", b"PK", 3, "there are no records"),
        ("a.avro", b"Obj\x01\x04", 3, "neither its name nor its content says a format"),
    ],
)
def test_hostile_files_end_in_words_or_dead_letters(
    name: str, content: bytes, code: int, words: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    got, out, err = run("replay", name, "--label", "y", "--json", "--report", "none", "--output", "out")
    if code:
        assert got == code and words in err and not out, err
        return
    figures = json.loads(out)
    most = 0.2 * figures["records"]
    assert got == (7 if figures["dead_letters"] > most else 0), err
    assert ("more than limits.dead_share" in err) == (got == 7)
    letters = [json.loads(line) for line in (tmp_path / "out/dead_letters.jsonl").read_text().splitlines()]
    predictions = (tmp_path / "out/predictions.jsonl").read_text().splitlines()
    lines = content.count(b"\n") - name.endswith(".csv")
    assert figures["dead_letters"] == len(letters) and len(predictions) + len(letters) == lines
    assert figures["events"] == len(predictions) >= 2  # no good event is lost
    assert all(letter["reason"] and letter["stage"] in ("decode", "schema", "label") for letter in letters)


def test_a_truncated_parquet_file(run: Run, tmp_path: Path) -> None:
    whole = parquet(tmp_path / "a.parquet")
    for size in (len(whole) // 2, len(whole) - 9, 12):
        (tmp_path / "a.parquet").write_bytes(whole[:size])
        code, _, err = run("replay", "a.parquet", "--label", "y")
        assert code == 3 and "a.parquet can't be read" in err


def test_original_bytes_are_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(GOOD + b"{broken\r\n")
    run("replay", "a.jsonl", "--label", "y", "--output", "p.jsonl", "--report", "none")
    (letter,) = [json.loads(line) for line in (tmp_path / "p.dead_letters.jsonl").read_text().splitlines()]
    assert letter["raw"] == "e2Jyb2tlbg0=" and letter["text"] == "{broken\r" and letter["position"] == 3
    assert letter["source"] == "a" and letter["partition"] == "0"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["replay", "nothing-of-that-name"], "is not known"),
        (["replay", "fligths"], "flights"),
        (["replay", "missing.csv", "--label", "y"], "no such file"),
        (["replay", "a.jsonl"], "label.column: is missing"),
        (["replay", "a.jsonl", "--label", "z"], "there is no column 'z'"),
        (["replay", "a.jsonl", "--label", "y", "--task", "ranking"], "learner.task: is 'ranking'"),
        (["replay", "a.jsonl", "--label", "y", "--delay", "-1"], "--delay"),
        (
            ["replay", "a.jsonl", "--label", "y", "--set", "label.tme=3"],
            "streamnn: label.tme: is not known; did you mean time?",
        ),
        (["replay", "a.jsonl", "--label", "y", "--set", "x"], "write it as section.field=value"),
        (["replay", "a.jsonl", "--label", "y", "--output", "a.jsonl"], "is the source itself"),
        (["replay", "a.jsonl", "--nope"], "--nope"),
        (["replay"], "Missing argument"),
        (["run", "none.toml"], "can't be read"),
        (["check", "a.jsonl"], "no valid TOML"),
        (["nope"], "nope"),
        (["predict", "a.jsonl"], "--checkpoint"),
    ],
)
def test_wrong_usage_is_exit_code_2_in_words(args: list[str], words: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    code, out, err = run(*args)
    assert code == (3 if "missing.csv" in args else 2) and words in err and not out
    assert (tmp_path / "a.jsonl").read_bytes() == GOOD


def test_a_checkpoint_or_output_that_can_not_be_written(run: Run, tmp_path: Path) -> None:
    source = good(tmp_path / "a.jsonl")
    (tmp_path / "file").write_text("in the way")
    code, _, err = run("replay", source, "--label", "y", "--report", "none", "--checkpoint", "file")
    assert code == 4 and "file" in err
    code, _, err = run("replay", source, "--label", "y", "--report", "none", "--output", "file/out")
    assert code == 5 and "can't be written" in err
    code, _, err = run("predict", source, "--checkpoint", "nowhere")
    assert code == 4 and "has no checkpoint" in err
    code, _, err = run("replay", source, "--label", "y", "--report", "file/r.html")
    assert code == 5 and "can't be written" in err


def test_an_internal_error_says_so_and_shows_where_when_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: FakeLearner) -> dict[str, Any]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(FakeLearner, "networks", broken)
    source = good(tmp_path / "a.jsonl")
    code, _, err = run("replay", source, "--label", "y")
    assert code == 1 and "internal error: ZeroDivisionError: oops" in err and "STREAMNN_DEBUG" in err
    monkeypatch.setenv("STREAMNN_DEBUG", "1")
    assert main(["replay", source, "--label", "y"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_replay_goes_on_and_predict_scores(run: Run, tmp_path: Path) -> None:
    source = good(tmp_path / "a.jsonl")
    common = ("--label", "y", "--report", "none", "--json")
    state = ("--checkpoint", "state", "--output", "out/p.csv")
    code, out, _ = run("replay", source, *common, *state, "--until", "100", "--checkpoint-every", "30")
    assert code == 0 and json.loads(out)["events"] == 100
    code, out, err = run("replay", source, *common, *state)
    figures = json.loads(out)
    assert code == 0 and figures["events"] == 300 and figures["resumed_at"] == 100 and "going on from" in err
    _, out, _ = run("replay", source, *common, "--output", "whole/p.csv")
    assert json.loads(out)["state_hash"] == figures["state_hash"]
    assert (tmp_path / "out/p.csv").read_bytes() == (tmp_path / "whole/p.csv").read_bytes()
    code, _, err = run("replay", source, *common, *state, "--delay", "5")
    assert code == 2 and "label.delay_events is 5 now and was not set" in err

    code, out, err = run("predict", source, "--checkpoint", "state", "--until", "5")
    assert code == 0 and len(out.splitlines()) == 5 and "5 scored" in err
    assert json.loads(out.splitlines()[0])["prediction"] in (0, 1)
    code, out, _ = run("predict", source, "--checkpoint", "state", "--output", "s/new.csv", "--json")
    assert code == 0 and json.loads(out)["state_hash"] == figures["state_hash"]
    assert len((tmp_path / "s/new.csv").read_text().splitlines()) == 301
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    code, _, err = run("predict", "other.csv", "--checkpoint", "state")
    assert code == 2 and "none of the columns a, b is known" in err


def test_a_spec_runs_and_is_checked(run: Run, tmp_path: Path) -> None:
    good(tmp_path / "a.jsonl")
    (tmp_path / "job.toml").write_text(
        '[source]\npath = "a.jsonl"\n[label]\ncolumn = "y"\ndelay_events = 3\n'
    )
    code, out, _ = run("check", "job.toml")
    assert code == 0 and "classification of 'y'" in out and "3 events later" in out
    code, out, _ = run("check", "job.toml", "--json")
    assert code == 0 and json.loads(out)["task"] == "classification"
    code, out, _ = run("run", "job.toml", "--json", "--until", "50")
    assert code == 0 and json.loads(out)["pending"] == 3 and json.loads(out)["report"] is None


def test_datasets_are_listed(run: Run) -> None:
    code, out, _ = run("datasets")
    assert code == 0 and "flights" in out and "80,789" in out
    assert max(map(len, out.splitlines())) > 110 and "..." not in out and "…" not in out  # nothing is cut
    narrow = lines([["name", "n", "note"], ["flights", "80,789", "word " * 30]], width=80)
    assert max(map(len, narrow)) <= 80 and narrow[2].endswith("80,789") and narrow[-1].startswith("    word")
    code, out, _ = run("datasets", "--json")
    assert json.loads(out)[0]["name"] == "flights"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly(
    number: signal.Signals, code: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = FakeLearner.run

    def interrupts(self: FakeLearner, chunk: Any) -> Any:
        if self.next_ticket == 200:
            os.kill(os.getpid(), number)
        return learn(self, chunk)

    source = good(tmp_path / "a.jsonl", 1000)
    args = ("replay", source, "--label", "y", "--report", "none", "--json", "--checkpoint", "state",
            "--set", "run.batch_records=100")  # fmt: skip
    before = signal.getsignal(number)
    with monkeypatch.context() as m:
        m.setattr(FakeLearner, "run", interrupts)
        got, out, err = run(*args)
    assert got == code and json.loads(out)["outcome"] == "interrupted" and json.loads(out)["events"] == 300
    assert "finishing the batch" in err and signal.getsignal(number) == before
    got, out, _ = run(*args)
    assert got == 0 and json.loads(out)["events"] == 1000 and json.loads(out)["resumed_at"] == 300


def test_help_is_quick_and_names_the_exit_codes() -> None:
    code = "import sys, streamnn_jobs.cli.app as c; c.main(['--help']); print([m for m in ('numba', 'pyarrow', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]"), "--help must not load what only a run needs"
    for number, _ in cli.EXIT_CODES:
        assert str(number) in done.stdout
