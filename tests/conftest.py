"""What all tests share: recorded streams when there are any, and hypothesis set up for compiled code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# the first example of a test may compile a kernel, so no deadline; in CI the same examples every time
settings.register_profile("streamnn", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("streamnn")


@pytest.fixture
def recorded() -> Callable[[str], Path]:
    """Path of a recorded stream in ``$STREAMNN_DATA``, such as ``recorded("electricity")``; skips without it."""

    def find(name: str) -> Path:
        folder = os.environ.get("STREAMNN_DATA")
        if not folder:
            pytest.skip(f"needs {name}.parquet: set STREAMNN_DATA to the folder of recorded streams")
        path = Path(folder, f"{name}.parquet")
        if not path.is_file():
            pytest.skip(f"needs {path}")
        return path

    return find
