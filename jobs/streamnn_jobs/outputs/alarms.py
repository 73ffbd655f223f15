"""Alarms as records: with positions, one record a position, the last ones kept for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streamnn.types import Alarm

from ..records.positions import Positions

_FIELDS = (
    *("position", "event", "cause", "feature", "signal", "direction", "before", "after"),
    *("began", "began_position", "statistic", "moved"),
)
KEPT_ALARMS = 1000
"""Alarms kept for the summary and the report."""


class AlarmLog:
    """Turns alarms into output records that can be written exactly once.

    An output is recognised by its position after a crash, so alarms of one event share a record: the
    first gives its fields, the others stand under ``also``. Those of the last event are held back, for a
    label learnt before the next event may bring more of them.
    """

    def __init__(self, positions: Positions):
        self.count = 0
        self.recent: list[dict[str, Any]] = []
        self.held: list[dict[str, Any]] = []
        self._positions = positions

    def add(self, alarms: Iterable[Alarm], last_ticket: int) -> list[dict[str, Any]]:
        """Take new alarms in; the records that are complete now come back."""
        for alarm in sorted(alarms, key=lambda a: a.event):
            began = self._positions.of(int(alarm.began))
            at = self._positions.of(int(alarm.event))
            record = _in_order({**alarm.to_dict(), "position": at, "began_position": began})
            self.count += 1
            self.recent = [*self.recent[-(KEPT_ALARMS - 1) :], record]
            self.held.append(record)
        out = [a for a in self.held if a["event"] < last_ticket]
        self.held = [a for a in self.held if a["event"] >= last_ticket]
        return _grouped(out)

    def release(self) -> list[dict[str, Any]]:
        """The records held back: at the end of the stream nothing more comes."""
        out, self.held = self.held, []
        return _grouped(out)

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"count": self.count, "recent": list(self.recent), "held": list(self.held)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.count = int(state["count"])
        self.recent = [_in_order(a) for a in state["recent"]]
        self.held = [_in_order(a) for a in state["held"]]


def _grouped(alarms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[int, list[dict[str, Any]]] = {}
    for alarm in alarms:
        groups.setdefault(alarm["event"], []).append(alarm)
    return [g[0] if len(g) == 1 else {**g[0], "also": g[1:]} for g in groups.values()]


def _in_order(record: dict[str, Any]) -> dict[str, Any]:
    """Fields in their order: a checkpoint sorts them by name, but the output's bytes may not change."""
    return {name: record[name] for name in _FIELDS} | {"moved": dict(sorted(record["moved"].items()))}
