"""Writes log lines: plain words, text with fields, or one JSON object a line."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from ..run.summary import plain as _plain
from .events import LOG_EVENTS, LOG_LEVELS

Format = Literal["plain", "text", "json"]


class Log:
    """Lines for events; safe to use from several threads.

    ``plain`` writes nothing but the words that are meant for a person. ``text`` is
    ``time LEVEL event message key=value ...``, ``json`` one object a line with ``time``, ``level``, ``event``,
    ``message`` and the fields.

    Parameters
    ----------
    format : str
    level : str
        The least that is written.
    stream : text file, optional
        Standard error by default.
    hide : callable
        Takes secrets out of a text.
    say : callable, optional
        What writes words for a person in ``plain``.
    wall : callable
        Unix time.

    Examples
    --------
    >>> log = Log("text", stream=sys.stdout, wall=lambda: 0.0)
    >>> log.event("alarm", "new inputs", position=7, signal="a b")
    1970-01-01T00:00:00.000Z WARNING alarm "new inputs" position=7 signal="a b"
    """

    def __init__(
        self,
        format: Format = "plain",
        level: str = "info",
        stream: TextIO | None = None,
        hide: Callable[[str], str] = lambda text: text,
        say: Callable[[str], None] | None = None,
        wall: Callable[[], float] = time.time,
    ):
        self.format = format
        self._least = LOG_LEVELS.index(level)
        self._stream = stream
        self._hide = hide
        self._say = say
        self._wall = wall
        self._lock = threading.RLock()  # a signal may come while we write

    @property
    def plain(self) -> bool:
        """Whether a person reads it."""
        return self.format == "plain"

    def event(self, event: str, message: str = "", level: str | None = None, **fields: Any) -> None:
        """Log an event of :data:`LOG_EVENTS`; its level is that of the table, unless told."""
        level = level or LOG_EVENTS[event][0]
        if LOG_LEVELS.index(level) < self._least:
            return
        if self.plain:
            if event == "note" and self._say is not None:
                self._say(self._hide(message))
            return
        at = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds")
        at = at.replace("+00:00", "Z")
        fields = {k: v for k, v in _plain(fields).items() if v is not None}
        if self.format == "json":
            head = {"time": at, "level": level, "event": event} | ({"message": message} if message else {})
            line = json.dumps({**head, **fields}, ensure_ascii=False, default=str)
        else:
            words = [json.dumps(message, ensure_ascii=False)] if message else []
            line = " ".join(
                [at, level.upper(), event, *words, *(f"{k}={_word(v)}" for k, v in fields.items())]
            )
        with self._lock:
            stream = self._stream or sys.stderr
            stream.write(self._hide(line) + "\n")
            stream.flush()

    def note(self, text: str) -> None:
        """Words for a person."""
        self.event("note", text)


def _word(value: Any) -> str:
    if isinstance(value, str) and value and value.isprintable() and not set(value) & set(' "='):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False, default=str)
