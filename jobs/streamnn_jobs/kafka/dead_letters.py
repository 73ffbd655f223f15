"""``streamnn dlq``: dead letters of a topic or a file, listed, shown and sent again."""

from __future__ import annotations

import base64
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamnn.errors import SourceError, SpecError
from streamnn_connectors.kafka import DeadLetter, DeadLetters, KafkaSettings

from ..process.exits import quiet_pipe
from .dead_letter_file import read_letters, to_file, to_topic

Keep = Callable[[DeadLetter], bool]
_MOST_KINDS = 100
"""Kinds of reasons counted apart; the others are counted together."""
_QUOTED_NAME = re.compile(r"(column )?('[^']*'|\"[^\"]*\")")
"""Something in quotes; only the name of a column stays part of the kind."""
_DIGIT_RUN = re.compile(r"\d+")
_OTHERS = ("", "(further reasons)")


def is_file(target: str) -> bool:
    """Whether dead letters are those of a file: one that is there, or whose name ends like one."""
    return target.endswith(".jsonl") or Path(target).is_file()


def open_letters(target: str, settings: KafkaSettings) -> Iterable[DeadLetter]:
    """The letters of a file or a topic."""
    return read_letters(Path(target)) if is_file(target) else DeadLetters(settings, target)


def keeper(stage: str | None, reason: str | None, where: list[str]) -> Keep:
    """Those of a stage, with a text in their reason, from some places."""
    places = set(where)

    def keep(letter: DeadLetter) -> bool:
        return (
            (stage is None or letter.stage == stage)
            and (reason is None or reason.lower() in letter.reason.lower())
            and (not places or letter.where in places or letter.where.rpartition("/")[2] in places)
        )

    return keep


def kind_of(reason: str) -> str:
    """A reason without what differs from record to record.

    Examples
    --------
    >>> kind_of("the time in column 'at' is 'soon'"), kind_of("3000 bytes, the limit is 1000")
    ("the time in column 'at' is '…'", '# bytes, the limit is #')
    """
    return _DIGIT_RUN.sub("#", _QUOTED_NAME.sub(lambda m: m[0] if m[1] else "'…'", reason))


def list_letters(target: str, settings: KafkaSettings, keep: Keep, limit: int, as_json: bool) -> int:
    """How many there are of which kind, and the first `limit`."""
    count = 0
    kinds: Counter[tuple[str, str]] = Counter()
    shown: list[DeadLetter] = []
    for letter in open_letters(target, settings):
        if not keep(letter):
            continue
        count += 1
        kind = (letter.stage, kind_of(letter.reason))
        # a hostile stream has reasons without end
        kinds[kind if kind in kinds or len(kinds) < _MOST_KINDS else _OTHERS] += 1
        if len(shown) < limit:
            shown.append(letter)
    with quiet_pipe():
        if as_json:
            found = [{"stage": s, "reason": r, "count": n} for (s, r), n in kinds.most_common()]
            print(json.dumps({"dead_letters": count, "kinds": found, "letters": [plain(x) for x in shown]}))
            return 0
        print(f"{target}: {count:,} dead letter{'' if count == 1 else 's'}")
        for (stage, reason), n in kinds.most_common():
            print(f"  {n:>9,}  {stage:<7} {reason}")
        width = max((len(x.where) for x in shown), default=0)
        for letter in shown:
            size = len(letter.original.value or b"")
            print(f"{letter.where:<{width}}  {size:>7,} B  {letter.stage:<7} {letter.reason}")
        if count > len(shown):
            print(f"... and {count - len(shown):,} more: --limit {count}")
    return 0


def show_letters(target: str, settings: KafkaSettings, keep: Keep, raw: bool, as_json: bool) -> int:
    """All that is known of some letters, or their bytes as they were.

    Raises
    ------
    SourceError
        When there is none.
    """
    found = [letter for letter in open_letters(target, settings) if keep(letter)]
    if not found:
        raise SourceError(f"{target}: no such dead letter; `streamnn dlq list {target}` lists them")
    with quiet_pipe():
        if as_json:
            print(json.dumps([plain(letter) for letter in found]))
        elif raw:
            for letter in found:
                sys.stdout.buffer.write(letter.original.value or b"")
            sys.stdout.buffer.flush()
        else:
            print("\n\n".join("\n".join(_described(letter)) for letter in found))
    return 0


def replay_letters(
    target: str,
    settings: KafkaSettings,
    keep: Keep,
    chosen: str,
    to: str | None,
    file: Path | None,
    *,
    again: bool = False,
    dry: bool = False,
) -> tuple[int, str]:
    """Send originals again; how many, and where to.

    Parameters
    ----------
    chosen : str
        What `keep` keeps, as text: a replay of others has a place of its own.
    to : str or None
        A topic; by default where each came from.
    file : path or None
        Or a new file.
    again : bool
        From the first letter on, whatever was sent before.
    dry : bool
        Only count.

    Raises
    ------
    SpecError
        When it is not said where to.
    """
    if to is not None and file is not None:
        raise SpecError("--to and --to-file: give one")
    if is_file(target) and to is None and file is None:
        raise SpecError(
            f"--to or --to-file: is missing; {target} does not say which topic its records came from"
        )
    where = str(file) if file is not None else to or "the topics they came from"
    if dry:
        return sum(map(keep, open_letters(target, settings))), where
    if file is not None:
        return to_file(filter(keep, open_letters(target, settings)), file), where
    if is_file(target):
        assert to is not None
        return to_topic(filter(keep, open_letters(target, settings)), settings, to), where
    name = zlib.crc32(json.dumps([to, chosen]).encode())
    group = None if again else f"streamnn-dlq-{target}-{name:08x}"
    return DeadLetters(settings, target).replay(keep, to, group=group), where


def plain(letter: DeadLetter) -> dict[str, Any]:
    """A letter as plain data; bytes that are no UTF-8 as ``\\xNN`` in `text`, all of them in base64 in `raw`."""
    old = letter.original
    return {
        "where": letter.where,
        "stage": letter.stage,
        "reason": letter.reason,
        "topic": old.topic,
        "partition": old.partition,
        "offset": old.offset,
        "row": letter.row,
        "time": _time(old.timestamp_ms),
        "key": None if old.key is None else _text(old.key),
        "headers": [[name, _text(value or b"")] for name, value in old.headers],
        "bytes": None if old.value is None else len(old.value),
        "text": None if old.value is None else _text(old.value),
        "raw": None if old.value is None else base64.b64encode(old.value).decode(),
    }


def _described(letter: DeadLetter) -> list[str]:
    old, facts = letter.original, plain(letter)
    place, offset = letter.at
    lines = [
        f"where    {letter.where}",
        f"reason   {letter.reason}",
        f"stage    {letter.stage}",
        f"time     {facts['time'] or 'not known'}",
        f"key      {'none' if old.key is None else facts['key']}",
        *(f"header   {name}: {value}" for name, value in facts["headers"]),
        f"letter   {place.topic}/{place.partition}/{offset}",
    ]
    if old.value is None:
        return [*lines, "value    none: a tombstone"]
    return [*lines, f"value    {len(old.value):,} bytes", str(facts["text"])]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _time(stamp_ms: int) -> str | None:
    if stamp_ms < 0:
        return None
    try:
        return datetime.fromtimestamp(stamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):  # a time-stamp of a hostile client
        return f"{stamp_ms} ms"
