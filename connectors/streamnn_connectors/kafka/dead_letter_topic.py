"""The letters of a dead-letter topic: read, and sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .admin import KafkaAdmin
from .contract import Message, Offset, Place
from .dead_letters import HEADER_PREFIX, DeadLetter, dead_letter, own_headers
from .offsets import KafkaOffsets
from .reading import read_messages
from .settings import KafkaSettings
from .takeover import take_over

MESSAGE_BYTES = 1 << 23
"""Largest message that a replay sends; the limit of a broker may be lower."""


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
        letters.replay(lambda letter: letter.stage == "schema", group="mended-columns")
    """

    def __init__(self, settings: KafkaSettings, topic: str):
        self._settings = settings
        self._topic = topic

    def __iter__(self) -> Iterator[DeadLetter]:
        """All there are now, a partition after another, parts put together."""
        return _Reader(self._settings, self._places()).letters({})

    def replay(
        self,
        keep: Callable[[DeadLetter], bool] = lambda letter: True,
        topic: str | None = None,
        *,
        group: str | None = None,
        batch: int = 1000,
        change: Callable[[Message], Message] = lambda message: message,
    ) -> int:
        """Send originals again, with key and headers, to where they came from; how many were sent.

        They bear the header ``streamnn-replayed``, which says where they were.

        Parameters
        ----------
        keep : callable
            Which letters.
        topic : str, optional
            Another topic for them.
        group : str, optional
            Remembers how far the replay has come, in the transactions of the messages: the next one with the
            same name begins there, so that nothing is sent twice. Without it, all letters are looked at.
        batch : int
            Messages a transaction.
        change : callable
            Mends a message.

        Raises
        ------
        SourceError
            When there is no such topic, or it can't be read.
        SinkError
            When a message is not taken; what was committed before is sent.
        """
        places = self._places()
        identity = f"streamnn-replay-{self._topic}"
        output, found = take_over(
            self._settings,
            identity,
            group or identity,
            places if group else [],
            [],
            message_bytes=MESSAGE_BYTES,
        )
        reader = _Reader(self._settings, places)
        count = 0
        try:
            with KafkaOffsets(self._settings, group or identity) as offsets:
                member = offsets.membership()
                # what retention has passed since is not there to be sent
                first = offsets.beginning(places)
                start = {p: max(at.offset, first[p]) for p, at in found.items() if at is not None}

                def commit() -> None:
                    marks = {p: Offset(at) for p, at in reader.marks().items()} if group else {}
                    if marks and not output.is_open:
                        output.begin()
                    if output.is_open:
                        output.commit(marks, member)

                for letter in reader.letters(start):
                    if not keep(letter):
                        continue
                    if not output.is_open:
                        output.begin()
                    output.send_message(change(_again(letter, topic)))
                    count += 1
                    if count % batch == 0:
                        commit()
                commit()
        finally:
            output.close()
        return count

    def _places(self) -> list[Place]:
        with KafkaAdmin(self._settings) as admin:
            return [Place(self._topic, p) for p in range(admin.describe(self._topic).partitions)]


class _Reader:
    """Puts letters together and knows how far it has come in each partition."""

    def __init__(self, settings: KafkaSettings, places: list[Place]):
        self._settings = settings
        self._places = places
        self._parts: dict[tuple[bytes, ...], dict[int, Message]] = {}
        self._next: dict[Place, int] = {}

    def letters(self, start: Mapping[Place, int]) -> Iterator[DeadLetter]:
        for message in read_messages(self._settings, self._places, start):
            self._next[Place(message.topic, message.partition)] = message.offset + 1
            own = own_headers(message)
            if not own:
                continue
            origin = tuple(own[name] for name in ("topic", "partition", "offset", "row"))
            wanted = int(own.get("parts", 1))
            # by their numbers: without a key they may be spread over partitions
            have = self._parts.setdefault(origin, {})
            have[int(own.get("part", 0))] = message
            if len(have) == wanted:
                del self._parts[origin]
                raw = b"".join(have[i].value or b"" for i in sorted(have))
                yield dead_letter(message, raw)

    def marks(self) -> dict[Place, int]:
        """Where to go on: not behind the first part of a letter that is not complete."""
        found = dict(self._next)
        for parts in self._parts.values():
            for message in parts.values():
                place = Place(message.topic, message.partition)
                found[place] = min(found[place], message.offset)
        return found


def _again(letter: DeadLetter, topic: str | None) -> Message:
    old = letter.original
    # the partition of its key, as when it was written first; without a key the same one
    partition = old.partition if old.key is None and topic is None else -1
    headers = (*old.headers, (HEADER_PREFIX + "replayed", letter.where.encode()))
    return Message(topic or old.topic, partition, -1, old.key, old.value, headers)
