"""What a feed sends where: columns and their roles, topics, pace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from streamnn.errors import SpecError
from streamnn.kinds.times import duration
from streamnn_connectors.kafka import FeedColumns

from ..data.names import resolve

SECONDS_PER_UNIT = {unit: duration(f"1 {unit}") for unit in ("ns", "us", "ms", "s", "min", "h", "d")}
"""Seconds in each unit of time."""
TOPICS = ("events", "labels", "predictions", "dead", "merge")


@dataclass(frozen=True)
class FeedPlan:
    """A stream and how it goes into topics.

    Parameters
    ----------
    name : str
        Of the stream; keys begin with it.
    source : Source
    topics : dict of str to str
        By what they hold: `TOPICS`.
    columns : FeedColumns
    unit_s : float or None
        Seconds in a unit of event time, where there is one.
    pace : str
        For a person.
    """

    name: str
    source: Any = field(repr=False)
    topics: dict[str, str]
    columns: FeedColumns
    unit_s: float | None
    rate: float | None
    events_per_s: float | None
    unit_ms: float | None
    pace: str


def plan_feed(
    target: str,
    *,
    label: str | None = None,
    key: str | None = None,
    time: str | None = None,
    time_unit: str | None = None,
    label_time: str | None = None,
    delay: int | None = None,
    speed: str = "max",
    rate: float | None = None,
    prefix: str | None = None,
    topics: dict[str, str | None] | None = None,
    stamps: str = "now",
) -> FeedPlan:
    """The plan of ``streamnn feed``: what is not said is taken from what the stream says of itself.

    Parameters
    ----------
    target : str
        A name that ``streamnn datasets`` lists, or a file.
    speed : str
        ``"max"``, or seconds of the stream a second.
    rate : float, optional
        Events a second.
    stamps : str
        ``"now"`` or ``"event"``: what the time of a message is.

    Raises
    ------
    SpecError
        Names what is missing or does not fit.

    Examples
    --------
    >>> plan = plan_feed("flights", speed="3600")
    >>> plan.topics["events"], plan.columns.label_time, plan.rate, plan.pace
    ('flights-events', 't_label_min', 60.0, '3,600 times real time')
    >>> plan_feed("electricity_by_nobody.csv")
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: dataset 'electricity_by_nobody.csv': there is no such file
    """
    dataset = resolve(target)
    own = label in (None, dataset.label)
    label = label if label is not None else dataset.label
    if own and delay is None and label_time is None:
        label_time = dataset.label_time
    time = time or dataset.event_time
    if label_time is not None and delay is not None:
        raise SpecError("--label-time and --delay: a label comes by one of them, not by both")
    if time is None and (label_time is not None or stamps == "event" or speed != "max"):
        asks = "--label-time" if label_time else "--timestamps event" if stamps == "event" else "--speed"
        raise SpecError(f"--time: is missing; {asks} needs the column that says when an event happened")
    source = dataset.open()
    first = source.open("0")
    try:
        probe = first.next_batch(10)
    finally:
        first.close()
    schema = None if probe is None else probe.rows.schema
    for option, column in (
        ("--label", label),
        ("--key", key),
        ("--time", time),
        ("--label-time", label_time),
    ):
        if column is not None and schema is not None and len(schema) and column not in schema.names:
            raise SpecError(
                f"{option}: {target} has no column {column!r}; it has {', '.join(schema.names[:20])}"
            )
    timed = speed != "max" or stamps == "event"
    unit_s = _unit(time, time_unit, schema) if time is not None and timed else None
    pace, per_s = _pace(speed, rate)
    kept = {time, key, label}
    hidden = {dataset.label} - kept if not own else set()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", prefix or dataset.name).strip("-")
    given = {what: topic for what, topic in (topics or {}).items() if topic}
    return FeedPlan(
        name=dataset.name,
        source=source,
        topics={what: given.get(what, f"{name}-{what}") for what in TOPICS},
        columns=FeedColumns(
            label=label,
            event_time=time,
            label_time=label_time,
            delay_events=delay or 0,
            key=key,
            missing=() if dataset.missing_label is None or not own else (dataset.missing_label,),
            leave_out=sorted({*dataset.ignore, *filter(None, hidden)} - kept),
        ),
        unit_s=unit_s,
        rate=per_s / unit_s if per_s is not None and unit_s is not None else None,
        events_per_s=rate,
        unit_ms=unit_s * 1000 if stamps == "event" and unit_s is not None else None,
        pace=pace,
    )


def _pace(speed: str, rate: float | None) -> tuple[str, float | None]:
    """In words, and seconds of the stream a second."""
    if rate is not None:
        if speed != "max":
            raise SpecError("--speed and --rate are two paces: give one")
        if rate <= 0:
            raise SpecError(f"--rate: is {rate:g}; it must be a number of events a second above 0")
        return f"{rate:,.12g} events a second", None
    if speed == "max":
        return "as fast as it goes", None
    try:
        times = float(speed)
    except ValueError:
        times = 0.0
    if not 0 < times < float("inf"):
        raise SpecError(f"--speed: is {speed!r}; it must be max, or a number above 0: 1 is real time")
    return f"{times:,.12g} times real time", times


def _unit(column: str, unit: str | None, schema: pa.Schema | None) -> float:
    """Seconds in a unit of a column."""
    kind = schema.field(column).type if schema is not None and column in schema.names else None
    stamps = kind is not None and (pa.types.is_string(kind) or pa.types.is_timestamp(kind))
    if unit is None:
        ending = column.rpartition("_")[2]
        unit = "s" if stamps else ending if ending in SECONDS_PER_UNIT else None
    if unit is None:
        raise SpecError(
            f"--time-unit: is missing; say what {column!r} counts: {', '.join(SECONDS_PER_UNIT)} (a name that ends in "
            "_s or _min says so itself)"
        )
    if unit not in SECONDS_PER_UNIT:
        raise SpecError(f"--time-unit: is {unit!r}; allowed: {', '.join(SECONDS_PER_UNIT)}")
    if stamps and unit != "s":
        raise SpecError(f"--time-unit: {column!r} has {kind}s, whose times are seconds: leave it out")
    return SECONDS_PER_UNIT[unit]
