"""Ours beside the peers: tables of contenders by streams, who is first, and where we are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import _table

EQUAL = 0.001
"""Accuracies within 0.1 points, and absolute errors within 0.1 per cent, count as equal; log losses do not."""
BETTER_IS_MORE = frozenset(("accuracy", "kappa_temporal", "auroc", "events_per_cpu_s"))
OURS = "pool"


@dataclass
class Sheet:
    """Scores of one stream.

    Parameters
    ----------
    stream : str
    classify : bool
    rows : int
        Events of the stream.
    scores : dict
        Contender to its scores; ``events`` says how many of the first events they are over.
    part : dict
        Events to scores of the default pool over so many of the first events.
    """

    stream: str
    classify: bool
    rows: int
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    part: dict[int, dict[str, float]] = field(default_factory=dict)

    def ours(self, events: int) -> Mapping[str, float]:
        """The pool's scores over the first events."""
        return self.scores[OURS] if events >= self.rows else self.part[events]


@dataclass(frozen=True, slots=True)
class Rank:
    """The best peer of a stream, and ours on the same rows."""

    stream: str
    metric: str
    peer: str
    theirs: float
    ours: float
    first: bool
    events: int

    @property
    def behind(self) -> float:
        """How far ours is behind, negative where it is ahead: points of accuracy, or share of the peer's loss."""
        if self.metric in BETTER_IS_MORE:
            return 100.0 * (self.theirs - self.ours)
        return self.ours / self.theirs - 1.0 if self.theirs else float("inf")


def ranks(sheets: Sequence[Sheet], metric: str, peers: frozenset[str]) -> Iterator[Rank]:
    """For each stream that has the metric, the peer that does best against ours on the peer's own rows."""
    more = metric in BETTER_IS_MORE
    for sheet in sheets:
        found = []
        for name in peers & set(sheet.scores):
            theirs = sheet.scores[name]
            value = theirs.get(metric)
            if value is None or value != value:
                continue
            ours = sheet.ours(theirs["events"])[metric]
            found.append(((value - ours) if more else (ours - value), name, value, ours, theirs["events"]))
        if not found:
            continue
        _, name, value, ours, events = max(found)
        if metric == "log_loss":
            first = ours <= value
        else:
            first = ours >= value - EQUAL if more else ours <= value * (1.0 + EQUAL)
        yield Rank(sheet.stream, metric, name, value, ours, first, events)


def cell(sheet: Sheet, name: str, metric: str) -> str:
    """A figure as the tables show it; with a degree sign where it is over the first events only."""
    found = sheet.scores.get(name)
    if not found or found.get(metric) is None:
        return "-"
    v = found[metric]
    text = (
        f"{v:.4f}" if sheet.classify and metric not in ("events_per_cpu_s", "memory_mb") else _table.text(v)
    )
    return text + ("°" if found["events"] < sheet.rows else "")


def matrix(sheets: Sequence[Sheet], names: Sequence[str], metric: str) -> list[dict[str, str]]:
    """A row a contender, a column a stream."""
    rows = []
    for name in names:
        row = {s.stream: cell(s, name, metric) for s in sheets}
        if any(v != "-" for v in row.values()):
            rows.append({metric: name, **row})
    return rows


def prefixes(sheets: Sequence[Sheet], names: Sequence[str], metric: str) -> list[dict[str, Any]]:
    """Runs that ended before their stream did, with ours on the same rows."""
    return [
        {
            "stream": s.stream,
            "peer": name,
            "first rows": r["events"],
            metric: float(r[metric]),
            "ours there": float(s.ours(r["events"])[metric]),
        }
        for s in sheets
        for name in names
        if (r := s.scores.get(name)) and r["events"] < s.rows and metric in r
    ]


def standing(found: Sequence[Rank]) -> tuple[str, list[dict[str, Any]]]:
    """How often ours is first, and a row for every stream where it is not."""
    first = sum(r.first for r in found)
    unit = "points" if found and found[0].metric in BETTER_IS_MORE else "%"
    lost = [
        {
            "stream": r.stream,
            "first": r.peer,
            "theirs": f"{r.theirs:.4g}",
            "ours": f"{r.ours:.4g}",
            "behind": f"{r.behind if unit == 'points' else 100.0 * r.behind:.2f} {unit}",
            "rows": r.events,
        }
        for r in sorted(found, key=lambda r: -r.behind)
        if not r.first
    ]
    return f"first on {first} of {len(found)}", lost
