"""What came in and what became of it, with the three balances."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from ..labels.operations import LabelCounts


@dataclass(slots=True)
class Counters:
    """Counts since the beginning of the stream; part of every checkpoint.

    Parameters
    ----------
    records : int
        Read from the source, good and bad.
    dead : int
        Gone to the dead letters.
    predicted : int
        Events seen.
    older : int
        Events whose time was before that of an event before them, where times matter.
    alarms : int
    label_records, label_dead : int
        Records on a topic of labels, and those of them that are dead letters.
    learnt, expired, unlabelled, evicted, labels, late, duplicates, unmatched, closed : int
        As of :class:`~streamnn_jobs.labels.operations.LabelCounts`.
    """

    records: int = 0
    dead: int = 0
    predicted: int = 0
    older: int = 0
    learnt: int = 0
    expired: int = 0
    unlabelled: int = 0
    evicted: int = 0
    labels: int = 0
    late: int = 0
    alarms: int = 0
    label_records: int = 0
    label_dead: int = 0
    duplicates: int = 0
    unmatched: int = 0
    closed: int = 0

    def add(self, counts: LabelCounts) -> None:
        """Add what became of some labels."""
        for field in fields(LabelCounts):
            setattr(self, field.name, getattr(self, field.name) + getattr(counts, field.name))

    def check(self, pending: int, waiting: int) -> None:
        """The three balances; an imbalance is a bug, and says the numbers.

        Parameters
        ----------
        pending : int
            Events observed, neither learnt nor given up.
        waiting : int
            Labels that are known to come later.

        Raises
        ------
        AssertionError
            An internal error.
        """
        rows = [
            ("records = predicted + dead", self.records, self.predicted + self.dead),
            (
                "predicted = learnt + pending + expired + unlabelled",
                self.predicted,
                self.learnt + pending + self.expired + self.unlabelled,
            ),
            (
                "labels = learnt + closed + waiting + late + duplicates + unmatched",
                self.labels,
                self.learnt + self.closed + waiting + self.late + self.duplicates + self.unmatched,
            ),
        ]
        if self.label_records:
            rows.append(("label records = labels + dead", self.label_records, self.labels + self.label_dead))
        for what, left, right in rows:
            if left != right:
                raise AssertionError(f"balance broken: {what}: {left} != {right}; pending {pending}, {self}")

    def to_dict(self) -> dict[str, int]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Counters:
        """Back from plain data; unknown names are dropped, missing ones are 0."""
        return cls(**{f.name: int(data.get(f.name, 0)) for f in fields(cls)})
