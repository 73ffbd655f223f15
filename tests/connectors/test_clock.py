"""The hand-cranked clock."""

from __future__ import annotations

import pytest

from streamnn_connectors import Clock


def test_time_passes_only_when_told() -> None:
    clock = Clock(10.0)
    assert clock() == clock() == 10.0
    clock.advance(0.5)
    assert clock() == 10.5
    with pytest.raises(ValueError, match="can't go back by 1"):
        clock.advance(-1)
