"""Checkpoints: atomic, checked, and the one before is used when the newest is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamnn.errors import StateError
from streamnn_jobs.run.checkpoint import CheckpointStore, read_checkpoint

ARRAYS = {"a/x": np.arange(50.0), "b": np.array([], np.int64)}


def filled(folder: Path) -> tuple[CheckpointStore, list[str]]:
    said: list[str] = []
    store = CheckpointStore(folder, keep=2, warn=said.append)
    for position in (10, 20, 1_000_000_000_000_0):
        store.save(position, ARRAYS, {"position": position, "names": {"b": 1, "a": 2}})
    return store, said


def test_the_newest_is_loaded_and_older_ones_go(tmp_path: Path) -> None:
    store, said = filled(tmp_path / "new" / "folder")
    names = sorted(p.name for p in (tmp_path / "new" / "folder").iterdir())
    assert names == ["checkpoint-000000000020.safetensors", "checkpoint-10000000000000.safetensors"]
    loaded = store.load()
    assert loaded is not None
    arrays, manifest, path = loaded
    assert manifest == {"position": 10_000_000_000_000, "names": {"a": 2, "b": 1}}
    assert arrays["a/x"].tolist() == ARRAYS["a/x"].tolist() and arrays["b"].dtype == np.int64
    assert path.name in names and not said


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    a = CheckpointStore(tmp_path / "a").save(5, ARRAYS, {"x": 1.5})
    b = CheckpointStore(tmp_path / "b").save(5, ARRAYS, {"x": 1.5})
    assert Path(a.path).read_bytes() == Path(b.path).read_bytes()


@pytest.mark.parametrize("keep", [1, 2])
def test_later_ones_do_not_count_and_do_not_go(tmp_path: Path, keep: int) -> None:
    """Such as those of an owner that is not known of here."""
    CheckpointStore(tmp_path).save(2000, ARRAYS, {"position": 2000})
    store = CheckpointStore(tmp_path, keep=keep)
    for position in (1500, 1600, 1700):
        store.save(position, ARRAYS, {"position": position})
    assert [saved.position for saved in store.files()] == [2000, 1700, 1600][: keep + 1]
    store.save(2100, ARRAYS, {"position": 2100})
    assert [saved.position for saved in store.files()] == [2100, 2000][:keep]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_one_is_named_and_the_one_before_used(tmp_path: Path, data: st.DataObject) -> None:
    store, said = filled(tmp_path / "c")
    newest = Path(store.files()[0].path)
    whole = bytearray(newest.read_bytes())
    damage = data.draw(st.sampled_from(["flip", "cut", "empty", "junk"]))
    if damage == "flip":
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
    elif damage == "cut":
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        whole = bytearray() if damage == "empty" else bytearray(b"{}" * 100)
    newest.write_bytes(whole)
    loaded = store.load()
    assert loaded is not None
    _, manifest, path = loaded
    if manifest["position"] == 20:
        assert len(said) == 1 and newest.name in said[0] and path.name in said[0]
    else:  # a flipped bit that means nothing: the content is whole
        assert damage == "flip" and loaded[0]["a/x"].tolist() == ARRAYS["a/x"].tolist()


def test_nothing_there_is_a_start_and_all_damaged_is_an_error(tmp_path: Path) -> None:
    assert CheckpointStore(tmp_path / "none").load() is None
    store, _ = filled(tmp_path)
    for saved in store.files():
        Path(saved.path).write_bytes(b"no")
    with pytest.raises(StateError, match="no checkpoint can be used") as e:
        store.load()
    assert all(saved.name in str(e.value) for saved in store.files())


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(StateError, match="folder of checkpoints"):
        CheckpointStore(file).load()
    with pytest.raises(StateError, match="can't be written"):
        CheckpointStore(file).save(1, ARRAYS, {})


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    torn = tmp_path / "checkpoint-000000000030.77.tmp"
    torn.write_bytes(b"half")
    store, _ = filled(tmp_path)
    assert not torn.exists() and len(store.files()) == 2


def test_a_file_that_the_next_owner_swept_away_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = CheckpointStore(tmp_path), CheckpointStore(tmp_path)
    replace, swept = Path.replace, []

    def late(self: Path, target: Path) -> Path:
        if not swept and self.suffix == ".tmp":
            swept.append(self)
            theirs.save(30, {"a": np.ones(2)}, {})
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", late)
    path = ours.save(20, {"a": np.zeros(2)}, {"position": 20})
    assert swept and read_checkpoint(path.path)[1] == {"position": 20}
    assert [p.suffix for p in sorted(tmp_path.iterdir())] == [".safetensors"] * 2
