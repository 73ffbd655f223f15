"""What a pool does after an alarm: a young network starts anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import SpecError
from ..stage import Stage
from ..types import Alarm

PACE = 512
"""A reaction comes after an event whose number and one is a multiple of this, wherever the log was cut."""
REACTIONS = ("off", "young")


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


def find_reaction(name: object, alarms: bool) -> Reaction | None:
    """The reaction of that name to alarms, if there are any; None for none.

    Raises
    ------
    SpecError
    """
    if not isinstance(name, str) or name not in REACTIONS:
        raise SpecError(f"learner option reaction is {name!r}: allowed is {' or '.join(REACTIONS)}")
    if name != "off" and not alarms:
        raise SpecError(f"learner option reaction is {name!r} without alarms: there is nothing to react to")
    return Reaction() if name == "young" else None
