"""One consumer, polled on a thread of its own, so that no long step of the job starves the group."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from streamnn.errors import SourceError

from ._client import client, close_consumer, words
from ._ownership import Ownership, listener
from ._slots import Slot
from ._trouble import expired, failed, taken, truncated, unreadable
from .settings import KafkaSettings

_LOOP_POLL_MS = 20
"""Milliseconds of a poll: for so long a command to the loop may wait."""
_JOIN_MS = 1000
_CALL_S = 60.0


class ConsumerLoop:
    """Polls a consumer and keeps what it gives, a bounded amount a partition.

    The thread alone touches the consumer: others leave calls for it. It goes on polling whatever the job
    does, so a long step never gets the member out of its group; a full buffer pauses its partition.

    Parameters
    ----------
    consumer : KafkaConsumer
    settings : KafkaSettings
    topic : str
    managed : bool
        The group hands out partitions; otherwise they are those that are opened.
    buffer_records, buffer_bytes : int
        A partition with more waiting is paused.
    revoke_timeout_s : float
        How long a revoked partition is held for its job.
    """

    def __init__(
        self,
        consumer: Any,
        settings: KafkaSettings,
        topic: str,
        managed: bool,
        buffer_records: int,
        buffer_bytes: int,
        revoke_timeout_s: float,
    ):
        self.topic = topic
        self.managed = managed
        self._consumer = consumer
        self._where = settings.where
        self._most = (buffer_records, buffer_bytes)
        self._lock = threading.Condition(threading.RLock())
        self._slots: dict[int, Slot] = {}
        self.ownership = Ownership(topic, self._lock, revoke_timeout_s, self._forget)
        self._resume: set[int] = set()
        self._failure: SourceError | None = None
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing = False
        self.joined = False
        """Whether the group has said what is ours."""
        if managed:
            consumer.subscribe(
                [topic], listener=listener(self._hold, self.ownership, self._slots.__contains__)
            )
        self._thread = threading.Thread(target=self._run, name=f"streamnn-{topic}", daemon=True)
        self._thread.start()

    # what the job's thread calls

    def call(self, work: Callable[[Any], Any]) -> Any:
        """`work` with the consumer, done by the thread between two polls."""
        done = threading.Event()
        result: list[tuple[bool, Any]] = []

        def run() -> None:
            try:
                result.append((True, work(self._consumer)))
            except Exception as error:
                result.append((False, error))
            done.set()

        self._calls.put(run)
        if not self._thread.is_alive() or not done.wait(_CALL_S):
            raise self._failure or SourceError(
                f"{self.topic}: Kafka at {self._where} did not answer within {_CALL_S:.0f} s."
            )
        good, value = result[0]
        if good:
            return value
        if isinstance(value, client().errors.KafkaError):
            raise SourceError(f"{self.topic}: {words(value)}") from value
        raise value

    def open(self, partition: int, find_start: Callable[[Any, Any], tuple[int, int | None]]) -> Slot:
        """Begin to read a partition where `find_start` (of the consumer and the partition) says."""
        tp = self._tp(partition)

        def start(consumer: Any) -> Slot:
            position, end = find_start(consumer, tp)
            backlog = consumer.end_offsets([tp])[tp] if end is None else end
            if not self.managed:
                consumer.assign([*consumer.assignment(), tp])
                self.ownership.own([partition], tell=False)
            with self._lock:
                epoch = self.ownership.epoch(partition)
                if epoch is None:
                    raise SourceError(
                        f"{self.topic}: partition {partition} is not assigned to this member. Open it when "
                        "it is."
                    )
                slot = self._slots[partition] = Slot(position, end, epoch, backlog)
            consumer.seek(tp, position)
            consumer.resume(tp)
            return slot

        return self.call(start)

    def shut(self, partition: int, slot: Slot) -> None:
        """Read the partition no more."""
        with self._lock:
            if self._slots.get(partition) is not slot:
                return
            del self._slots[partition]
        if not self.managed:
            self.ownership.drop(partition)

        def stop() -> None:
            assignment = self._consumer.assignment()
            tp = self._tp(partition)
            if partition in self._slots or tp not in assignment:
                return
            if self.managed:
                self._consumer.pause(tp)
            else:
                self._consumer.assign([other for other in assignment if other != tp])

        self._calls.put(stop)

    def take(self, partition: int, slot: Slot, limit: int) -> list[Any]:
        """At most `limit` records that are there now."""
        with self._lock:
            records = slot.take(limit)
            if slot.paused and slot.count < self._most[0] // 2 and slot.bytes < self._most[1] // 2:
                slot.paused = False
                self._resume.add(partition)
            if not records:
                failure = slot.failure or self._failure
                if failure is not None:
                    raise failure
        return records

    def wait(self, slot: Slot | None, timeout_s: float) -> bool:
        """Until there is something to read of `slot` (of any, when None), a change, or a failure."""

        def ready() -> bool:
            slots = self._slots.values() if slot is None else [slot]
            return self.ownership.changed or self._failure is not None or any(s.ready for s in slots)

        with self._lock:
            return self._lock.wait_for(ready, timeout_s)

    def check(self) -> None:
        """Raise what made the reading end."""
        if self._failure is not None:
            raise self._failure

    def membership(self, partition: int, slot: Slot) -> Any:
        """Proof that the partition is ours, or Fenced."""
        # first the proof, then the check: a proof of a later membership never goes with an older ownership
        proof = self._consumer.group_metadata()
        self.ownership.require(partition, slot.epoch, proof, self.managed)
        return proof

    def fail(self, error: SourceError) -> None:
        """Every partition ends with `error` once what was read before is taken."""
        with self._lock:
            self._failure = self._failure or error
            self._lock.notify_all()

    def close(self) -> None:
        """Leave the group and give up the sockets. Safe to call twice."""
        self._closing = True
        self.ownership.drop()
        if self._thread.is_alive():
            self._thread.join(10)

    # what the thread does

    def _run(self) -> None:
        errors = client().errors
        try:
            while not self._closing:
                self._obey()
                if self._failure is not None:
                    time.sleep(_LOOP_POLL_MS / 1000)
                    continue
                try:
                    polled = self._poll()
                except errors.OffsetOutOfRangeError as error:
                    self._out_of_range(error)
                except errors.LogTruncationError as error:
                    self.fail(truncated(self.topic, error))
                except errors.RetriableError:
                    time.sleep(_LOOP_POLL_MS / 1000)
                except (errors.CorruptRecordError, UnicodeDecodeError) as error:
                    self.fail(unreadable(self.topic, self._consumer, error))
                except errors.KafkaError as error:
                    self.fail(failed(self.topic, error))
                else:
                    self._keep(polled)
                # as long as there is no poll the rebalance does not go on; heartbeats do
                while self.ownership.held(_LOOP_POLL_MS / 1000) and not self._closing:
                    self._obey()
        except BaseException as error:  # a thread that dies in silence would look like a quiet topic
            self.fail(failed(self.topic, error))
        finally:
            close_consumer(self._consumer, 5.0)

    def _obey(self) -> None:
        while not self._calls.empty():
            self._calls.get()()
        with self._lock:
            resume, self._resume = self._resume, set()
        for partition in resume:
            if self._tp(partition) in self._consumer.assignment():
                self._consumer.resume(self._tp(partition))

    def _poll(self) -> dict[Any, list[Any]]:
        consumer = self._consumer
        if not self.managed and not consumer.assignment():
            time.sleep(_LOOP_POLL_MS / 1000)
            return {}
        # a join that ends between two polls is thrown away and begun again: stay inside until it is done
        joining = self.managed and not self._stable()
        polled = consumer.poll(timeout_ms=_JOIN_MS if joining else _LOOP_POLL_MS)
        if self.managed and not self.joined:
            self.joined = self._stable()
        return polled

    def _stable(self) -> bool:
        return bool(self._consumer.group_metadata().state == "<stable>")

    def _keep(self, polled: dict[Any, list[Any]]) -> None:
        consumer = self._consumer
        assignment = consumer.assignment()
        reading = [(p, s, tp) for p, s in list(self._slots.items()) if (tp := self._tp(p)) in assignment]
        with self._lock:
            for partition, slot, tp in reading:
                if records := polled.get(tp):
                    slot.add(records)
                    if slot.ended:
                        consumer.pause(tp)
                    elif slot.count >= self._most[0] or slot.bytes >= self._most[1]:
                        slot.paused = True
                        self._resume.discard(partition)
                        consumer.pause(tp)
                slot.highwater = consumer.highwater(tp) or slot.highwater
            self._lock.notify_all()
        for _, slot, tp in reading:
            if slot.reached < slot.backlog:
                slot.reached = consumer.position(tp) or slot.reached
            # the last messages may be markers and aborted ones, which are never handed out
            if slot.end is not None and not slot.ended and (consumer.position(tp) or 0) >= slot.end:
                with self._lock:
                    slot.ended = True
                    self._lock.notify_all()

    def _out_of_range(self, error: Any) -> None:
        for tp, offset in error.args[0].items():
            with self._lock:
                if tp.partition in self._slots:
                    self._slots[tp.partition].failure = expired(tp.topic, tp.partition, offset)
                self._lock.notify_all()
            self._consumer.pause(tp)

    def _hold(self, partitions: list[int]) -> None:
        """New partitions wait, paused, until they are opened at the right place."""
        for partition in partitions:
            # with a position of any kind the consumer looks for no committed one, and does not fail without
            self._consumer.seek(self._tp(partition), 0)
            self._consumer.pause(self._tp(partition))

    def _forget(self, partition: int) -> None:
        slot = self._slots.pop(partition, None)
        if slot is not None:
            slot.revoking = True  # what is left of it is not handed out any more
            slot.failure = taken(self.topic, partition)

    def _tp(self, partition: int) -> Any:
        return client().TopicPartition(self.topic, partition)
