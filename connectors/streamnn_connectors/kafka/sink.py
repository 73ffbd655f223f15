"""Topics as sinks, without transactions."""

from __future__ import annotations

from typing import Any, Literal

from streamnn.errors import SinkError

from .._columns import Columns, check_lengths, check_positions
from ._client import close_producer, in_our_words, make_producer, words
from .contract import Place
from .encoding import Encoding
from .offsets import KafkaOffsets
from .reading import read_messages
from .settings import KafkaSettings

POSITION = "streamnn-position"
SOURCE = "streamnn-source"
_TAIL = 1000


class KafkaSink:
    """Writes outputs to one partition of a topic, for brokers without transactions. Keeps the Sink contract.

    Every message has the headers ``streamnn-source`` and ``streamnn-position`` (of its last row), by which
    readers drop what comes twice.

    Parameters
    ----------
    settings : KafkaSettings
    topic : str
    partition : int, default 0
    mode : str, default "at-least-once"
        ``"at-least-once"``: `flush` returns when all replicas have everything, and after a crash the job goes
        on behind the last message of its own that it finds; one or more messages may come twice. ``"plain"``:
        the leader alone confirms, losses are only counted, and after a crash nothing is looked up.
    source : str
        Whose outputs these are: the input topic and partition.
    encoding : Encoding, optional
    compression : str, optional
    timeout_s : float, default 30
        For `flush` and `close` where they are given none.

    Examples
    --------
    ::

        sink = KafkaSink(settings, "predictions", source="events/0")
        sink.write([{"position": 0, "p": 0.5}])
        sink.flush()
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        partition: int = 0,
        *,
        mode: Literal["at-least-once", "plain"] = "at-least-once",
        source: str = "",
        encoding: Encoding | None = None,
        compression: str | None = None,
        timeout_s: float = 30.0,
    ):
        self.mode = mode
        self.lost = 0
        self.oversize = 0
        self._settings = settings
        self._topic, self._partition = topic, partition
        self._source = source.encode()
        self._encoding = encoding or Encoding()
        self._timeout_s = timeout_s
        self._failure: BaseException | None = None
        self._closed = False
        sure = mode == "at-least-once"
        self._producer = make_producer(
            settings,
            acks="all" if sure else 1,
            enable_idempotence=sure,
            compression_type=compression,
            max_block_ms=int(timeout_s * 1000),
            max_request_size=self._encoding.largest + 4096,
            linger_ms=0 if sure else 5,
        )
        try:
            self._last = self._find_last() if sure else -1
        except BaseException:
            self.close()
            raise
        self._flushed = self._last

    def committed(self) -> int:
        """Position of the last record that all replicas have, -1 when none is known."""
        return self._flushed

    def write(self, records: list[dict[str, Any]]) -> None:
        """Append records; each has an int ``position``, never decreasing."""
        last = check_positions([r.get("position") for r in records], self._last, self._topic)
        if records:
            names = dict.fromkeys(name for r in records for name in r)
            if all(len(r) == len(names) for r in records):
                self._send({name: [r[name] for r in records] for name in names})
            else:
                for r in records:
                    self._send({name: [value] for name, value in r.items()})
        self._last = last

    def write_columns(self, columns: Columns) -> None:
        """The same, as columns."""
        if check_lengths(columns, self._topic):
            last = check_positions(columns["position"], self._last, self._topic)
            self._send(columns)
            self._last = last

    def flush(self, timeout_s: float | None = None) -> None:
        """On return everything is with the brokers (plain: has been tried). SinkError when it can't be in time."""
        with in_our_words(self._settings, SinkError):
            self._producer.flush(self._timeout_s if timeout_s is None else timeout_s)
        if self._failure is not None and self.mode == "at-least-once":
            raise SinkError(
                f"topic {self._topic}: a message was not taken: {words(self._failure)}. Go on from the last checkpoint."
            )
        self._flushed = self._last

    def close(self) -> None:
        """Flush and give up the producer. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            if hasattr(self, "_flushed"):
                self.flush()
        finally:
            close_producer(self._producer)

    def _send(self, columns: Columns) -> None:
        encoded = self._encoding.encode(columns)
        self.oversize += len(encoded.oversize)
        send, topic, partition = self._producer.send, self._topic, self._partition
        with in_our_words(self._settings, SinkError):
            for value, last in zip(encoded.values, encoded.last, strict=True):
                headers = [(SOURCE, self._source), (POSITION, b"%d" % last)]
                send(topic, value, None, headers, partition).add_errback(self._failed)

    def _failed(self, error: BaseException) -> None:
        self._failure = error
        self.lost += 1

    def _find_last(self) -> int:
        """Position in the last message of this source among the last of the partition."""
        place = Place(self._topic, self._partition)
        with KafkaOffsets(self._settings, f"streamnn-look-{self._topic}") as offsets:
            first, end = offsets.beginning([place])[place], offsets.end([place])[place]
        # most often the last message is ours; others may write here as well
        for back in (10, _TAIL):
            start = max(first, end - back)
            found = -1
            for message in read_messages(self._settings, [place], {place: start}):
                if message.header(SOURCE) == self._source:
                    found = max(found, int(message.header(POSITION) or -1))
            if found >= 0 or start == first:
                return found
        return -1
