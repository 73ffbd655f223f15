"""Machine code on disk, while two processes compile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numba.core.caching import IndexDataCacheFile

from streamnn._kernels.files import Files
from streamnn._kernels.jit import kernel


def raced(kind: type[IndexDataCacheFile], folder: Path) -> dict[str, str | None]:
    """What is on disk for two types, of which two processes compile one each, both before either has saved it."""
    one, other, late = (kind(str(folder), "f-1.py311", "stamp") for _ in range(3))
    other._load_index = dict  # read before the first wrote it
    save = one._save_data

    def meanwhile(name: str, data: Any) -> None:
        other.save("floats", "code for floats")
        save(name, data)

    one._save_data = meanwhile
    one.save("ints", "code for ints")
    return {key: late.load(key) for key in ("ints", "floats")}


def test_machine_code_of_one_process_is_not_taken_for_that_of_another(tmp_path: Path) -> None:
    assert raced(Files, tmp_path) == {"ints": None, "floats": "code for floats"}  # None: compiled once more


def test_numba_alone_mixes_them_up(tmp_path: Path) -> None:
    """If this fails, numba does it itself, and `Files` can go."""
    assert raced(IndexDataCacheFile, tmp_path)["floats"] == "code for ints"


def test_a_name_serves_one_key_and_is_used_again(tmp_path: Path) -> None:
    files = Files(str(tmp_path), "f-1.py311", "stamp")
    for key in ("a", "b", "a"):
        files.save(key, key.upper())
    assert (files.load("a"), files.load("b")) == ("A", "B")
    assert len(list(tmp_path.glob("*.nbc"))) == 2
    Files(str(tmp_path), "f-1.py311", "a later state of the source").save("a", "new")
    assert len(list(tmp_path.glob("*.nbc"))) == 2  # what is out of date is overwritten
    assert files.load("a") is None


def test_kernels_are_kept_so() -> None:
    @kernel
    def double(a):
        a[0] *= 2

    a = np.ones(1)
    double(a)
    assert a[0] == 2 and type(double.compiled._cache._cache_file) is Files and double.is_cached()
