"""streamnn export: files that do on a device what the student does, and words where it can't be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_run import Run
from edge_job import RECORDS, edge_checkpoint, make_quiet, records
from fake_student import artefact

from streamnn.edge.cost import cost
from streamnn.edge.load import load
from streamnn.edge.saving import from_bytes
from streamnn.errors import StateError
from streamnn.state import state_hash
from streamnn.types import LEARN, OBSERVE
from streamnn_jobs.edge.heat_map import heat_map
from streamnn_jobs.edge.held_out import hold_out, in_formats, score
from streamnn_jobs.edge.inputs import input_names, table_names
from streamnn_jobs.edge.recorded_test import recorded_test
from streamnn_jobs.edge.saved_student import open_student
from streamnn_jobs.edge.scatter import scatter
from streamnn_jobs.edge.variants import Variant, recommended
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.load import make_spec

GCC = shutil.which("gcc")
needs_gcc = pytest.mark.skipif(GCC is None, reason="needs a C compiler: apt-get install gcc")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return edge_checkpoint(tmp_path_factory.mktemp("edge"), history=True)


def self_test(folder: Path, *flags: str) -> str:
    strict = ["-O2", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"]
    assert GCC is not None
    program = folder / "self_test"
    subprocess.run([GCC, *strict, *flags, "model.c", "self_test.c", "-o", program], cwd=folder, check=True)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


@needs_gcc
def test_what_is_exported_compiles_and_gives_the_logits_of_recorded_events(
    run: Run, checkpoint: str, tmp_path: Path
) -> None:
    code, out, _ = run("export", checkpoint, "--to", "edge")
    assert code == 0 and "published after 256 labels" in out and "recommended: " in out
    folder = tmp_path / "edge"
    rows = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), len(rows)), np.repeat(np.arange(len(rows)), 2)
    raw, label = (np.array([r[k] for r in rows]) for k in ("raw", "label"))
    said, _ = load(folder).run(op, slot, raw.astype(np.int32), np.repeat(label, 2))
    assert said.tolist() == [r["logits"] for r in rows]
    assert self_test(folder, "-fsanitize=undefined,address") == "256 events, 0 logits differ\n"
    for place in (folder, folder / "update"):
        subprocess.run([GCC, "model.c", "model_test.c", "-o", "model_test"], cwd=place, check=True)
        subprocess.run(["./model_test"], cwd=place, check=True)
    events = (folder / "events.h").read_text()
    wrong = re.sub(r"(event_logit\[256\]\[2\] = \{\n  \{-?\d+)", r"\g<1>1", events)
    (folder / "events.h").write_text(wrong)
    with pytest.raises(subprocess.CalledProcessError):
        self_test(folder)


@needs_gcc
@pytest.mark.parametrize(
    "how",
    [
        ["--weights", "4"],
        pytest.param(["--bits", "5"], marks=pytest.mark.slow),
        pytest.param(["--weights", "8"], marks=pytest.mark.slow),
    ],
)
def test_other_widths_are_quantised_from_the_same_network(
    how: list[str], run: Run, checkpoint: str, tmp_path: Path
) -> None:
    code, out, _ = run("export", checkpoint, "--to", "edge", *how, "--json")
    found = json.loads(out)
    assert code == 0 and self_test(tmp_path / "edge").startswith("256 events, 0 ")
    assert found["certificate"]["as_published"] == (how == ["--weights", "8"])
    bits = {v["bits"] for v in found["variants"]}
    assert bits == {8, 6, 5, 4, 3} and int(how[1]) in bits
    assert found["exported"].startswith(f"{how[1]} bits")


def test_the_certificate_names_every_file_and_where_it_comes_from(
    run: Run, checkpoint: str, tmp_path: Path
) -> None:
    import hashlib

    assert run("export", checkpoint, "--to", "edge", "--name", "gate", "--verilog")[0] == 0
    folder = tmp_path / "edge"
    certificate = json.loads((folder / "certificate.json").read_text())
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert set(certificate["files"]) == names - {"certificate.json", "report.html"}
    assert {"gate.c", "gate.h", "artefact.safetensors", "update/tables.bin", "verilog/gate.v"} <= names
    for name, digest in certificate["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert certificate["published_after_labels"] == 256 and certificate["position"] == RECORDS
    assert [s["name"] for s in certificate["sensors"]][:3] == ["a", "b", "k"]
    student = open_student(checkpoint, print).student
    kept = from_bytes((folder / "artefact.safetensors").read_bytes())
    assert all(
        (a.weights == b.weights).all() for a, b in zip(kept.modules, student.artefact.modules, strict=True)
    )


def test_the_page_has_what_one_chooses_by(run: Run, checkpoint: str, tmp_path: Path) -> None:
    assert run("export", checkpoint, "--to", "edge")[0] == 0
    page = (tmp_path / "edge" / "report.html").read_text()
    for word in (
        "Which width",
        "bytes of tables",
        "What it costs",
        "On the edge",
        "Activation tables",
        "Certificate",
    ):
        assert word in page
    assert page.count("data-plot='weights-") == 2 and "data-plot='pareto'" in page
    assert "k = y" in page and "a less its last 4" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.slow
def test_a_number_is_exported_too(run: Run, tmp_path: Path) -> None:
    made = edge_checkpoint(tmp_path, "regression")
    code, out, _ = run("export", made, "--to", "edge", "--json")
    found = json.loads(out)
    assert code == 0 and set(found["float"]) == {"mae"} and found["recommended"]["learning"] is None
    if GCC is not None:
        assert self_test(tmp_path / "edge").startswith("256 events, 0 ")


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize("network", ["sign", "ternary", "binary"])
def test_networks_of_signs_are_exported_in_the_width_they_have(
    network: str, run: Run, tmp_path: Path
) -> None:
    made = edge_checkpoint(tmp_path, network=network)
    code, out, _ = run("export", made, "--to", "edge", f"--{network}", "--json")
    found = json.loads(out)
    assert code == 0 and self_test(tmp_path / "edge").startswith("256 events, 0 ")
    assert found["certificate"]["slope_bound"] is None and len(found["variants"]) == 1
    page = (tmp_path / "edge" / "report.html").read_text()
    assert ("weights flipped" in page) and "Activation tables" not in page
    code, _, err = run("export", made, "--to", "edge", "--weights", "4")
    assert code == 4 and f"the weights of a {network} network have the width" in err


def test_exporting_changes_no_checkpoint(checkpoint: str, run: Run) -> None:
    def whole() -> str:
        return state_hash(*open_student(checkpoint, print).student.state_dict())

    before = whole()
    assert run("export", checkpoint, "--to", "edge")[0] == 0 and whole() == before


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        (["--weights", "4", "--bits", "4"], 2, "give one of --bits, --weights"),
        (["--sign"], 2, r"is a spline network, and --sign was asked for.*--set edge\.network=sign"),
        (["--weights", "2"], 2, "greater than or equal to 3"),
        (["--name", "Model"], 2, "small letters"),
    ],
)
def test_what_cannot_be_is_said(how: list[str], code: int, words: str, run: Run, checkpoint: str) -> None:
    found, _, err = run("export", checkpoint, "--to", "edge", *how)
    assert found == code and re.search(words, re.sub(r"[\s│]+", " ", err))


def test_a_checkpoint_without_a_student_says_what_to_do(run: Run, tmp_path: Path) -> None:
    source = records(tmp_path / "a.jsonl", n=50)
    assert run("replay", source, "--label", "y", "--checkpoint", "ck", "--report", "none")[0] == 0
    code, _, err = run("export", "ck", "--to", "edge")
    assert code == 4 and "has no student" in err and "--edge" in err and "section [edge]" in err


def test_before_the_first_publication_there_is_nothing_to_export(run: Run, tmp_path: Path) -> None:
    spec = make_spec(
        {
            "source": {"path": records(tmp_path / "a.jsonl", n=50)},
            "label": {"column": "y"},
            "edge": {},
            "checkpoint": {"directory": str(tmp_path / "ck")},
        }
    )
    Job(spec, make=make_quiet).run()
    with pytest.raises(StateError, match="nothing was published yet, after 50 labels"):
        open_student(str(tmp_path / "ck"), print)


def test_an_older_artefact_reads_in_its_own_formats(checkpoint: str, run: Run) -> None:
    """Formats change with a publication; where that is refused, the artefact before it has the old ones."""
    student = open_student(checkpoint, print).student
    artefact, held = student.artefact, hold_out(student)
    before = score(student, artefact, held)
    shift = np.full(student.sensing.count, 3)
    student.sensing.s["fraction"] += shift
    student.reservoir.shift_format(shift)
    later = hold_out(student)
    assert not np.array_equal(held.v, later.v)
    assert np.array_equal(in_formats(student, artefact, later.v), held.v[:, :, : len(artefact.sensors)])
    assert score(student, artefact, later) == before


def test_a_refused_one_is_not_exported(checkpoint: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = open_student(checkpoint, print)
    rows = saved.student.field.rows()
    rows[-1]["refused"] = "its loss in the field was 2.0000, above the majority's 0.7000"
    monkeypatch.setattr(type(saved.student.field), "rows", lambda self: [dict(r) for r in rows])
    code, out, err = run("export", checkpoint, "--to", "edge")
    assert code == 0 and "the newest publication was refused, its loss" in err and "6 bits" not in out
    code, _, err = run("export", checkpoint, "--to", "edge", "--weights", "4")
    assert code == 4 and "no float network is kept. Leave the width out" in err


def test_a_student_goes_on_from_its_checkpoint_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    source = records(tmp_path / "a.jsonl")

    def run_to(until: int | None, folder: str) -> Any:
        fields: dict[str, Any] = {
            "source": {"path": source},
            "label": {"column": "y", "delay_events": 7},
            "edge": {"first": [64, 128], "every": 100, "history": True},
            "checkpoint": {"directory": str(tmp_path / folder)},
            "run": {"batch_records": 33, "until_records": until},
        }
        return Job(make_spec(fields), make=make_quiet).run().worker

    once = run_to(None, "once").state_dict()
    for until in (70, 215):
        run_to(until, "again")
    again = run_to(None, "again").state_dict()
    assert state_hash(*again) == state_hash(*once)


def test_a_student_that_begins_late_learns_no_event_that_it_has_not_seen(tmp_path: Path) -> None:
    source = records(tmp_path / "a.jsonl")

    def run_to(until: int | None, edge: bool) -> Any:
        fields: dict[str, Any] = {
            "source": {"path": source},
            "label": {"column": "y", "delay_events": 20},
            "checkpoint": {"directory": str(tmp_path / "ck")},
            "run": {"until_records": until},
        }
        with_it = {"edge": {"first": [64], "every": 100, "history": True}} if edge else {}
        return Job(make_spec(fields | with_it), make=make_quiet).run().worker

    run_to(150, edge=False)
    run_to(160, edge=True)  # labels of events before the 150th are still to come
    worker = run_to(None, edge=True)
    assert worker.student.learnt == worker.counters.learnt - 150 > 200
    assert [r["event"] for r in worker.student.field.rows()] == [64, 100, 200]


def test_the_fewest_bytes_are_recommended_that_lose_nearly_nothing() -> None:
    def variant(bits: int, loss: float, size: int, published: bool = False) -> Variant:
        return Variant(
            f"{bits} bits",
            bits,
            artefact(),
            {"accuracy": 0.9, "log_loss": loss},
            size,
            published,
            cost(artefact()).to_dict(),
        )

    eight, six, four, three = (
        variant(8, 0.3, 900, True), variant(6, 0.2999, 900), variant(4, 0.302, 500), variant(3, 0.31, 500)
    )  # fmt: skip
    assert recommended([eight, six, four, three]) is four
    assert recommended([eight, six, three]) is eight
    assert recommended([three]) is three


def test_inputs_and_category_rows_have_names() -> None:
    made = artefact()
    assert input_names(made) == [
        "x",
        "k",
        "x less its last 4",
        "k less its last 4",
        "x less its last 32",
        "k less its last 32",
    ]
    assert len(input_names(made)) == made.stage.width
    assert table_names(made) == ["k = 1", "k = 2", "k = 4"]


def test_recorded_events_are_answered_as_by_a_fresh_device() -> None:
    made = artefact()
    raw = np.random.default_rng(1).integers(-300, 300, (20, 2)).astype(np.int32)
    found = recorded_test(made, raw, np.array([0, 1, 7, -1] * 5))
    assert found.label.tolist() == [0, 1, -1, -1] * 5 and found.logits.shape == (20, 2)
    assert (recorded_test(made, raw[:3], np.zeros(3)).logits == found.logits[:3]).all()
    rows = [json.loads(line) for line in found.files("m")["events.jsonl"].splitlines()]
    assert rows[4]["raw"] == raw[4].tolist() and rows[4]["logits"] == found.logits[4].tolist()


def test_pictures_say_what_is_in_them() -> None:
    weights = np.array([[3, 0, -3], [0, 0, 1]])
    picture = heat_map("w", "Weights <1>", weights, ["a", "b" * 40])
    assert "3 of them 0" in picture and "&lt;1&gt;" in picture and "b" * 26 not in picture
    wide = heat_map("w", "W", np.ones((500, 64), np.int64), [str(i) for i in range(500)])
    assert wide.count("<path") == 1 and wide.count("M") >= 500 * 64 and len(wide) < 1_000_000
    points = [("8 bits", 900.0, 0.9, True), ("6 bits", 900.0, 0.9, False), ("4 bits", 500.0, 0.8, False)]
    drawn = scatter("p", "P", points, ("bytes", "accuracy"), ("float", 0.91), "percent")
    assert drawn.count("<circle") == 2 and "8 bits, 6 bits" in drawn
