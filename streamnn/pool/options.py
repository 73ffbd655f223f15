"""The options that all pools share, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SpecError
from ..members.member import Factory

REACTIONS = ("off", "young", "reopen")


@dataclass(frozen=True)
class Options:
    """What a pool is told; see :class:`streamnn.learners.Classifier` for what each means.

    Raises
    ------
    SpecError
        Names the option that is wrong, and what is allowed.
    """

    seed: int = 1
    max_columns: int = 4096
    max_pending: int = 100_000
    events_per_false_alarm: float = 10_000.0
    categories: Sequence[str] = ()
    coverage: float = 0.0
    p_values: bool = False
    threads: int = 1
    preset: str = "default"
    reaction: str = "off"
    alarms: bool = True
    members: Sequence[Factory] = ()

    def __post_init__(self) -> None:
        for name, least in (("max_columns", 1), ("max_pending", 1), ("seed", 0), ("threads", 1)):
            v: Any = getattr(self, name)
            if not isinstance(v, int) or isinstance(v, bool) or v < least:
                raise _refused(name, v, f"a whole number of at least {least}")
        if not isinstance(self.events_per_false_alarm, (int, float)):
            raise _refused("events_per_false_alarm", self.events_per_false_alarm, "a number")
        names: Any = self.categories
        listed = isinstance(names, (list, tuple, set, frozenset)) and all(isinstance(c, str) for c in names)
        if not listed:
            raise _refused("categories", names, "a list of column names")
        share: Any = self.coverage
        number = isinstance(share, (int, float)) and not isinstance(share, bool)
        if not number or not (share == 0 or 0.5 <= share < 1):
            raise _refused("coverage", share, "0 for none, or a share from .5 to below 1")
        for name in ("p_values", "alarms"):
            if not isinstance(getattr(self, name), bool):
                raise _refused(name, getattr(self, name), "true or false")
        if not isinstance(self.reaction, str) or self.reaction not in REACTIONS:
            raise _refused("reaction", self.reaction, " or ".join(REACTIONS))
        if self.reaction != "off" and not self.alarms:
            raise SpecError(
                f"learner option reaction is {self.reaction!r} without alarms: there is nothing to react to"
            )
        if not isinstance(self.members, (list, tuple)) or not all(map(callable, self.members)):
            raise _refused(
                "members", self.members, "a list of classes or functions that make a member of a Room"
            )


def _refused(name: str, value: Any, allowed: str) -> SpecError:
    return SpecError(f"learner option {name} is {value!r}: allowed is {allowed}")
