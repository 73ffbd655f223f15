"""Examples in docstrings and documents that import torch are skipped where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

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
