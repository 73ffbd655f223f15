"""A look at a few messages of a job's topics before it starts: whether what the spec names is in them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from streamnn.errors import SourceError, SpecError
from streamnn_connectors.base import BadRecord, Batch
from streamnn_connectors.kafka import KafkaOffsets, KafkaSource, Place
from streamnn_connectors.kafka.contract import ROW_BITS
from streamnn_connectors.wanted import EVERYTHING

from ..spec.job import JobSpec
from ..spec.load import suggest
from .sources import event_source, label_source

SAMPLED_MESSAGES = 100
"""The newest of each partition."""
_SAMPLE_ROWS = 1000
_LOOK_S = 10.0
"""A partition that gives nothing for so long is left."""


@dataclass(slots=True)
class TopicSample:
    """What the newest messages of a topic hold.

    Parameters
    ----------
    topic : str
    batches : list of Batch
        Their records, a partition after the other.
    """

    topic: str
    batches: list[Batch] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many records can be used."""
        return sum(batch.rows.num_rows for batch in self.batches)

    @property
    def bad(self) -> list[BadRecord]:
        """Those that can't be used."""
        return [record for batch in self.batches for record in batch.bad]

    @property
    def columns(self) -> list[str]:
        """Columns that any of them has a value in."""
        found: dict[str, None] = {}
        for batch in self.batches:
            for name, column in zip(batch.rows.schema.names, batch.rows.columns, strict=True):
                if column.null_count < len(column):
                    found[name] = None
        return list(found)


@dataclass(slots=True)
class JobSample:
    """Samples of a job's topics; no `labels` where they come with their events."""

    events: TopicSample
    labels: TopicSample | None


def sample(spec: JobSpec) -> JobSample:
    """Read the newest messages of a spec's topics as its job would; joins no group and commits nothing.

    Raises
    ------
    SourceError
        When they can't be read.
    """
    events = event_source(spec, until_end=True)
    # all columns of labels: those that are there help to find the one that is meant
    labels = label_source(spec, until_end=True, wanted=EVERYTHING)
    return JobSample(_newest(events), None if labels is None else _newest(labels))


def notes_on(spec: JobSpec, found: JobSample) -> list[str]:
    """What a person should know of a sample.

    Raises
    ------
    SpecError
        When no message has a column that the job can't do without.
    SourceError
        When no message can be used.
    """
    notes: list[str] = []
    roles = {"label.key": spec.label.key, "source.event_time": spec.source.event_time}
    _judge(found.events, roles, notes)
    if found.labels is None:
        if found.events.records and spec.label.column not in found.events.columns:
            notes.append(
                f"label.column: none of the {found.events.records} newest records of {found.events.topic} has a "
                f"label in {spec.label.column!r}; they have {', '.join(found.events.columns[:20])}"
            )
    else:
        _judge(found.labels, {"label.key": spec.label.key, "label.column": spec.label.column}, notes)
    return notes


def _judge(found: TopicSample, roles: dict[str, str | None], notes: list[str]) -> None:
    topic, bad = found.topic, found.bad
    if not found.records:
        if bad:
            raise SourceError(
                f"none of the {len(bad)} newest messages of {topic} can be used; the first: {bad[0].reason}"
            )
        notes.append(f"topic {topic} has no message yet: nothing can be said of what it holds")
        return
    if bad:
        notes.append(
            f"topic {topic}: {len(bad)} of the {len(bad) + found.records} newest records can't be used; the "
            f"first: {bad[0].reason}"
        )
    for name, column in roles.items():
        if column is not None and column not in found.columns:
            raise SpecError(
                f"{name}: none of the {found.records} newest records of {topic} has a value in column "
                f"{column!r}; {suggest(column, found.columns)}"
            )


def _newest(source: KafkaSource) -> TopicSample:
    places = [Place(source.topic, int(number)) for number in source.partitions()]
    with KafkaOffsets(source.settings, f"streamnn-check-{source.topic}") as offsets:
        first, end = offsets.beginning(places), offsets.end(places)
    found = TopicSample(source.topic)
    try:
        for place in places:
            start = max(first[place], end[place] - SAMPLED_MESSAGES)
            if start < end[place]:
                found.batches += _read(source, place, start << ROW_BITS if source.arrow else start)
    finally:
        source.close()
    return found


def _read(source: KafkaSource, place: Place, position: int) -> list[Batch]:
    partition = source.open(str(place.partition), {"position": position})
    found: list[Batch] = []
    left, until = _SAMPLE_ROWS, time.monotonic() + _LOOK_S
    try:
        while left > 0 and time.monotonic() < until and (batch := partition.next_batch(left)) is not None:
            if batch.rows.num_rows or batch.bad:
                found.append(batch)
                left -= batch.rows.num_rows + len(batch.bad)
            else:
                partition.wait(0.1)
    finally:
        partition.close()
    return found
