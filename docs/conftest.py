"""Documents whose examples need torch are skipped where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

NEED_TORCH = {"torch.md"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what is missing and how to get it."""
    if find_spec("torch"):
        return
    for item in items:
        if item.path.name in NEED_TORCH:
            item.add_marker(pytest.mark.skip(reason="needs torch: pip install 'streamnn[torch]'"))
