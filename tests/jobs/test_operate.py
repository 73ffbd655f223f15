"""The operator's commands: status, pause, resume, checkpoint inspect and now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_run import Run, good
from served import serve

from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.fingerprint import learning_fields, spec_of_fields
from streamnn_jobs.spec.load import load_spec

TOKEN = "a long secret"


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """Checkpoints of a job that is not running."""
    args = (
        "--label",
        "y",
        "--checkpoint",
        "ck",
        "--checkpoint-every",
        "100",
        "--report",
        "none",
        "--set",
        "run.batch_records=100",
    )
    assert run("replay", good(tmp_path / "a.jsonl"), *args)[0] == 0
    return tmp_path / "ck"


def test_status_of_a_running_job(run: Run) -> None:
    found: list[Any] = []

    def look(url: str, job: Job) -> None:
        found.append(run("status", url))
        found.append(run("status", url.removeprefix("http://"), "--json"))

    serve({20: look})
    (code, out, err), (_, as_json, _) = found
    assert code == 0 and err == ""
    assert out.startswith("running; streamnn ") and "position 140, 1 a second, 160 not read yet" in out
    assert json.loads(as_json)["partitions"][0]["position"] == 140


def test_status_of_a_checkpoint_has_the_same_fields(run: Run, folder: Path) -> None:
    live: list[Any] = []
    serve({20: lambda url, job: live.append(json.loads(run("status", url, "--json")[1]))})
    code, out, err = run("status", str(folder), "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["state"] == "not running"
    part = found["partitions"][0]
    assert part["closed"] == 0 and live[0]["partitions"][0]["open"] is True
    assert part["records"] == 300 == part["position"] and part["scores"]["labelled"] == part["learnt"] == 300
    assert set(part) - {"version"} <= set(live[0]["partitions"][0])
    code, out, _ = run("status", str(folder))
    assert code == 0 and "position 300" in out and "checkpoint-000000000300.safetensors" in out


def test_pause_and_resume(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def look(url: str, job: Job) -> None:
        found.append(run("pause", url)[:2])
        found.append(job.control.paused)
        found.append(run("resume", url, "--json")[:2])
        found.append(job.control.paused)

    assert serve({3: look}).events == 300
    assert found == [(0, "paused\n"), True, (0, '{"state": "running"}\n'), False]


def test_a_token_comes_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def look(url: str, job: Job) -> None:
        monkeypatch.delenv("STREAMNN_TOKEN", raising=False)
        found.append(run("pause", url))
        monkeypatch.setenv("STREAMNN_TOKEN", TOKEN)
        found.append(run("resume", url))

    serve({3: look}, token=TOKEN)
    assert found[0][0] == 6 and "Set STREAMNN_TOKEN" in found[0][2]
    assert found[1][:2] == (0, "running\n") and TOKEN not in found[0][2]


def test_checkpoint_now_waits_for_the_file(run: Run, tmp_path: Path) -> None:
    import threading

    found: list[Any] = []

    def look(url: str, job: Job) -> None:
        def ask() -> None:
            found.append(run("checkpoint", "now", url))
            job.control.resume()

        job.control.pause()
        threads.append(threading.Thread(target=ask))
        threads[0].start()

    threads: list[threading.Thread] = []
    serve({3: look}, directory=str(tmp_path / "c"))
    threads[0].join()
    path = tmp_path / "c" / "checkpoint-000000000021.safetensors"
    assert found == [(0, f"partition 0: {path}\n", "")]


@pytest.mark.parametrize("command", ["status", "pause", "resume"])
def test_who_does_not_answer(run: Run, command: str) -> None:
    code, out, err = run(command, "http://127.0.0.1:9")
    assert (code, out) == (6, "") and "can't be reached" in err and "--http" in err


def test_pausing_a_folder_is_no_use(run: Run, folder: Path) -> None:
    code, _, err = run("pause", str(folder))
    assert code == 6 and "no address of a running job" in err


def test_inspect_for_a_person_and_for_machines(run: Run, folder: Path) -> None:
    code, out, err = run("checkpoint", "inspect", str(folder))
    assert code == 0 and err == ""
    for words in (
        "goes on at position 300",
        "records 300: learnt 300",
        "columns 1: x",
        "classes 2: 0, 1",
        "bytes, whole",
    ):
        assert words in out
    file = folder / "checkpoint-000000000300.safetensors"
    code, out, _ = run("checkpoint", "inspect", str(file), "--json")
    about = json.loads(out)
    assert code == 0 and about["bytes"] == file.stat().st_size and about["position"] == 300
    assert about["spec"]["label.column"] == "y" and len(about["hash"]) == 64
    assert about["arrays"]["learner/w"] == {"dtype": "float64", "shape": [1], "bytes": 8}


def test_a_damaged_checkpoint_is_said_to_be(run: Run, folder: Path) -> None:
    file = folder / "checkpoint-000000000300.safetensors"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    code, out, err = run("checkpoint", "inspect", str(file))
    assert (code, out) == (4, "") and "damaged: its check-sum does not match" in err
    code, out, err = run("checkpoint", "inspect", str(folder))
    assert code == 0 and "position 200" in out and "damaged" in err


@pytest.mark.parametrize("target", ["nothing", "empty", "a.jsonl"])
def test_what_is_no_checkpoint_is_said_to_be_none(run: Run, target: str, folder: Path) -> None:
    (folder.parent / "empty").mkdir()
    for command in (("status",), ("checkpoint", "inspect")):
        code, out, err = run(*command, target)
        assert (code, out) == (4, "") and target in err


def test_the_spec_of_a_kafka_job_comes_back_from_its_checkpoint() -> None:
    spec = load_spec(Path(__file__).parents[2] / "jobs" / "kafka.toml")
    fields = learning_fields(spec)
    assert learning_fields(spec_of_fields(fields)) == fields and fields["label.topic"] == "flights-labels"
