"""Damage: each kind ends in clear words and a defined state, and no state is ever half loaded.

The rows of the table in docs/checkpoint.md, a test each.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_learner import make_fake
from script import late_spec, stream

from streamnn.errors import SpecError, StateError
from streamnn_connectors import ScriptedSource
from streamnn_jobs.run.checkpoint import CheckpointStore, read_checkpoint
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job
from streamnn_jobs.stores import local
from streamnn_jobs.stores.folder_lock import owning

CHILD = """
import sys
from pathlib import Path
from streamnn_jobs.stores.folder_lock import owning
with owning(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def job(folder: Path, until: int | None = None, said: list[str] | None = None, **more: Any) -> Result:
    keep = more.pop("keep", 2)
    spec = late_spec(str(folder), until_records=until, **more)
    spec = spec.model_copy(update={"checkpoint": spec.checkpoint.model_copy(update={"keep": keep})})
    say = [].append if said is None else said.append
    return Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake, say=say).run()


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def paths(folder: Path) -> list[Path]:
    """Checkpoints, the newest first."""
    return [Path(saved.path) for saved in CheckpointStore(folder).files()]


@pytest.fixture(scope="module")
def end(tmp_path_factory: pytest.TempPathFactory) -> str:
    """State of a run that nothing happened to."""
    return job(tmp_path_factory.mktemp("whole")).worker.learner.state_hash()


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """Two checkpoints, of positions 140 and 150."""
    folder = tmp_path / "c"
    job(folder, 140)
    job(folder, 150)
    assert len(files(folder)) == 2
    return folder


def test_flipped_bytes_at_200_places(stopped: Path, end: str) -> None:
    rng = np.random.default_rng(200)
    newest, before = paths(stopped)
    whole = newest.read_bytes()
    content = [read_checkpoint(path) for path in (newest, before)]
    refused = 0
    for at, by in zip(rng.integers(len(whole), size=200), rng.integers(1, 256, size=200), strict=True):
        damaged = bytearray(whole)
        damaged[at] ^= by
        newest.write_bytes(damaged)
        said: list[str] = []
        found = CheckpointStore(stopped, warn=said.append).load()
        assert found is not None
        arrays, manifest, path = found
        refused += str(path) == str(before)
        expected = content[str(path) == str(before)]
        # all of one checkpoint or all of the other
        assert manifest == expected[1] and arrays.keys() == expected[0].keys()
        assert all(arrays[k].tobytes() == expected[0][k].tobytes() for k in arrays)
        assert [(newest.name in text and "damaged" in text) or "format" in text for text in said] == [
            True
        ] * (str(path) == str(before))
    assert refused > 180  # the rest are bytes that mean nothing, such as padding
    assert job(stopped, said=said).worker.learner.state_hash() == end


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 200, -1])
def test_truncated(stopped: Path, end: str, cut: int) -> None:
    newest, before = paths(stopped)
    newest.write_bytes(newest.read_bytes()[:cut])
    said: list[str] = []
    assert job(stopped, said=said).worker.learner.state_hash() == end
    assert any(newest.name in s and f"going on from {before.name}, the one before it" in s for s in said)


def newer_format(data: bytes) -> bytes:
    """The same checkpoint as a later release would write it: only the number of the format differs."""
    changed = data.replace(rb"\"format\":1", rb"\"format\":2").replace(rb"\"format\": 1", rb"\"format\": 2")
    assert changed != data and len(changed) == len(data)
    return changed


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("how", ["damaged", "newer"])
def test_saving_on_after_a_fallback(stopped: Path, end: str, how: str, keep: int) -> None:
    """What can't be used is set aside, with its bytes, and every checkpoint written from then on is there to go on from."""
    newest, before = paths(stopped)
    whole = newest.read_bytes()
    newest.write_bytes(bad := newer_format(whole) if how == "newer" else whole[:-9])
    said: list[str] = []
    # to a lower position than that of the bad one, then to the very same, then beyond
    for until in (147, 150, 200):
        job(stopped, until, said, keep=keep)
        saved = paths(stopped)
        assert len(saved) == keep and read_checkpoint(saved[0])[1]["resume"]["position"] == until
        assert all(read_checkpoint(path) for path in saved)
    aside = stopped / f"{newest.name}.unusable"
    assert aside.read_bytes() == bad and len(files(stopped)) == keep + 1
    assert sum(f"{newest.name} can't be used and is set aside as {aside.name}" in text for text in said) == 1
    words = "format 2 is not 1: written by another release" if how == "newer" else "damaged"
    assert sum(words in text and f"going on from {before.name}" in text for text in said) == 1
    assert job(stopped, keep=keep).worker.learner.state_hash() == end


def test_what_is_set_aside_is_never_written_over(stopped: Path) -> None:
    newest = paths(stopped)[0]
    for bad in (b"first", b"second"):
        newest.write_bytes(bad)
        job(stopped, 150)
    found = {p.name: p.read_bytes() for p in stopped.glob("*.unusable*")}
    assert found == {f"{newest.name}.unusable": b"first", f"{newest.name}.unusable-2": b"second"}


def test_who_only_reads_sets_nothing_aside(stopped: Path) -> None:
    newest = paths(stopped)[0]
    newest.write_bytes(b"bad")
    held = files(stopped)
    assert CheckpointStore(stopped).load() is not None
    assert files(stopped) == held


def test_the_newest_is_missing(stopped: Path, end: str) -> None:
    newest, before = paths(stopped)
    newest.unlink()
    said: list[str] = []
    assert job(stopped, said=said).worker.learner.state_hash() == end
    assert f"going on from {before.name}" in said


def test_all_are_missing(stopped: Path, end: str) -> None:
    for path in paths(stopped):
        path.unlink()
    assert job(stopped).worker.learner.state_hash() == end  # from the beginning


def test_all_are_damaged(stopped: Path) -> None:
    for path in paths(stopped):
        path.write_bytes(path.read_bytes()[:-9])
    held = files(stopped)
    with pytest.raises(StateError, match=r"no checkpoint can be used:\n.*\n.*\nmove them away to start"):
        job(stopped)
    assert files(stopped) == held


def test_whole_file_of_something_else(stopped: Path) -> None:
    from streamnn.state import state_hash, to_bytes

    arrays = {"a": np.zeros(3)}
    newest, _ = paths(stopped)
    newest.write_bytes(to_bytes(arrays, {"x": 1, "hash": state_hash(arrays, {"x": 1})}))
    held = files(stopped)
    with pytest.raises(StateError, match="is no checkpoint of a job: its manifest has no"):
        job(stopped)
    assert files(stopped) == held


def full_once(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The next write to a file fails as the system would have it."""

    def write(temporary: Path, path: Path, data: bytes) -> None:
        temporary.write_bytes(data[: len(data) // 2])
        try:
            raise OSError(number, os.strerror(number))
        finally:
            temporary.unlink()

    monkeypatch.setattr(local, "_write", write)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT])
def test_it_cannot_be_written(stopped: Path, end: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    held = files(stopped)
    full_once(monkeypatch, number)
    with pytest.raises(StateError, match=f"the checkpoint can't be written: {os.strerror(number)}"):
        job(stopped)
    assert files(stopped) == held
    monkeypatch.undo()
    assert job(stopped).worker.learner.state_hash() == end


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
        )
    except OSError:
        pytest.skip("needs mount")
    if done.returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk(small_disk: Path, end: str) -> None:
    folder = small_disk / "c"
    job(folder, 30)
    held = files(folder)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as f:
        while True:
            f.write(b"x" * 512)
    with pytest.raises(StateError, match="the checkpoint can't be written: No space left on device"):
        job(folder)
    assert files(folder) == held  # nothing half written is left
    filler.unlink()
    job(folder, 150)
    assert read_checkpoint(paths(folder)[0])[1]["resume"]["position"] == 150


def test_read_only_store(small_disk: Path) -> None:
    folder = small_disk / "c"
    job(folder, 30)
    held = files(folder)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StateError, match="the checkpoint can't be written: Read-only file system"):
        job(folder)
    assert files(folder) == held
    with pytest.raises(StateError, match="the checkpoint can't be written: Read-only file system"):
        job(small_disk / "new")


def test_two_jobs_on_one_folder(stopped: Path, end: str) -> None:
    held = files(stopped)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(stopped)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        assert child.stdout.readline() == "mine\n"
        with pytest.raises(StateError, match=r"another job is writing its checkpoints here\. Stop it"):
            job(stopped)
        assert files(stopped) == held
    finally:
        child.kill()  # the lock ends with its process, however that ends
        child.wait()
        child.stdin.close()
        child.stdout.close()
    assert job(stopped).worker.learner.state_hash() == end


def test_where_nothing_can_be_locked_it_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def flock(*args: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    said: list[str] = []
    with owning(tmp_path, said.append):
        pass
    assert len(said) == 1 and "can't be locked" in said[0] and "no other job" in said[0]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://host/job", "is no object store that puts under a condition"),
        ("memory://", "is no object store that puts under a condition"),
        ("s3:///job", "names no bucket"),
        ("s3://key:secret@bucket/job", "has a password or port in it"),
        ("s3://bucket/job?key=secret", "has a query"),
    ],
)
def test_a_url_that_is_no_store(url: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=why) as e:
        job(url)  # type: ignore[arg-type]
    assert "secret" not in str(e.value)
    assert not list(tmp_path.iterdir())
