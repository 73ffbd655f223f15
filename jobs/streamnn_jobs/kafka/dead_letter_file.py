"""Dead letters in a file, and originals written to a file or a topic."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from streamnn.errors import SinkError, SourceError, SpecError
from streamnn_connectors.kafka import DeadLetter, KafkaAdmin, KafkaSettings, KafkaTransaction, Message, Place
from streamnn_connectors.kafka.dead_letter_topic import MESSAGE_BYTES

_BATCH = 1000


def read_letters(path: Path) -> Iterator[DeadLetter]:
    """The letters a job has written to ``dead_letters.jsonl``; a line cut off at the end is left out.

    Raises
    ------
    SourceError
        When the file can't be read or holds something else.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines):
                if line.endswith(b"\n"):
                    yield _letter(path, number, line)
    except OSError as e:
        raise SourceError(f"{path}: can't be read: {e.strerror or e}") from e


def _letter(path: Path, number: int, line: bytes) -> DeadLetter:
    try:
        data = json.loads(line)
        partition = str(data["partition"])
        original = Message(
            str(data["source"]),
            int(partition) if partition.isdecimal() else 0,
            int(data["position"]),
            None,
            base64.b64decode(data["raw"], validate=True),
        )
        return DeadLetter(str(data["reason"]), str(data["stage"]), original, 0, (Place(str(path), 0), number))
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise SourceError(
            f"{path}: line {number + 1} is no dead letter: {type(e).__name__}: {e}. Name a dead_letters.jsonl"
        ) from None


def to_file(letters: Iterable[DeadLetter], path: Path) -> int:
    """Originals, a line each, into a new file; how many.

    Raises
    ------
    SinkError
        When the file is there already or can't be written.
    SpecError
        When a record has several lines.
    """
    count = 0
    try:
        with path.open("xb") as out:
            for letter in letters:
                raw = (letter.original.value or b"").rstrip(b"\r\n")
                if b"\n" in raw:
                    raise SpecError(
                        f"--to-file: the record {letter.where} has several lines, which a file of lines "
                        "can't hold; `streamnn dlq show --raw` gives its bytes"
                    )
                out.write(raw + b"\n")
                count += 1
    except FileExistsError as e:
        raise SinkError(f"{path}: is there already; name a new file") from e
    except OSError as e:
        raise SinkError(f"{path}: can't be written: {e.strerror or e}") from e
    return count


def to_topic(letters: Iterable[DeadLetter], settings: KafkaSettings, topic: str) -> int:
    """Originals into a topic, a thousand a transaction; how many.

    Raises
    ------
    SourceError
        When there is no such topic.
    SinkError
        When a message is not taken.
    """
    with KafkaAdmin(settings) as admin:
        admin.describe(topic)
    count = 0
    rest = iter(letters)
    output = KafkaTransaction(settings, f"streamnn-replay-into-{topic}", message_bytes=MESSAGE_BYTES)
    try:
        while some := list(islice(rest, _BATCH)):
            output.begin()
            for letter in some:
                header = ("streamnn-replayed", letter.where.encode("utf-8", "replace"))
                output.send_message(Message(topic, -1, -1, None, letter.original.value, (header,)))
            output.commit()
            count += len(some)
    finally:
        output.close()
    return count
