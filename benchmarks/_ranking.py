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
CONTROLS = ("majority", "no-change")
FED = "+features"
LEAST_CPU_S = 0.05
"""Shorter runs say nothing about speed."""
TARGETS = {
    "electricity": {"accuracy": 0.957, "log_loss": 0.107},
    "covertype_first100k": {"accuracy": 0.951, "log_loss": 0.142},
    "noaa_weather": {"accuracy": 0.812, "log_loss": 0.405},
    "airlines_first200k": {"accuracy": 0.716, "log_loss": 0.565},
    "sea_50k": {"accuracy": 0.888, "log_loss": 0.354},
    "bike_sharing_hour": {"mae": 24.5},
    "metro_traffic": {"mae": 203.0},
    "fried": {"mae": 1.03},
    "etth1": {"mae": 0.594},
    "nycflights13@true": {"log_loss": 0.465, "auroc": 0.760},
    "electricity@10": {"log_loss": 0.150},
    "electricity@48": {"log_loss": 0.175},
    "electricity@336": {"log_loss": 0.190},
    "electricity@5000": {"log_loss": 0.305},
    "covertype_first100k@10": {"log_loss": 0.210},
    "covertype_first100k@48": {"log_loss": 0.230},
    "covertype_first100k@336": {"log_loss": 0.355},
    "covertype_first100k@5000": {"log_loss": 0.720},
}
"""At least this accuracy or AUROC, at most this log loss or mean absolute error."""


@dataclass
class StreamScores:
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
    peers: int
    """Peers with a result, each counted once, without the controls."""
    fed: int
    """Of these, with a result on our features."""

    @property
    def behind(self) -> float:
        """How far ours is behind, negative where it is ahead: points of accuracy, or share of the peer's loss."""
        if self.metric in BETTER_IS_MORE:
            return 100.0 * (self.theirs - self.ours)
        return self.ours / self.theirs - 1.0 if self.theirs else float("inf")


def ranks(by_stream: Sequence[StreamScores], metric: str, peers: frozenset[str]) -> Iterator[Rank]:
    """For each stream where a peer has the metric, the peer (or control) that does best against ours on its own rows."""
    more = metric in BETTER_IS_MORE
    for scored in by_stream:
        found = []
        some: set[str] = set()
        for name in peers & set(scored.scores):
            theirs = scored.scores[name]
            value = theirs.get(metric)
            if value is None or value != value:
                continue
            ours = scored.ours(theirs["events"])[metric]
            some.add(name)
            found.append(((value - ours) if more else (ours - value), name, value, ours, theirs["events"]))
        alone = {n.removesuffix(FED) for n in some} - set(CONTROLS)
        if not alone:
            continue
        _, name, value, ours, events = max(found)
        if metric == "log_loss":
            first = ours <= value
        else:
            first = ours >= value - EQUAL if more else ours <= value * (1.0 + EQUAL)
        fed = sum(n.endswith(FED) for n in some)
        yield Rank(scored.stream, metric, name, value, ours, first, events, len(alone), fed)


def cell(scored: StreamScores, name: str, metric: str) -> str:
    """A figure as the tables show it; with a degree sign where it is over the first events only."""
    found = scored.scores.get(name)
    v = (found or {}).get(metric)
    # no score, no time worth the name, or a process that gave memory back
    if not found or v is None or v != v or (metric == "memory_mb" and v < 0.0):
        return "-"
    if metric == "events_per_cpu_s" and found["events"] / v < LEAST_CPU_S:
        return "-"
    text = (
        f"{v:.4f}" if scored.classify and metric not in ("events_per_cpu_s", "memory_mb") else _table.text(v)
    )
    return text + ("°" if found["events"] < scored.rows else "")


def matrix(by_stream: Sequence[StreamScores], names: Sequence[str], metric: str) -> list[dict[str, str]]:
    """A row a contender, a column a stream."""
    rows = []
    for name in names:
        row = {s.stream: cell(s, name, metric) for s in by_stream}
        if any(v != "-" for v in row.values()):
            rows.append({metric: name, **row})
    return rows


def prefixes(by_stream: Sequence[StreamScores], names: Sequence[str], metric: str) -> list[dict[str, Any]]:
    """Runs that ended before their stream did, with ours on the same rows."""
    return [
        {
            "stream": s.stream,
            "peer": name,
            "first rows": r["events"],
            metric: float(r[metric]),
            "ours there": float(s.ours(r["events"])[metric]),
        }
        for s in by_stream
        for name in names
        if (r := s.scores.get(name)) and r["events"] < s.rows and metric in r
    ]


def spread(by_stream: Sequence[StreamScores], metrics: Sequence[str]) -> list[dict[str, str]]:
    """Standard deviation of the pool's scores over the seeds."""
    return [
        {"deviation": m, **{s.stream: _table.text(s.scores[OURS]["sd"].get(m)) for s in by_stream}}
        for m in metrics
    ]


def ranking(found: Sequence[Rank]) -> tuple[str, list[dict[str, Any]]]:
    """How often ours is first, and for every stream the best peer and how many peers there are."""
    first = sum(r.first for r in found)
    points = bool(found) and found[0].metric in BETTER_IS_MORE
    fed = any(r.fed for r in found)
    rows = [
        {
            "stream": r.stream,
            "best peer": r.peer,
            "its score": f"{r.theirs:.4g}",
            "pool": f"{r.ours:.4g}",
            "pool leads by": f"{-r.behind:.2f} points" if points else f"{-100.0 * r.behind:.2f} %",
            "first": r.first,
            "peers": r.peers,
            **({"fed": r.fed} if fed else {}),
            "rows": r.events,
        }
        for r in sorted(found, key=lambda r: -r.behind)
    ]
    return f"first on {first} of {len(found)}", rows
