"""What tests and examples share, a cache of machine code; and examples that import torch are skipped without it."""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

# Compiled kernels are cached by the file they are in, not by those they call: keep a cache for each state of the code,
# so that no test ever runs machine code of yesterday.
_ROOT = Path(__file__).parent
_sources = b"".join(p.read_bytes() for p in sorted((_ROOT / "streamnn").rglob("*.py")))
_cache = _ROOT / ".numba_cache" / hashlib.sha256(_sources).hexdigest()[:16]
if "NUMBA_CACHE_DIR" not in os.environ:
    for old in _cache.parent.glob("*"):
        if old != _cache:
            shutil.rmtree(old, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(_cache)

IMPORTS = ("import torch", "from torch ")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what is missing and how to get it."""
    if find_spec("torch"):
        return
    for item in items:
        if isinstance(item, pytest.DoctestItem) and any(
            example.source.startswith(IMPORTS) for example in item.dtest.examples
        ):
            item.add_marker(pytest.mark.skip(reason="needs torch: pip install 'streamnn[torch]'"))
