"""The options of ``streamnn feed``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Bootstrap, Json, Stream


def feed(
    target: Stream,
    to: Annotated[str, typer.Option("--to", help="Where it goes: kafka.")] = "kafka",
    bootstrap: Bootstrap = None,
    speed: Annotated[
        str,
        typer.Option(metavar="X|max", help="Seconds of the stream a second: 1 is real time, 3600 an hour."),
    ] = "max",
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Events a second, whatever their times.")
    ] = None,
    until: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Stop after N records of the stream.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Column that joins a label with its event; a name and number by default."),
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column that says when an event happened.")] = None,
    time_unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="What it counts: ns, us, ms, s, min, h or d.")
    ] = None,
    label_time: Annotated[str | None, typer.Option(help="Column that says when the label was known.")] = None,
    delay: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Or: labels are known N events later.")
    ] = None,
    create_topics: Annotated[
        bool,
        typer.Option("--create-topics", help="Make topics that are missing, those of a job's outputs too."),
    ] = False,
    partitions: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of topics that are made; 1 by default.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="What names of topics begin with; the stream's name by default.")
    ] = None,
    events: Annotated[str | None, typer.Option(metavar="TOPIC", help="Topic of events.")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Topic of labels; may be that of events.")
    ] = None,
    timestamps: Annotated[
        str, typer.Option(metavar="now|event", help="What the time of a message is.")
    ] = "now",
    append: Annotated[
        bool, typer.Option("--append", help="Write into topics that hold something else already.")
    ] = False,
    patience: Annotated[
        float, typer.Option(metavar="S", min=0, help="Seconds to wait for brokers that went away.")
    ] = 60.0,
    json: Json = False,
) -> None:
    """Replay a recorded stream into Kafka: events as they happened, labels when they were known.

    Each message comes once: stopped or killed, the same command goes on where it was.
    """
    from streamnn.errors import SpecError

    if to != "kafka":
        raise SpecError(f"--to: is {to!r}; streams can be fed to: kafka")
    if timestamps not in ("now", "event"):
        raise SpecError(f"--timestamps: is {timestamps!r}; allowed: now, event")
    from ..kafka.feed import run_feed, settings_of
    from ..kafka.feed_plan import plan_feed

    plan = plan_feed(
        target, label=label, key=key, time=time, time_unit=time_unit, label_time=label_time, delay=delay,
        speed=speed, rate=rate, prefix=prefix, topics={"events": events, "labels": labels}, stamps=timestamps,
    )  # fmt: skip
    code = run_feed(
        settings_of(bootstrap), plan, until=until, partitions=partitions, create=create_topics, append=append,
        patience_s=patience, as_json=json,
    )  # fmt: skip
    raise typer.Exit(code)
