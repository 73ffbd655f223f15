"""What is said when reading can't go on."""

from __future__ import annotations

from typing import Any

from streamnn.errors import SourceError

from ._client import words

_NEW_JOB_ADVICE = "start a new job without the old checkpoints."
"""End of messages about records that the topic no longer has."""


def expired(topic: str, partition: int, offset: int) -> SourceError:
    """An offset that the log does not hold."""
    return SourceError(
        f"{topic}: offset {offset} of partition {partition} is not there (any more): retention has passed "
        "it, or the topic was made anew. Nothing was skipped. Raise retention.ms for the next time; to "
        f"begin at what is left, {_NEW_JOB_ADVICE}"
    )


def truncated(topic: str, error: BaseException) -> SourceError:
    """Messages that were read and are gone."""
    return SourceError(
        f"{topic}: messages that were read are not in the log any more, or the topic was made anew: "
        f"{words(error)}. To begin at what is left, {_NEW_JOB_ADVICE}"
    )


def unreadable(topic: str, consumer: Any, error: BaseException) -> SourceError:
    """A message kafka-python can't get past: it does not skip one within its batch."""
    at = {tp.partition: consumer.position(tp) for tp in consumer.assignment()}
    return SourceError(
        f"{topic}: a message at (partition: offset) one of {at} is damaged, or the name of a header of it is "
        f"no UTF-8: {words(error)}. The client can't read past it: begin a new job behind it."
    )


def taken(topic: str, partition: int) -> SourceError:
    """A partition that went to another member."""
    return SourceError(f"{topic}: partition {partition} is no longer this member's. Drop its state.")


def failed(topic: str, error: BaseException) -> SourceError:
    """Anything else."""
    text = words(error)
    if "Authentication" in text:
        text += ". Set kafka.connection.sasl_username and kafka.connection.sasl_password right"
    if "codec" in text.lower():
        text += ". Run pip install 'kafka-python[crc32c,lz4,snappy,zstd]'"
    return SourceError(f"{topic}: reading failed: {text}")
