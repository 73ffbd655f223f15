"""Outputs and input offsets one after the other, for brokers without transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from streamnn.errors import SinkError

from ._client import close_producer, in_our_words, make_producer, root_cause, words
from .contract import Message, Offset, Place
from .errors import Fenced, OutcomeUnknown, TransactionFailed, commit_not_begun
from .sent import Sent
from .settings import KafkaSettings
from .watchdog import Watchdog

SOURCE = "streamnn-source"
"""Header of every message: whose output it is."""
Headers = Sequence[tuple[str, bytes]]


class KafkaOutput:
    """What :class:`KafkaTransaction` does, as far as it can be done without: the same calls, a weaker promise.

    ``"at-least-once"``: offsets are committed when all replicas have the outputs, so after a crash some outputs
    come twice; they say in a header and in ``position`` which record they are of. ``"plain"``: the leader alone
    confirms, and what it did not take is only counted in `lost`.

    Parameters
    ----------
    settings : KafkaSettings
    source : str
        Whose outputs these are: the input topic and partition.
    commit : callable
        Commits offsets for the group.
    mode : str
    timeout_s : float, default 30
    compression : str, optional
    message_bytes : int, default 1_000_000
    """

    def __init__(
        self,
        settings: KafkaSettings,
        source: str,
        commit: Callable[[Mapping[Place, Offset]], None],
        *,
        mode: Literal["at-least-once", "plain"] = "at-least-once",
        timeout_s: float = 30.0,
        compression: str | None = None,
        message_bytes: int = 1_000_000,
    ):
        sure = mode == "at-least-once"
        self._settings = settings
        self._sure = sure
        self._commit = commit
        self._timeout_s = timeout_s
        self._headers = [(SOURCE, source.encode())]
        self._source = source
        self._failure: BaseException | None = None
        self._waiting_until_s: float | None = None
        self.largest = message_bytes
        self.lost = 0
        self.is_open = False
        self._producer = make_producer(
            settings,
            acks="all" if sure else 1,
            enable_idempotence=sure,
            compression_type=compression,
            max_block_ms=int(timeout_s * 1000),
            delivery_timeout_ms=int(max(timeout_s, settings.request_timeout_s + 1) * 1000),
            max_request_size=message_bytes + 4096,
            batch_size=1 << 17,
        )
        self._watchdog = Watchdog(f"output-{source}")

    @property
    def is_committing(self) -> bool:
        """Whether a commit is under way that :meth:`finish_commit` would have to wait for."""
        until_s = self._waiting_until_s
        return until_s is not None and not self._watchdog.done and time.monotonic() < until_s

    def begin(self) -> None:
        """Nothing has to be opened."""
        self.is_open = True

    def send(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Sent:
        """Add one message a value, in order."""
        listed = [*self._headers, *(headers or ())]
        future = None
        with in_our_words(self._settings, SinkError):
            for i, value in enumerate(values):
                key = keys[i] if keys is not None else b"" if value is None else None
                future = self._producer.send(topic, value, key, listed, partition)
                future.add_errback(self._failed)
        return Sent(future)

    def send_message(self, message: Message) -> None:
        """Add a message with all it has."""
        partition = message.partition if message.partition >= 0 else None
        key = b"" if message.key is None and message.value is None else message.key
        headers = [(name, value or b"") for name, value in message.headers] + self._headers
        with in_our_words(self._settings, SinkError):
            self._producer.send(message.topic, message.value, key, headers, partition).add_errback(
                self._failed
            )

    def start_commit(self, offsets: Mapping[Place, Offset] | None = None, membership: Any = None) -> None:
        """Begin to wait for the outputs and to commit the offsets, and return."""

        def work() -> None:
            self._producer.flush(self._timeout_s)
            if self._failure is not None and self._sure:
                raise self._failure
            if offsets:
                self._commit(offsets)

        self._waiting_until_s = time.monotonic() + 2 * self._timeout_s
        self._watchdog.start(work)

    def finish_commit(self, deadline_s: float = float("inf")) -> None:
        """Wait for the commit begun last.

        Raises
        ------
        Fenced
            The partition is somebody else's.
        OutcomeUnknown
            The brokers did not say in time.
        TransactionFailed
            An output was not taken. After each of these: recover from the committed offset.
        """
        if self._waiting_until_s is None:
            raise commit_not_begun()
        until_s, self._waiting_until_s = min(self._waiting_until_s, deadline_s), None
        done = self._watchdog.finish(until_s - time.monotonic())
        self.is_open = False
        if done is None:
            raise OutcomeUnknown(
                f"{self._source}: the brokers did not say in time what became of the outputs. Drop the "
                "state, and recover from the committed offset."
            )
        good, error = done
        if good:
            return
        if isinstance(error, Fenced):
            raise error
        cause = root_cause(error)
        raise TransactionFailed(
            f"{self._source}: {words(cause)}. Drop the state and recover from the committed offset."
        ) from error

    def abort(self) -> None:
        """What was sent can't be taken back; it will come again."""
        self.is_open = False

    def close(self) -> None:
        """Give up the producer. Safe to call twice."""
        self._watchdog.close()
        close_producer(self._producer, 1.0)

    def _failed(self, error: BaseException) -> None:
        self._failure = error
        self.lost += 1
