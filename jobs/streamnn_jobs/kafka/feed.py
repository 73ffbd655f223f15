"""``streamnn feed``: a recorded stream into Kafka topics, as it happened."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from streamnn.errors import SinkError, SourceError, SpecError
from streamnn_connectors.kafka import (
    Fed,
    FeedPace,
    Fenced,
    KafkaAdmin,
    KafkaFeed,
    KafkaSettings,
    TransactionFailed,
)

from ..process.exits import quiet_pipe
from ..process.signals import stopping
from .feed_plan import TOPICS, FeedPlan

_AGAIN_S = 1.0
_TELL_S = (2.0, 30.0)
"""How often it is told how far it is: to somebody who watches, and into a log."""


def settings_of(bootstrap: str | None) -> KafkaSettings:
    """How to reach the brokers: the environment, servers by the option where it is given."""
    found = KafkaSettings.from_environment()
    return found if bootstrap is None else found.model_copy(update={"bootstrap_servers": bootstrap})


def make_topics(settings: KafkaSettings, plan: FeedPlan, partitions: int | None, create: bool) -> list[str]:
    """See to the topics of a plan; the names of those that were made.

    Raises
    ------
    SpecError
        When one that is needed is missing and none may be made, or one has other partitions than asked for.
    SourceError
        When no broker answers.
    """
    made: list[str] = []
    with KafkaAdmin(settings) as admin:
        for what in TOPICS if create else ("events", "labels"):
            topic = plan.topics[what]
            found = admin.find(topic)
            if found is not None:
                if partitions is not None and found.partitions != partitions:
                    raise SpecError(
                        f"--partitions: topic {topic} is there and has {found.partitions}, not {partitions}"
                    )
                if plan.unit_ms is not None and what in ("events", "labels"):
                    _require_keeping(admin, topic)
            elif not create:
                raise SpecError(
                    f"topic {topic} is not there at {settings.where}: give --create-topics, or name another"
                )
            else:
                # messages with the time of a recording would be older than any retention
                config = {"retention.ms": "-1"} if plan.unit_ms is not None else {}
                admin.create(topic, partitions or 1, settings=config)
                made.append(topic)
    return made


def _require_keeping(admin: KafkaAdmin, topic: str) -> None:
    kept_s = admin.limits(topic).retention_s
    if kept_s is not None:
        raise SpecError(
            f"--timestamps event: topic {topic} keeps messages for {kept_s / 3600:,.0f} h, those of a "
            "recording are older and would be deleted unread. Set its retention.ms to -1, or leave "
            "--timestamps now"
        )


def feed_stream(
    settings: KafkaSettings,
    plan: FeedPlan,
    until: int | None = None,
    *,
    append: bool = False,
    patience_s: float = 60.0,
    timeout_s: float = 30.0,
    say: Callable[[str], None] = lambda text: None,
    made: Callable[[KafkaFeed], None] = lambda feed: None,
) -> Fed:
    """Send a stream, going on behind what readers see whenever the brokers were away.

    Parameters
    ----------
    until : int, optional
        Stop after this many records of the stream.
    append : bool
        Write behind what others have written.
    patience_s : float
        How long nothing may get through before the error is raised.
    timeout_s : float
        How long a single transaction may take.
    say : callable
        Told what goes wrong, and how far it is.
    made : callable
        Given each feed before it runs: to stop it.

    Raises
    ------
    SpecError
        When columns, topics and stream do not fit.
    SinkError, SourceError
        When the brokers do not take it. What was committed is there.
    """
    first: Fed | None = None
    last_s: float | None = None
    while True:
        feed: KafkaFeed | None = None
        try:
            feed = KafkaFeed(
                settings, plan.topics["events"], plan.topics["labels"], plan.columns,
                FeedPace(plan.rate, plan.events_per_s, plan.unit_ms), name=plan.name,
                append=append or last_s is not None, timeout_s=timeout_s, on_commit=_teller(say),
            )  # fmt: skip
            made(feed)
            fed = feed.run(plan.source, limit=until)
            return fed if first is None else _between(first, feed.muted, fed)
        except Fenced as error:
            raise SinkError(
                f"another feed writes to {plan.topics['events']} now; this one has ended"
            ) from error
        except (SinkError, SourceError) as error:
            if feed is not None and feed.committed:
                first, last_s = first or replace(feed.muted, before=feed.fed.before), time.monotonic()
            # what never worked is not waited for, nor what is wrong with the stream
            if last_s is None or not _of_brokers(error) or time.monotonic() - last_s > patience_s:
                raise
            say(f"{error}\ntrying again for {patience_s - (time.monotonic() - last_s):.0f} s")
            time.sleep(_AGAIN_S)


def _of_brokers(error: Exception) -> bool:
    return isinstance(error, TransactionFailed) or type(error.__cause__).__module__.startswith("kafka.")


def _between(first: Fed, muted: Fed, fed: Fed) -> Fed:
    """What was sent since `first`: counted in the stream, as the outcome of a commit may have been unknown."""
    return Fed(
        muted.events + fed.events - first.events,
        muted.labels + fed.labels - first.labels,
        muted.bad + fed.bad - first.bad,
        first.before,
    )


def _teller(say: Callable[[str], None]) -> Callable[[Fed], None]:
    every_s = _TELL_S[0 if sys.stderr.isatty() else 1]
    next_s = time.monotonic() + every_s

    def tell(fed: Fed) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + every_s
            say(f"{fed.events:,} events, {fed.labels:,} labels")

    return tell


def run_feed(
    settings: KafkaSettings,
    plan: FeedPlan,
    *,
    until: int | None,
    partitions: int | None,
    create: bool,
    append: bool,
    patience_s: float,
    as_json: bool,
) -> int:
    """The command: makes topics when asked to, feeds, says what it did; the exit code comes back."""

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    made = make_topics(settings, plan, partitions, create)
    if made:
        say(f"made {', '.join(made)}")
    where = ", ".join(dict.fromkeys((plan.topics["events"], plan.topics["labels"])))
    say(f"feeding {plan.name} into {where} at {settings.where}, {plan.pace}")
    running: list[KafkaFeed] = []
    stopped: list[bool] = []

    def stop() -> None:
        stopped.append(True)
        for feed in running:
            feed.stop()

    def started(feed: KafkaFeed) -> None:
        running[:] = [feed]
        if stopped:
            feed.stop()

    began = time.monotonic()
    with stopping(stop, "finishing the transaction") as caught:
        fed = feed_stream(settings, plan, until, append=append, patience_s=patience_s, say=say, made=started)
    seconds = time.monotonic() - began
    with quiet_pipe():
        if as_json:
            print(json.dumps(_figures(plan, fed, seconds, bool(caught))))
        else:
            for line in _lines(plan, fed, seconds, bool(caught)):
                print(line)
    return 128 + caught[0] if caught else 0


def _figures(plan: FeedPlan, fed: Fed, seconds: float, caught: bool) -> dict[str, Any]:
    return {
        "stream": plan.name,
        "outcome": "interrupted" if caught else "done",
        "events": fed.events,
        "labels": fed.labels,
        "bad": fed.bad,
        "messages_before": fed.before,
        "seconds": round(seconds, 3),
        "topics": plan.topics,
    }


def _lines(plan: FeedPlan, fed: Fed, seconds: float, caught: bool) -> list[str]:
    bad = f", {fed.bad:,} bad records as they are" if fed.bad else ""
    lines = [f"{plan.name}: {fed.events:,} events, {fed.labels:,} labels{bad} in {seconds:.1f} s"]
    if fed.before:
        lines.append(f"gone on behind the {fed.before:,} messages of an earlier call")
    if caught:
        lines.append("stopped; the same command goes on from here")
    return lines
