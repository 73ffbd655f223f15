"""Bad records as messages: with why and where they were, in parts where they are large."""

from __future__ import annotations

from dataclasses import dataclass

from ..base import BadRecord
from .contract import Message, Offset, Place

HEADER_PREFIX = "streamnn-"
"""What the names of our headers begin with."""
_REASON_BYTES = 1000


@dataclass(slots=True, frozen=True)
class DeadLetter:
    """A bad record as it is kept.

    Parameters
    ----------
    reason, stage : str
        What was wrong with it, and where that was found.
    original : Message
        Topic, partition, offset, key, headers, time and bytes of the record; of one row of a message of many
        rows, the row as JSON.
    row : int
        The row in its message.
    at : Place and offset
        Where the (last part of the) letter lies.
    """

    reason: str
    stage: str
    original: Message
    row: int
    at: tuple[Place, int]

    @property
    def where(self) -> str:
        """Where the record was: ``topic/partition/offset``, and ``:row`` behind the first row of a message."""
        old = self.original
        return f"{old.topic}/{old.partition}/{old.offset}" + (f":{self.row}" if self.row else "")


def dead_letter_messages(
    bad: BadRecord,
    place: Place,
    offset: Offset,
    topic: str,
    original: Message | None,
    largest: int = 1_000_000,
) -> list[Message]:
    """A bad record as messages for the dead-letter topic: one, or parts where it would be too large.

    Parameters
    ----------
    bad : BadRecord
    place : Place
        The partition it was in.
    offset : Offset
        Where in it: ``partition.offset({"position": bad.position})``.
    topic : str
        The dead-letter topic.
    original : Message or None
        ``partition.original(bad.position)``: gives key, headers and time.
    largest : int
        Most bytes a message, headers and key included.

    Examples
    --------
    >>> bad = BadRecord(7, "malformed JSON", "decode", b"{oops")
    >>> (letter,) = dead_letter_messages(bad, Place("events", 0), Offset(7), "dead", None)
    >>> letter.value, letter.header("streamnn-reason"), letter.header("streamnn-offset")
    (b'{oops', b'malformed JSON', b'7')
    """
    own: list[tuple[str, bytes]] = [
        ("reason", bad.reason.encode("utf-8", "backslashreplace")[:_REASON_BYTES]),
        ("stage", bad.stage.encode()),
        ("topic", place.topic.encode()),
        ("partition", b"%d" % place.partition),
        ("offset", b"%d" % offset.offset),
        ("row", b"%d" % offset.row),
    ]
    key: bytes | None = None
    theirs: tuple[tuple[str, bytes], ...] = ()
    if original is not None:
        own.append(("timestamp", b"%d" % original.timestamp_ms))
        # a header without value can't be written by every client
        key, theirs = original.key, tuple((name, value or b"") for name, value in original.headers)
        if original.value is None:
            own.append(("tombstone", b"1"))
    around = len(key or b"") + sum(len(name.encode()) + len(value) + 10 for name, value in theirs)
    if around > largest // 2:
        # nothing of the value is given up for them
        own.append(("cut", b"key and headers of %d bytes" % around))
        key, theirs, around = None, (), 0
    room = largest - around - sum(len(value) + 32 for _, value in own) - 100
    parts = [bad.raw[i : i + room] for i in range(0, len(bad.raw), room)] or [b""]
    out = []
    for i, part in enumerate(parts):
        headers = [(HEADER_PREFIX + name, value) for name, value in own]
        if len(parts) > 1:
            headers += [(HEADER_PREFIX + "part", b"%d" % i), (HEADER_PREFIX + "parts", b"%d" % len(parts))]
        out.append(Message(topic, -1, -1, key, part, (*theirs, *headers)))
    return out


def own_headers(message: Message) -> dict[str, bytes]:
    """Our headers, without what their names begin with; empty where the message is no letter."""
    return {
        name.removeprefix(HEADER_PREFIX): value or b""
        for name, value in message.headers[_first_own(message) :]
    }


def dead_letter(message: Message, raw: bytes) -> DeadLetter:
    """The letter of a message (the last of its parts) and the bytes of all its parts."""
    own = own_headers(message)
    original = Message(
        _text(own["topic"]),
        int(own["partition"]),
        int(own["offset"]),
        message.key or None,
        None if "tombstone" in own else raw,
        message.headers[: _first_own(message)],
        int(own.get("timestamp", -1)),
    )
    at = Place(message.topic, message.partition), message.offset
    return DeadLetter(_text(own["reason"]), _text(own["stage"]), original, int(own["row"]), at)


def _first_own(message: Message) -> int:
    """Ours come last, whatever names the record's own headers have."""
    names = [name for name, _ in message.headers]
    first = HEADER_PREFIX + "reason"
    return len(names) - 1 - names[::-1].index(first) if first in names else len(names)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
