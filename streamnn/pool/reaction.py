"""What a pool does after an alarm: one of its networks is restarted, or members reopen what they had closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..stage import Stage
from ..types import Alarm

PACE = 512
"""Events between two moments at which a reaction may take effect: the chunk is cut there, so that the bits do not depend
on how the log was cut."""


RESTARTED = "net-young"
"""Name of the network that is restarted."""


def may_react(ticket: Any) -> Any:
    """Whether a reaction may take effect after the event of a ticket, or of each of many."""
    return ticket % PACE == PACE - 1


class Reaction(Stage):
    """Whether there was an alarm since the last reaction, and how many reactions there were."""

    def __init__(self) -> None:
        super().__init__("reaction")
        self.s = {"alarmed": np.zeros(1, np.int64), "count": np.zeros(1, np.int64)}

    @property
    def count(self) -> int:
        """Reactions so far."""
        return int(self.s["count"][0])

    def note(self, alarms: Sequence[Alarm]) -> None:
        """Take in alarms; a review is none."""
        if any(a.statistic != "review" for a in alarms):
            self.s["alarmed"][0] = 1

    def due(self) -> bool:
        """Whether to react now; if so it counts as done."""
        alarmed = bool(self.s["alarmed"][0])
        self.s["alarmed"][0] = 0
        self.s["count"][0] += alarmed
        return alarmed
