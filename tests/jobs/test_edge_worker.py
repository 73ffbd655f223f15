"""A student beside the pool: same events, same checkpoint, artefacts in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_learner import make_fake
from fake_student import make_fake_student
from script import late_spec, stream

from streamnn.errors import SinkError, SpecError
from streamnn.state import state_hash
from streamnn_connectors import CRASH, Crash, ScriptedSource
from streamnn_jobs.run import publisher as publishing
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job

EDGE = {"first": [16, 32], "every": 64}


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamnn_jobs.run.student.make_student", make_fake_student)


def job(
    folder: Path | None, edge: dict[str, Any] | None, items: list[Any] | None = None, **more: Any
) -> Result:
    spec = late_spec(
        None if folder is None else str(folder), edge=edge, until_records=more.pop("until", None)
    )
    source = ScriptedSource(stream() if items is None else items)
    return Job(spec, source=source, sinks={}, make=make_fake, **more).run()


def whole(result: Result) -> str:
    return state_hash(*result.worker.state_dict())


def test_the_pool_learns_the_same_with_and_without_a_student() -> None:
    with_it, without = job(None, EDGE), job(None, None)
    assert with_it.worker.learner.state_hash() == without.worker.learner.state_hash()
    assert with_it.worker.student is not None and without.worker.student is None
    assert not any(name.startswith("edge/") for name in without.worker.state_dict()[0])
    assert with_it.worker.student.field.rows()[0]["event"] == 16


def test_stopping_and_going_on_changes_nothing_of_the_student(tmp_path: Path) -> None:
    once = job(None, EDGE)
    for until in (50, 111, None):
        last = job(tmp_path, EDGE, until=until)
    assert last.resumed_at == 111 and whole(last) == whole(once)


def test_a_student_that_is_new_to_a_checkpoint_begins_anew_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    job(tmp_path, None, until=100)
    result = job(tmp_path, EDGE, say=said.append)
    assert any("has no student: one begins here" in text for text in said)
    assert result.worker.learner.state_hash() == job(None, None).worker.learner.state_hash()
    assert result.worker.student is not None and result.worker.student.field.rows()


def test_a_student_that_is_wanted_no_more_is_dropped_with_a_word(tmp_path: Path) -> None:
    said: list[str] = []
    job(tmp_path, EDGE, until=100)
    result = job(tmp_path, None, say=said.append)
    assert any("it is dropped" in text for text in said)
    assert whole(result) == whole(job(None, None))


def test_another_student_is_another_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch)
    job(tmp_path, EDGE, until=100)
    with pytest.raises(SpecError, match=r"edge\.every is 94 now and was 64"):
        job(tmp_path, EDGE | {"every": 94})
    job(tmp_path, EDGE | {"publish": str(tmp_path / "out"), "keep": 3})  # where artefacts go may change


def test_refusals_are_said() -> None:
    said: list[str] = []
    job(None, EDGE, say=said.append)
    assert "edge: refused after 32 labels (alarm: new concept)" not in "\n".join(said)
    (text, *_) = [t for t in said if t.startswith("edge: refused")]
    assert "above the majority's" in text and "(schedule)" in text


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Artefacts as bytes, without the format."""
    import streamnn.edge

    saving = type(streamnn.edge)("streamnn.edge.saving")
    saving.to_bytes = lambda a: json.dumps(a.about).encode()  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "streamnn.edge.saving", saving)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_artefacts_go_into_a_folder_and_refused_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(monkeypatch)
    out = tmp_path / "a" / "out"
    result = job(None, EDGE | {"publish": str(out)})
    assert result.worker.student is not None
    good = [w["event"] for w in result.worker.student.field.rows() if not w["refused"]]
    bad = [w["event"] for w in result.worker.student.field.rows() if w["refused"]]
    found = files(out)
    assert set(found) == {f"artefact-{n:012d}.safetensors" for n in good} | {publishing.NEWEST} and bad
    newest = json.loads(found[publishing.NEWEST])
    assert newest["event"] == good[-1] and newest["file"] == f"artefact-{good[-1]:012d}.safetensors"


def test_a_crash_leaves_the_folder_as_a_run_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(monkeypatch)
    once, again = tmp_path / "once", tmp_path / "again"
    job(None, EDGE | {"publish": str(once)})
    items = stream()
    items[100:100] = [CRASH]
    items[201:201] = [CRASH]
    source = ScriptedSource(items)
    for _ in range(3):
        spec = late_spec(str(tmp_path / "ck"), edge=EDGE | {"publish": str(again)}, every_events=33)
        try:
            Job(spec, source=source, sinks={}, make=make_fake).run()
        except Crash:
            continue
    assert files(again) == files(once)


def test_only_so_many_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch)
    job(None, EDGE | {"publish": str(tmp_path), "keep": 2})
    assert len(files(tmp_path)) == 3  # and what says which is the newest


def test_artefacts_of_another_run_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch)
    (tmp_path / "artefact-000000000016.safetensors").write_bytes(b"another")
    (tmp_path / "artefact-000000099999.safetensors").write_bytes(b"another")
    (tmp_path / "mine.txt").write_bytes(b"mine")
    job(None, EDGE | {"publish": str(tmp_path)})
    assert b"another" not in files(tmp_path).values() and "mine.txt" in files(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"edge\.publish.*name a folder that can be written"):
        job(None, EDGE | {"publish": str(tmp_path / "file")})
