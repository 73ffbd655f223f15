"""From what fired to an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..types import Alarm
from ._cause import IMPROVEMENT, INPUTS, LEARNERS, cause, moved, reviewed
from ._evidence import Evidence, evidence
from ._layout import BLOCK_VALUES, RING, VIEWS, direction, statistic_name

REVIEW = 14
"""Blocks of operations (some 900 operations: docs/alarms.md) after which an alarm's cause is looked at again."""
MOST_REVIEWS = 16
"""Reviews that may wait at a time: of the latest alarms."""
SETTLES = 200
"""Events after an alarm in which all but labels and single columns are still moved by what moved then."""

SETTLING = (*LEARNERS, *(k for k in INPUTS if k != "feature worst"))


class Attribution:
    """What a family makes of what its signals' tests say.

    Parameters
    ----------
    signals : list of str
    state, views : ndarrays of SIGNAL and VIEW
    """

    def __init__(self, signals: list[str], state: np.ndarray, views: np.ndarray) -> None:
        self.signals, self._state, self._views = signals, state, views
        self.counts = np.zeros((len(signals), 3), np.int64)  # alarms, further evidence, improvements
        self.last = -1  # ticket of the last alarm
        self.reviews: list[dict[str, Any]] = []  # alarms whose cause is looked at again, in order

    @property
    def due(self) -> int:
        """Operation at which an alarm's cause is looked at again; 0: none waits."""
        return int(self.reviews[0]["due"]) if self.reviews else 0

    def alarms(self, row: list[int], names: Sequence[str]) -> list[Alarm]:
        """The alarm, if what fired in a signal is one of the family's, with its cause. `row`: see the kernel."""
        op, k, code, ticket, began_op, began = row
        fired = self.signals[k]
        settles = SETTLES if fired in SETTLING and self.last >= 0 else 0
        if began <= self.last + settles:
            self.counts[k, 1] += 1
            return []
        of = self._evidence(began_op, op)
        moves = moved(of, fired)
        why, column = cause(fired, of, moves)
        if why == IMPROVEMENT:
            self.counts[k, 2] += 1
            return []
        self.counts[k, 0] += 1
        self.last = ticket
        loss = of.get("loss")
        risen = loss is not None and loss.before is not None and loss.after is not None
        self.reviews.append(
            {
                "due": (op // BLOCK_VALUES + REVIEW) * BLOCK_VALUES,
                "alarm": [began_op, k, began],
                "cause": why,
                "rise": loss.after - loss.before if loss and risen else -1.0,  # type: ignore[operator]
            }
        )
        del self.reviews[:-MOST_REVIEWS]
        return [self._alarm((ticket, k, code, began), (why, column), of, names)]

    def look_again(self, names: Sequence[str]) -> list[Alarm]:
        """Causes that are due once more, some time later: a record of each that is another."""
        op, found = self.due - 1, []
        while self.due == op + 1:
            review = self.reviews.pop(0)
            began_op, k, began = review["alarm"]
            of = self._evidence(began_op, op, True)
            why, column = reviewed(review["cause"], review["rise"], of, self.signals[k])
            if why not in (review["cause"], IMPROVEMENT):
                ticket = max(int(s["ticket"][s["taken"] % RING]) for s in self._state)
                found.append(self._alarm((ticket, k, -1, began), (why, column), of, names))
        return found

    def _evidence(self, began_op: int, op: int, whole: bool = False) -> dict[str, Evidence]:
        return {
            name: evidence(self._state[i], self._views[VIEWS * i], began_op, op, whole)
            for i, name in enumerate(self.signals)
        }

    def _alarm(
        self,
        fire: tuple[int, int, int, int],
        why: tuple[str, int],
        of: dict[str, Evidence],
        names: Sequence[str],
    ) -> Alarm:
        ticket, k, code, began = fire
        attributed, column = why
        fired = self.signals[k]
        e = of[fired]
        feature = names[column] if 0 <= column < len(names) else ""
        moves = moved(of, fired)
        what, how = ("review", "") if code < 0 else (statistic_name(code), direction(code))
        if fired == "feature worst" and code >= 0:
            what, how = "above its record", "up"
        return Alarm(ticket, fired, what, attributed, began, how, e.before, e.after, feature, moves)
