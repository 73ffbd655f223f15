"""Watches that a topic is still the one that is being read: a consumer does not notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from streamnn.errors import SourceError, SpecError, StreamnnError

from .admin import KafkaAdmin, TopicInfo
from .settings import KafkaSettings


class TopicWatch:
    """Asks for a topic every so often, on a thread of its own.

    Parameters
    ----------
    settings : KafkaSettings
    topic : TopicInfo
        As it was when reading began.
    every_s : float
    unreachable_s : float
        No broker answering for so long is a failure.
    fail : callable
        Told of a topic that is gone, was made again, or is out of reach.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: TopicInfo,
        every_s: float,
        unreachable_s: float,
        fail: Callable[[SourceError], None],
    ):
        self._settings = settings
        self._admin: KafkaAdmin | None = None
        self._topic = topic
        self._every_s = every_s
        self._unreachable_s = unreachable_s
        self._fail = fail
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"streamnn-watch-{topic.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more. Safe to call twice."""
        self._stop.set()
        self._thread.join(5)
        self._give_up()

    def _give_up(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()

    def _run(self) -> None:
        reached_s = time.monotonic()
        while not self._stop.wait(self._every_s):
            try:
                self._admin = self._admin or KafkaAdmin(self._settings)
                found = self._admin.find(self._topic.name)
            except SpecError as error:  # we are refused: waiting helps nothing
                self._give_up()
                self._fail(SourceError(f"{self._topic.name}: {error}"))
                return
            except StreamnnError as error:
                # a client may never find back to a broker that was away: the next look is by a new one
                self._give_up()
                away_s = time.monotonic() - reached_s
                if away_s > self._unreachable_s:
                    self._fail(SourceError(f"{self._topic.name}: out of reach for {away_s:.0f} s: {error}"))
                    return
                continue
            reached_s = time.monotonic()
            if trouble := self._trouble(found):
                self._fail(SourceError(f"{self._topic.name}: {trouble}"))
                return

    def _trouble(self, found: TopicInfo | None) -> str | None:
        name, before = self._topic.name, self._topic
        if found is None:
            return f"the topic was deleted. Nothing more can be read; make {name} anew and start a new job."
        if found.identity != before.identity:
            return (
                "the topic was deleted and made anew, its offsets mean other messages now. Start a new job "
                "without the old checkpoints."
            )
        if found.partitions != before.partitions:
            return (
                f"the topic has {found.partitions} partitions now, {before.partitions} when reading began: "
                "keys have moved between partitions, and a label may no longer meet its event. Start a new "
                "job."
            )
        return None
