"""Topics as sources."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from streamnn.errors import SourceError, SpecError

from .._blocks import position_of
from .._rows import MAX_RECORD_BYTES
from ..base import Resume, SourceInfo
from ..table import NO_KINDS, Table
from ..wanted import EVERYTHING, Wanted
from ._arrow_values import ArrowValues
from ._client import client, make_consumer
from ._door import Door
from ._fields import MessageFields
from ._json_values import JsonValues, Tombstones
from ._loop import ConsumerLoop
from ._partition import KafkaPartition
from ._watch import TopicWatch
from .admin import KafkaAdmin, TopicInfo
from .contract import ROW_BITS, Change
from .registry import SchemaRegistry
from .registry_settings import RegistrySettings
from .settings import KafkaSettings

MAX_MESSAGE_COLUMNS = 1000
"""Most fields of a message, unless told otherwise: one with more is a bad record."""


class KafkaSource:
    """A topic whose messages hold one JSON object each, one JSON array, or an Arrow table of many rows.

    With ``managed`` a consumer group shares the partitions out (cooperatively: what stays goes on), and
    :meth:`changes` says what came and went. Otherwise partitions are those that are opened, and only the
    transactional id of the sink keeps a second process out.

    JSON columns, their kinds and bad records are those of :class:`JsonLinesSource`; Arrow columns those of
    :class:`ParquetSource`, and a JSON object among Arrow messages is a row. A message in a schema registry's frame is
    read by its schema, Avro or JSON. A position is the offset or, for Arrow, ``offset << 20 | row``. Offsets that
    retention has passed, a topic that was deleted, made again or got more partitions are a SourceError within
    `check_s` (and the time of a request); nothing is ever skipped in silence.

    Parameters
    ----------
    settings : KafkaSettings
    topic : str
    group : str, optional
        The consumer group that the offsets are committed for.
    managed : bool, default False
        The group hands out the partitions.
    format : str, default "json"
        ``"json"`` or ``"arrow"``.
    columns : sequence of str, optional
        The messages are JSON arrays of these columns.
    fields : MessageFields, optional
        Columns for key, time and headers.
    kinds : mapping of str to str, optional
        What columns are, where their first values are not to decide it.
    missing : sequence of str, optional
        Texts that stand for a missing value, beside those that always do.
    wanted : Wanted
        The columns that are looked at, all by default.
    unwrap : sequence of str
        Where in an envelope the record is: paths such as ``"payload.after"``, ``"debezium"`` or ``"cloudevents"``; the
        first that is there counts. An envelope without a record is a tombstone.
    registry : RegistrySettings, optional
        Where the schemas of framed messages are. While it does not answer, batches are empty.
    tombstones : str, default "bad"
        A message without value is a bad record, a ``"row"`` without values (JSON only), or ``"skip"``.
    start : str, default "earliest"
        Where a partition opened without a token begins: ``"earliest"`` or ``"latest"``.
    until_end : bool, default False
        End at the messages there are when a partition is opened.
    isolation : str, default "read_committed"
        Or ``"read_uncommitted"``, which also shows what is aborted later.
    max_record_bytes, max_columns : int
        Messages beyond are bad records.
    session_timeout_s : float, default 10
        A member silent for so long is out of the group.
    instance_id : str, optional
        Makes the member static: back within the session time-out it has its partitions again.
    revoke_timeout_s : float, default 20
        How long a revoked partition waits for :meth:`release`.
    check_s : float, default 10
        How often the topic is looked at.
    unreachable_s : float, default 300
        No broker for so long is a SourceError.
    buffer_records, buffer_bytes : int
        Read ahead at most about so much, a partition.

    Raises
    ------
    SourceError
        When no broker answers or there is no such topic.

    Examples
    --------
    ::

        source = KafkaSource(KafkaSettings(), "events", until_end=True)
        partition = source.open("0")
        while (batch := partition.next_batch(2048)) is not None:
            ...
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        group: str | None = None,
        *,
        managed: bool = False,
        format: Literal["json", "arrow"] = "json",
        columns: Sequence[str] | None = None,
        fields: MessageFields | None = None,
        kinds: Mapping[str, str] = NO_KINDS,
        missing: Sequence[str] = (),
        wanted: Wanted = EVERYTHING,
        unwrap: Sequence[str] = (),
        registry: RegistrySettings | None = None,
        tombstones: Tombstones = "bad",
        start: Literal["earliest", "latest"] = "earliest",
        until_end: bool = False,
        isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_columns: int = MAX_MESSAGE_COLUMNS,
        session_timeout_s: float = 10.0,
        instance_id: str | None = None,
        revoke_timeout_s: float = 20.0,
        check_s: float = 10.0,
        unreachable_s: float = 300.0,
        buffer_records: int = 1 << 14,
        buffer_bytes: int = 1 << 26,
    ):
        if managed and group is None:
            raise SpecError(f"topic {topic}: managed needs the name of a group.")
        if format == "arrow" and (columns is not None or tombstones == "row"):
            raise SpecError(f"topic {topic}: columns and tombstones='row' go with JSON, not with Arrow.")
        if unwrap and (format == "arrow" or columns is not None):
            raise SpecError(
                f"topic {topic}: unwrap goes with JSON or Avro objects, not with arrays or Arrow."
            )
        self.settings, self.topic, self.group, self.managed = settings, topic, group, managed
        self.arrow = format == "arrow"
        self._columns = columns
        self._fields = fields or MessageFields()
        self._kinds, self._missing = kinds, missing
        self._wanted, self._unwrap = wanted, tuple(unwrap)
        self._registry = None if registry is None else SchemaRegistry(registry, unreachable_s)
        self._tombstones: Tombstones = tombstones
        self._start, self._until_end = start, until_end
        self._limits = (max_record_bytes, max_columns)
        self._consumer_options = {
            "group_id": group,
            "isolation_level": isolation,
            # reading ahead is the loop's: of one broker small polls give more than large ones
            "max_poll_records": 500,
        }
        if managed:
            self._consumer_options |= _group_options(session_timeout_s, instance_id, revoke_timeout_s)
        self._loop_options = (buffer_records, buffer_bytes, revoke_timeout_s)
        self._watch_options = (check_s, unreachable_s)
        self._loop: ConsumerLoop | None = None
        self._watch: TopicWatch | None = None
        self._making = threading.Lock()
        with KafkaAdmin(settings) as admin:
            self._info: TopicInfo = admin.describe(topic)

    def info(self) -> SourceInfo:
        """Name, and what the cluster says of the topic."""
        info = self._info
        return SourceInfo(
            self.topic, None, {"topic_id": info.identity, "partitions": info.partitions, "group": self.group}
        )

    def partitions(self) -> list[str]:
        """All of the topic's or, managed, those assigned to us now."""
        if self.managed:
            return [str(p) for p in self._reader().ownership.partitions()]
        return [str(p) for p in range(self._info.partitions)]

    def open(self, partition: str, resume: Resume | None = None) -> KafkaPartition:
        """Begin at `start`, or where the token says: position alone is enough, kinds are found again then."""
        number = self._number(partition)
        position = None if resume is None else position_of(self.topic, resume)
        table = Table(self._kinds, self._missing)
        table.load(() if resume is None else resume.get("kinds", ()))
        shift = ROW_BITS if self.arrow else 0

        def find_start(consumer: Any, tp: Any) -> tuple[int, int | None]:
            if position is None:
                look = consumer.beginning_offsets if self._start == "earliest" else consumer.end_offsets
                begin = look([tp])[tp]
            else:
                begin = position >> shift
            return begin, consumer.end_offsets([tp])[tp] if self._until_end else None

        loop = self._reader()
        slot = loop.open(number, find_start)
        values: JsonValues | ArrowValues
        if self.arrow:
            values = ArrowValues(table, self._limits[1], self._wanted)
        else:
            door = Door(self._unwrap, self._registry, self._limits[0])
            values = JsonValues(table, *self._limits, self._columns, self._wanted, door, self._tombstones)
        at = slot.position << shift if position is None else position
        return KafkaPartition(loop, number, slot, values, self._fields, self._tombstones, at)

    @property
    def joined(self) -> bool:
        """Managed: whether the group has said what is ours, be it nothing. Partitions that are, came in a change before."""
        return self._reader().joined

    def changes(self) -> list[Change]:
        """What came and went since the last call; never blocks. SourceError when reading has ended."""
        loop = self._reader()
        loop.check()
        return loop.ownership.changes()

    def release(self, partitions: Sequence[str]) -> None:
        """Revoked partitions are committed, saved and closed: the next owner may have them."""
        self._reader().ownership.release([int(p) for p in partitions])

    def wait(self, timeout_s: float) -> bool:
        """Until any open partition has something, or partitions change; False when time is up."""
        return self._reader().wait(None, timeout_s)

    def close(self) -> None:
        """Leave the group and give up sockets and threads. Safe to call twice."""
        with self._making:
            if self._watch is not None:
                self._watch.close()
            if self._loop is not None:
                self._loop.close()
            self._watch = self._loop = None

    def _reader(self) -> ConsumerLoop:
        """The consumer, made on first use: until then nothing is joined. Partitions are opened on threads of their own."""
        with self._making:
            if self._loop is None:
                consumer = make_consumer(self.settings, **self._consumer_options)
                loop = ConsumerLoop(consumer, self.settings, self.topic, self.managed, *self._loop_options)
                self._watch = TopicWatch(self.settings, self._info, *self._watch_options, loop.fail)
                self._loop = loop
            return self._loop

    def _number(self, partition: str) -> int:
        if not partition.isdecimal() or int(partition) >= self._info.partitions:
            raise SourceError(
                f"{self.topic} has no partition {partition!r}. It has {self._info.partitions}: '0' and so on."
            )
        return int(partition)


def _group_options(session_s: float, instance_id: str | None, revoke_s: float) -> dict[str, Any]:
    client()
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

    return {
        "partition_assignment_strategy": (CooperativeStickyAssignor,),
        "session_timeout_ms": int(session_s * 1000),
        # a rebalance is heard of by a heartbeat: two of them are what one takes
        "heartbeat_interval_ms": int(min(1.0, session_s / 5) * 1000),
        # the thread polls all the time but while it holds revoked partitions
        "max_poll_interval_ms": int(max(60.0, 3 * revoke_s, session_s) * 1000),
        "group_instance_id": instance_id,
    }
