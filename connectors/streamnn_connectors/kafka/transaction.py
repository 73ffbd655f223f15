"""Outputs and input offsets in one Kafka transaction."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamnn.errors import SinkError, SpecError

from ._client import client, close_producer, in_our_words, make_producer, root_cause, words
from .contract import Message, Offset, Place
from .errors import Fenced, OutcomeUnknown, TransactionFailed, commit_not_begun
from .offsets import to_metadata
from .sent import Sent
from .settings import KafkaSettings
from .watchdog import Watchdog

_FENCED = (
    "CommitFailedError", "FencedInstanceIdError", "IllegalGenerationError", "InvalidProducerEpochError",
    "ProducerFencedError", "UnknownMemberIdError",
)  # fmt: skip
_UNKNOWN = ("KafkaTimeoutError", "RequestTimedOutError")
Headers = Sequence[tuple[str, bytes]]


class KafkaTransaction:
    """A producer with a transactional id, one transaction after another.

    Making it takes the id over: whoever had it is fenced, and what they had open is aborted. Read the
    committed offset after that, never before. Every error means that the state learnt since the last commit
    must be dropped and recovered; the object is of no more use then but to be closed.

    Parameters
    ----------
    settings : KafkaSettings
    transactional_id : str
        Of one partition of one job, so that its next owner takes over at once.
    timeout_s : float, default 30
        For every call that waits for the broker; after it the outcome is unknown.
    open_s : float, default 60
        The broker aborts a transaction that is open for longer.
    compression : str, optional
        ``"gzip"``, ``"lz4"``, ``"snappy"`` or ``"zstd"``.
    message_bytes : int, default 1_000_000
        Largest message; see :attr:`largest`.
    batch_bytes : int
        Messages go out in batches of about this size.

    Raises
    ------
    SinkError
        When no broker answers, or the id can't be taken over in time.

    Examples
    --------
    ::

        output = KafkaTransaction(settings, "job-events-0")
        output.begin()
        output.send("predictions", values, partition=0)
        output.commit({Place("events", 0): partition.offset(batch.resume)}, partition.membership())
    """

    def __init__(
        self,
        settings: KafkaSettings,
        transactional_id: str,
        *,
        timeout_s: float = 30.0,
        open_s: float = 60.0,
        compression: str | None = None,
        message_bytes: int = 1_000_000,
        batch_bytes: int = 1 << 17,
    ):
        self.transactional_id = transactional_id
        self._timeout_s = timeout_s
        self._open_s = open_s
        self._message_bytes = message_bytes
        self._failure: SinkError | None = None
        self._began_s: float | None = None
        self._waiting_until_s: float | None = None
        self._closed = False
        self._producer = make_producer(
            settings,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(open_s * 1000),
            max_block_ms=int(timeout_s * 1000),
            delivery_timeout_ms=int(max(timeout_s, settings.request_timeout_s + 1) * 1000),
            compression_type=compression,
            max_request_size=message_bytes + 4096,
            batch_size=batch_bytes,
        )
        self._watchdog = Watchdog(transactional_id)
        try:
            with in_our_words(settings, SinkError):
                self._producer.init_transactions()
        except BaseException:
            self.close()
            raise

    @property
    def largest(self) -> int:
        """Largest value (with key and headers) that can be sent."""
        return self._message_bytes

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._began_s is not None

    @property
    def is_committing(self) -> bool:
        """Whether a commit is under way that :meth:`finish_commit` would have to wait for."""
        # past its time a commit is no longer waited for: an outcome unknown must be heard of without more input
        until_s = self._waiting_until_s
        return until_s is not None and not self._watchdog.done and time.monotonic() < until_s

    def begin(self) -> None:
        """Open a transaction."""
        self._require(opened=False)
        self._guard(self._producer.begin_transaction)
        self._began_s = time.monotonic()

    def send(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Sent:
        """Add one message a value, in order; naming the partition is the fastest.

        What comes back says, once the transaction is committed, where the last of them is.

        Raises
        ------
        SinkError
            When a value is larger than :attr:`largest`: nothing of the call is sent then, and the transaction
            can go on.
        """
        self._require(opened=True)
        most = self._message_bytes
        if values and max(map(len, filter(None, values)), default=0) > most:
            size = max(len(v) for v in values if v is not None)
            raise SinkError(
                f"topic {topic}: a message of {size} bytes, the limit is {most}. Split or drop it."
            )
        send = self._producer.send
        listed = list(headers) if headers else None

        def work() -> Any:
            future = None
            if keys is None:
                for value in values:
                    # without a value a key is needed
                    future = send(topic, value, b"" if value is None else None, listed, partition)
            else:
                for key, value in zip(keys, values, strict=True):
                    future = send(topic, value, key, listed, partition)
            return future

        return Sent(self._guard(work))

    def send_message(self, message: Message) -> None:
        """Add a message with all it has; its offset says nothing, partition -1 is chosen by the key."""
        self._require(opened=True)
        partition = message.partition if message.partition >= 0 else None
        stamp = message.timestamp_ms if message.timestamp_ms >= 0 else None
        key = b"" if message.key is None and message.value is None else message.key
        headers = [(name, value or b"") for name, value in message.headers]
        args = (message.topic, message.value, key, headers, partition, stamp)
        self._guard(lambda: self._producer.send(*args))

    def commit(self, offsets: Mapping[Place, Offset] | None = None, membership: Any = None) -> None:
        """Make outputs and offsets visible together; on return that is decided, and done a moment later.

        Parameters
        ----------
        offsets : mapping of Place to Offset
            Where each input goes on: one after the last message used.
        membership : ConsumerGroupMetadata
            From ``partition.membership()``, taken now.

        Raises
        ------
        Fenced
            Somebody else has taken over.
        OutcomeUnknown
            The broker did not say in time.
        TransactionFailed
            Anything else, a transaction that was open too long among it.
        """
        self.start_commit(offsets, membership)
        self.finish_commit()

    def start_commit(self, offsets: Mapping[Place, Offset] | None = None, membership: Any = None) -> None:
        """Begin a commit and return: the next batch can be learnt, but not sent, meanwhile."""
        self._require(opened=True)
        kafka = client()
        if offsets and getattr(membership, "group_id", None) is None:
            raise SpecError("offsets are committed for a group: make the source with the name of one.")
        at = {
            kafka.TopicPartition(*place): kafka.OffsetAndMetadata(o.offset, to_metadata(o), -1)
            for place, o in (offsets or {}).items()
        }

        def work() -> None:
            if at:
                self._producer.send_offsets_to_transaction(at, membership)
            self._producer.commit_transaction()

        self._waiting_until_s = time.monotonic() + self._timeout_s
        self._watchdog.start(work)

    def finish_commit(self, deadline_s: float = float("inf")) -> None:
        """Wait for the commit begun last, until `deadline_s` on the monotonic clock; raises as :meth:`commit`."""
        if self._failure is not None:
            raise self._failure
        if self._waiting_until_s is None:
            raise commit_not_begun()
        until_s, self._waiting_until_s = min(self._waiting_until_s, deadline_s), None
        self._finish(until_s)
        self._began_s = None

    def abort(self) -> None:
        """Drop what was sent since :meth:`begin`; nothing when no transaction is open."""
        if self._began_s is None:
            return
        self._require(opened=True)
        self._watchdog.start(self._producer.abort_transaction)
        self._finish(time.monotonic() + self._timeout_s)
        self._began_s = None

    def close(self) -> None:
        """Give up the producer; an open transaction is never committed. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._failure is None and self._began_s is not None and self._waiting_until_s is None:
            with contextlib.suppress(SinkError):
                self.abort()
        self._watchdog.close()
        close_producer(self._producer, 0.0 if self._failure else 2.0)

    def _require(self, opened: bool) -> None:
        if self._failure is not None:
            raise self._failure
        if self._waiting_until_s is not None:
            raise SinkError("a commit is under way. Call finish_commit first.")
        if opened != (self._began_s is not None):
            raise SinkError(
                "no transaction is open. Call begin first." if opened else "a transaction is open."
            )

    def _finish(self, until_s: float) -> None:
        done = self._watchdog.finish(until_s - time.monotonic())
        if done is None:
            self._failure = OutcomeUnknown(
                f"{self.transactional_id}: the broker did not say within {self._timeout_s:.0f} s what became "
                "of the transaction. Drop the state, take the transactional id over and read the committed "
                "offset."
            )
            raise self._failure
        good, error = done
        if not good:
            self._guard(lambda: _raise(error))

    def _guard(self, work: Callable[[], Any]) -> Any:
        """Do it; whatever fails is the end of this producer."""
        try:
            return work()
        except Exception as error:
            self._failure = self._verdict(error)
            raise self._failure from error

    def _verdict(self, error: Exception) -> SinkError:
        cause = root_cause(error)
        name = type(cause).__name__
        text = f"{self.transactional_id}: {words(cause)}"
        open_s = 0.0 if self._began_s is None else time.monotonic() - self._began_s
        if open_s > self._open_s:
            return TransactionFailed(
                f"{text}: the transaction was open for {open_s:.0f} s, the limit is {self._open_s:.0f} s. "
                "Commit more often, or raise the limit; recover from the committed offset."
            )
        if name in _FENCED:
            return Fenced(f"{text}: somebody else has taken over. Drop the state and give the partition up.")
        if name in _UNKNOWN:
            return OutcomeUnknown(f"{text}. Take the transactional id over and read the committed offset.")
        return TransactionFailed(f"{text}. Drop the state and recover from the committed offset.")


def _raise(error: BaseException) -> None:
    raise error
