"""Messages as they are, from here to the end there is now: for tools, and for logs that a job wrote itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from streamnn.errors import SourceError

from ._client import client, close_consumer, in_our_words, make_consumer
from .contract import Message, Place
from .settings import KafkaSettings

_READ_POLL_MS = 200
"""Milliseconds of a poll: nothing else waits while a topic is read to its end."""


def read_messages(
    settings: KafkaSettings,
    places: Iterable[Place],
    start: Mapping[Place, int] | None = None,
    *,
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    stall_s: float = 30.0,
) -> Iterator[Message]:
    """The messages of some partitions, one partition after another, each in order.

    Ends at the messages there are when the call is made. Joins no group and commits nothing.

    Parameters
    ----------
    settings : KafkaSettings
    places : iterable of Place
    start : mapping of Place to int, optional
        First offset of each; without one, the first there is.
    isolation : str
        ``"read_committed"`` stops before a transaction that is still open.
    stall_s : float
        With nothing new for so long, before the end, it is a SourceError.

    Raises
    ------
    SourceError
        When the messages can't be read.
    """
    consumer = make_consumer(settings, isolation_level=isolation)
    try:
        with in_our_words(settings, SourceError):
            tps = [client().TopicPartition(*place) for place in places]
            if not tps:
                return
            ends = consumer.end_offsets(tps)
            begins = consumer.beginning_offsets(tps)
            for tp in tps:
                at = (start or {}).get(Place(*tp), begins[tp])
                consumer.assign([tp])
                consumer.seek(tp, at)
                moved_s = time.monotonic()
                while at < ends[tp]:
                    records = consumer.poll(timeout_ms=_READ_POLL_MS).get(tp, [])
                    for r in records:
                        if r.offset < ends[tp]:
                            headers = tuple(r.headers)
                            yield Message(
                                r.topic, r.partition, r.offset, r.key, r.value, headers, r.timestamp
                            )
                    before, at = at, consumer.position(tp)
                    if at > before:
                        moved_s = time.monotonic()
                    elif time.monotonic() - moved_s > stall_s:
                        raise SourceError(
                            f"{tp.topic}/{tp.partition}: nothing came for {stall_s:.0f} s at offset {at}, "
                            f"the end is at {ends[tp]}. Is the broker there?"
                        )
    finally:
        close_consumer(consumer)
