"""The command line on files of all sorts: what is refused before anything is touched, and what is put up with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_run import Run, good
from fake_learner import FakeLearner

from streamnn_jobs.ask.predict import SHOWN
from streamnn_jobs.cli.app import main


def test_a_report_that_can_not_be_written_is_found_before_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = good(tmp_path / "a.jsonl")
    (tmp_path / "folder.html").mkdir()
    with monkeypatch.context() as m:
        m.setattr(FakeLearner, "run", None)  # no event is learnt
        for path in ("folder.html", "a.jsonl/r.html"):
            code, out, err = run("replay", source, "--label", "y", "--report", path)
            assert code == 5 and f"{path}: the report can't be written" in err and not out

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("streamnn_jobs.report.write_report", full)
    code, out, err = run("replay", source, "--label", "y", "--json", "--report", "r.html")
    assert code == 5 and "No space left" in err
    figures = json.loads(out)
    assert figures["events"] == 300 and figures["report"] is None and "accuracy" in err


def test_a_dataset_comes_before_a_file_or_folder_of_its_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "flights").mkdir()
    (tmp_path / "process").mkdir()
    (tmp_path / "process/tent").write_text("x\n")
    for name in ("flights", "process/tent"):
        code, out, err = run("replay", name, "--until", "10", "--json", "--report", "none")
        assert code == 0 and json.loads(out)["source"] == name, err
    (tmp_path / "mine").write_text("x,y\n1,1\n2,0\n")  # a file whose name says no format
    code, out, err = run(
        "replay", "mine", "--label", "y", "--json", "--report", "none", "--set", "source.format=csv"
    )
    assert code == 0 and json.loads(out)["events"] == 2, err


@pytest.mark.parametrize("label", [', "y": null', ""])
def test_labels_may_come_after_the_first_thousand_records(label: str, run: Run, tmp_path: Path) -> None:
    early = "".join(f'{{"x": {i % 7}{label}}}\n' for i in range(1100))
    good(tmp_path / "late.jsonl")
    (tmp_path / "a.jsonl").write_text(early + (tmp_path / "late.jsonl").read_text())
    args = ("replay", "a.jsonl", "--label", "y", "--json", "--report", "none")
    code, _, err = run(*args)
    assert code == 2 and "y" in err
    code, out, err = run(*args, "--task", "classification")
    figures = json.loads(out)
    assert code == 0 and (figures["unlabelled"], figures["labelled"]) == (1100, 300)
    assert "no record among the first 1000 has a value in column 'y'" in err


def test_predicting_keeps_the_kinds_that_were_learnt(run: Run, tmp_path: Path) -> None:
    codes = ["007", "AB", "12"]
    body = "".join(f"{codes[i % 3]},{i % 5},{int(i % 3 == 0)}\n" for i in range(300))
    (tmp_path / "a.csv").write_text("code,x,y\n" + body)
    run("replay", "a.csv", "--label", "y", "--report", "none", "--checkpoint", "state")
    _, want, _ = run("predict", "a.csv", "--checkpoint", "state")
    digits = [line for i, line in enumerate(body.splitlines()) if i % 3 != 1]
    (tmp_path / "new.csv").write_text("code,x,y\n" + "\n".join(digits))
    code, got, err = run("predict", "new.csv", "--checkpoint", "state")
    assert code == 0 and "200 scored, 0 could not be" in err

    def scores(text: str) -> list[Any]:
        return [{k: v for k, v in json.loads(line).items() if k != "position"} for line in text.splitlines()]

    assert scores(got) == [row for i, row in enumerate(scores(want)) if i % 3 != 1]
    table = pa.table({"code": [7, 12], "x": [1.0, 2.0]})
    pq.write_table(table, tmp_path / "new.parquet")
    code, _, err = run("predict", "new.parquet", "--checkpoint", "state")
    assert code == 0 and "2 scored, 0 could not be" in err


def test_nothing_scored_is_exit_code_3_in_few_words(run: Run, tmp_path: Path) -> None:
    run("replay", good(tmp_path / "a.jsonl"), "--label", "y", "--report", "none", "--checkpoint", "state")
    (tmp_path / "bad.csv").write_text("x,z\n" + "word\n" * 5000)
    code, out, err = run("predict", "bad.csv", "--checkpoint", "state", "--json")
    assert code == 3 and json.loads(out)["dead_letters"] == 5000
    assert len(err.splitlines()) == SHOWN + 1 and "counted only" in err.splitlines()[-1]


def test_columns_that_were_not_learnt_cost_no_record_that_is_scored(run: Run, tmp_path: Path) -> None:
    source = good(tmp_path / "a.jsonl")
    only = ("--set", 'features.include=["x"]')
    run("replay", source, "--label", "y", "--report", "none", "--checkpoint", "state", *only)
    (tmp_path / "wide.jsonl").write_text(json.dumps({"x": 3} | dict.fromkeys(map(str, range(10_001)), 1)))
    code, _, err = run("predict", "wide.jsonl", "--checkpoint", "state")
    assert code == 0 and "1 scored, 0 could not be" in err


def test_a_cell_that_is_no_number_is_scored_as_missing(run: Run, tmp_path: Path) -> None:
    run("replay", good(tmp_path / "a.jsonl"), "--label", "y", "--report", "none", "--checkpoint", "state")
    (tmp_path / "words.jsonl").write_text('{"x": 3}\n{"x": "word"}\n{"x": null}\n')
    code, got, err = run("predict", "words.jsonl", "--checkpoint", "state")
    assert code == 0 and "3 scored, 0 could not be" in err
    _, word, nothing = [
        {k: v for k, v in json.loads(line).items() if k != "position"} for line in got.splitlines()
    ]
    assert word == nothing


def test_an_output_of_no_known_format_is_refused_and_nothing_removed(run: Run, tmp_path: Path) -> None:
    source = good(tmp_path / "a.jsonl")
    run("replay", source, "--label", "y", "--report", "none", "--checkpoint", "state")
    (tmp_path / "out.xlsx").write_text("precious")
    (tmp_path / "job.toml").write_text(
        '[source]\npath = "a.jsonl"\n[label]\ncolumn = "y"\n[output]\npredictions = "out.xlsx"\n'
    )
    for args in (
        ("replay", source, "--label", "y", "--output", "out.xlsx"),
        ("predict", source, "--checkpoint", "state", "--output", "out.xlsx"),
        ("check", "job.toml"),
        ("run", "job.toml"),
    ):
        code, _, err = run(*args)
        assert code == 2 and "out.xlsx" in err and "allowed: .jsonl" in err, args
    assert (tmp_path / "out.xlsx").read_text() == "precious"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (
            "max_record_bytes=abc",
            "source.options.max_record_bytes: is 'abc'; allowed: a whole number, 1 or more",
        ),
        ("max_record_bytes=0", "is 0; allowed: a whole number"),
        ("delimiter=5", "source.options.delimiter: is 5; allowed: a text"),
        ("missing=x", "source.options.missing: is 'x'; allowed: a list of texts"),
        ("text=x", "source.options.text: is not known; known are delimiter"),
        ("nope=1", "source.options.nope: is not known; known are delimiter, encoding, decimal"),
    ],
)
@pytest.mark.parametrize("form", ["auto", "csv"])
def test_options_of_a_source_are_checked(
    option: str, words: str, form: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,1\n2,0\n")
    common = ("--set", f"source.format={form}", "--set")
    code, _, err = run("replay", "a.csv", "--label", "y", *common, f"source.options.{option}")
    assert code == 2 and words in err


@pytest.mark.parametrize("command", ["datasets", "predict"])
def test_a_reader_that_stops_ends_the_program_quietly(command: str, run: Run, tmp_path: Path) -> None:
    start = [
        sys.executable,
        "-c",
        "import sys; from streamnn_jobs.cli.app import main; sys.exit(main(sys.argv[1:]))",
    ]
    args = ["datasets"]
    if command == "predict":
        pq.write_table(
            pa.table({"x": np.arange(20_000.0), "y": np.arange(20_000) % 2}), tmp_path / "a.parquet"
        )
        args = ["predict", "a.parquet", "--checkpoint", "state"]
        assert main(["replay", "a.parquet", "--label", "y", "--until", "50", "--checkpoint", "state"]) == 0
        start[2] = (
            "import sys, streamnn_jobs.run.learner as l; from fake_learner import make_fake; l.make_learner = make_fake; "
            + start[2]
        )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [*start, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
    )
    assert process.stdout is not None and process.stderr is not None
    if command == "predict":
        assert process.stdout.readline().startswith(b'{"position": 0')
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 0 and "roken" not in err and "Traceback" not in err


def test_nothing_usable_quotes_the_reason_and_a_regression_keeps_its_scale(run: Run, tmp_path: Path) -> None:
    rows = [{"x": i % 7, "y": i % 7 + 0.5} for i in range(50)]
    rows[20]["y"] = 1e300
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    code, out, _ = run("replay", "a.jsonl", "--label", "y", "--json", "--report", "none")
    assert code == 0 and json.loads(out)["dead_letters"] == 1
    (tmp_path / "b.jsonl").write_bytes(b"[1]\n" * 5)
    code, _, err = run("replay", "b.jsonl", "--label", "y", "--task", "classification", "--report", "none")
    assert code == 3 and "the first: not an object but a list" in err
