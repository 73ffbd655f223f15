"""Bad records in a topic: written with why and where they were, listed, and sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..base import BadRecord
from .admin import KafkaAdmin
from .contract import Message, Offset, Place
from .reading import read_messages
from .settings import KafkaSettings
from .transaction import KafkaTransaction

_PREFIX = "streamnn-"
_REASON_BYTES = 1000
_OWN = (
    "reason",
    "stage",
    "topic",
    "partition",
    "offset",
    "row",
    "timestamp",
    "part",
    "parts",
    "tombstone",
    "cut",
)


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
        headers = [(_PREFIX + name, value) for name, value in own]
        if len(parts) > 1:
            headers += [(_PREFIX + "part", b"%d" % i), (_PREFIX + "parts", b"%d" % len(parts))]
        out.append(Message(topic, -1, -1, key, part, (*theirs, *headers)))
    return out


class DeadLetters:
    """The letters of a dead-letter topic.

    Parameters
    ----------
    settings : KafkaSettings
    topic : str

    Examples
    --------
    ::

        letters = DeadLetters(settings, "dead")
        letters.replay(letter for letter in letters if letter.stage == "schema")
    """

    def __init__(self, settings: KafkaSettings, topic: str):
        self._settings = settings
        self._topic = topic

    def __iter__(self) -> Iterator[DeadLetter]:
        """All there are now, a partition after another, parts put together."""
        with KafkaAdmin(self._settings) as admin:
            count = admin.describe(self._topic).partitions
        parts: dict[tuple[bytes | None, ...], list[bytes]] = {}
        for message in read_messages(self._settings, [Place(self._topic, p) for p in range(count)]):
            if message.header(_PREFIX + "reason") is None:
                continue
            origin = tuple(message.header(_PREFIX + n) for n in ("topic", "partition", "offset", "row"))
            wanted = int(message.header(_PREFIX + "parts") or 1)
            if message.header(_PREFIX + "part") in (None, b"0"):
                parts[origin] = []
            have = parts.setdefault(origin, [])
            have.append(message.value or b"")
            if len(have) == wanted:
                yield _letter(message, b"".join(parts.pop(origin)))

    def replay(
        self,
        letters: Iterable[DeadLetter],
        topic: str | None = None,
        *,
        batch: int = 1000,
        change: Callable[[Message], Message] = lambda message: message,
    ) -> int:
        """Send originals again, with key and headers, to `topic` or to where they came from.

        Each batch is one transaction. Says how many were sent; what is sent again by a later call comes twice.
        """
        count = 0
        output = KafkaTransaction(self._settings, f"streamnn-replay-{self._topic}", message_bytes=1 << 23)
        try:
            for letter in letters:
                if not output.is_open:
                    output.begin()
                old = letter.original
                # the partition of its key, as when it was written first; without a key the same one
                partition = old.partition if old.key is None and topic is None else -1
                headers = (
                    *old.headers,
                    (_PREFIX + "replayed", f"{old.topic}/{old.partition}/{old.offset}".encode()),
                )
                message = Message(topic or old.topic, partition, -1, old.key, old.value, headers)
                output.send_message(change(message))
                count += 1
                if count % batch == 0:
                    output.commit()
            if output.is_open:
                output.commit()
        finally:
            output.close()
        return count


def _letter(message: Message, raw: bytes) -> DeadLetter:
    own = {name: message.header(_PREFIX + name) for name in _OWN}
    theirs = tuple(
        (k, v)
        for k, v in message.headers
        if k.removeprefix(_PREFIX) not in _OWN or k[: len(_PREFIX)] != _PREFIX
    )
    original = Message(
        _text(own["topic"]),
        int(own["partition"] or 0),
        int(own["offset"] or 0),
        message.key or None,
        None if own["tombstone"] else raw,
        theirs,
        int(own["timestamp"] or -1),
    )
    at = Place(message.topic, message.partition), message.offset
    return DeadLetter(_text(own["reason"]), _text(own["stage"]), original, int(own["row"] or 0), at)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
