"""When a student is published: by labels learnt, and for alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...types import LEARN, OBSERVE, Alarm, Chunk
from .options import StudentOptions

AFTER_ALARM = (64, 1024)
"""Observed events after the beginning of a change at which an artefact is published for it."""
CHANGED_UNIT = "feature changed unit"
CUTTING = ("new concept", "new label balance", CHANGED_UNIT)
"""Causes of alarms from which on older events are not replayed any more; those of another unit if one did change."""
ANSWERED = (*CUTTING, "new inputs", "feature died")
LEAST_APART = 250
"""Observed events between two publications for alarms, but for those of the same alarm."""


class Asked(NamedTuple):
    """A publication that an alarm asks for."""

    before: int  # ticket of the event before which it is due
    began: int  # ticket at which the change began
    cut: int  # ticket of the first event of the short memory, 0 where it is left as it is
    cause: str


class Schedule:
    """Publications that are due.

    Parameters
    ----------
    options : StudentOptions
    """

    def __init__(self, options: StudentOptions) -> None:
        self.options = options
        self.waiting: list[Asked] = []
        self.noted = -LEAST_APART

    def note(self, alarms: Sequence[Alarm]) -> None:
        """Alarms have fired. What they ask for lies behind their last event, so chunks may be cut anywhere."""
        for alarm in alarms:
            if alarm.cause in ANSWERED and alarm.event >= self.noted + LEAST_APART:
                self.noted = alarm.event
                began = min(alarm.began, alarm.event)
                cut = began if alarm.cause in CUTTING else 0
                for after in AFTER_ALARM:
                    self.waiting.append(Asked(max(alarm.event + 1, began + after), began, cut, alarm.cause))
        self.waiting.sort()

    def asked(self, chunk: Chunk, at: int) -> Asked | None:
        """What an alarm asked for before the event observed at operation `at`."""
        if not self.waiting or chunk.op[at] != OBSERVE or chunk.ticket[at] < self.waiting[0].before:
            return None
        due = [a for a in self.waiting if a.before <= chunk.ticket[at]]
        self.waiting = self.waiting[len(due) :]
        return due[-1]

    def end(self, chunk: Chunk, at: int, learnt: int) -> tuple[int, bool]:
        """Where a segment from operation `at` ends, and whether a publication is due there by the labels learnt."""
        end = len(chunk.op)
        if self.waiting:
            seen = chunk.op[at:] == OBSERVE
            later = np.flatnonzero(seen & (chunk.ticket[at:] >= self.waiting[0].before))
            end = at + int(later[0]) if len(later) else end
        learn = np.flatnonzero(chunk.op[at:end] == LEARN)
        wanted = self.options.next_publication(learnt) - learnt
        if len(learn) >= wanted:
            return at + int(learn[wanted - 1]) + 1, True
        return end, False
