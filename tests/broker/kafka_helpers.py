"""Small things that several tests of Kafka need."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamnn_connectors import Batch
from streamnn_connectors.kafka import (
    KafkaOffsets,
    KafkaPartition,
    KafkaSettings,
    KafkaTransaction,
    Message,
    Offset,
    Place,
    read_messages,
)
from streamnn_connectors.kafka._client import client, make_consumer


def produce(
    settings: KafkaSettings,
    topic: str,
    values: Iterable[bytes | None],
    keys: Sequence[bytes | None] | None = None,
    headers: Sequence[tuple[str, bytes]] | None = None,
    partition: int | None = 0,
    **options: Any,
) -> None:
    """Write messages without a transaction."""
    from streamnn_connectors.kafka._client import close_producer, make_producer

    producer = make_producer(settings, **options)
    for i, value in enumerate(values):
        producer.send(topic, value, keys[i] if keys else None, list(headers or []), partition).add_errback(
            _raise
        )
    producer.flush(20)
    close_producer(producer)


def _raise(error: BaseException) -> None:
    raise error


def read(settings: KafkaSettings, topic: str, partition: int = 0, **options: Any) -> list[Message]:
    """All messages of a partition, those of a transaction that is decided but not yet marked among them."""
    if not options:
        _wait_for_markers(settings, Place(topic, partition))
    return list(read_messages(settings, [Place(topic, partition)], **options))


def _wait_for_markers(settings: KafkaSettings, place: Place, timeout_s: float = 2.0) -> None:
    """A commit returns when it is decided; readers see it a moment later. One that stays open is not waited for."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ends: list[int] = []
        for isolation in ("read_committed", "read_uncommitted"):
            consumer = make_consumer(settings, isolation_level=isolation)
            try:
                ends += consumer.end_offsets([client().TopicPartition(*place)]).values()
            finally:
                consumer.close(autocommit=False)
        if ends[0] == ends[1]:
            return


def values(settings: KafkaSettings, topic: str, partition: int = 0, **options: Any) -> list[bytes | None]:
    """All values of a partition."""
    return [message.value for message in read(settings, topic, partition, **options)]


def batches(
    partition: KafkaPartition, records: int, limit: int = 4096, timeout_s: float = 15.0
) -> list[Batch]:
    """Batches with so many records in all."""
    out: list[Batch] = []
    deadline = time.monotonic() + timeout_s
    count = 0
    while count < records and time.monotonic() < deadline:
        partition.wait(1.0)
        batch = partition.next_batch(min(limit, records - count))
        if batch is None:
            break
        if len(batch.position) or batch.bad:
            out.append(batch)
            count += len(batch.position) + len(batch.bad)
    assert count == records, f"{count} records within {timeout_s} s, expected {records}"
    return out


def rows(found: list[Batch]) -> list[dict[str, Any]]:
    """The rows of batches."""
    return [row for batch in found for row in batch.rows.to_pylist()]


def eventually(holds: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """The first true value within the time."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := holds():
            return value
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.02)


def committed_run(output: KafkaTransaction, topic: str, *runs: Sequence[bytes]) -> None:
    """One transaction a run."""
    for run in runs:
        output.begin()
        output.send(topic, list(run), partition=0)
        output.commit()


def committed(settings: KafkaSettings, group: str, topic: str, timeout_s: float = 30.0) -> Offset | None:
    with KafkaOffsets(settings, group, timeout_s) as offsets:
        return offsets.committed([Place(topic, 0)])[Place(topic, 0)]


@contextmanager
def child(
    settings: KafkaSettings, *args: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], str]]]:
    """A process of kafka_child.py, and a way to give it a word and have its answer."""
    path = Path(__file__).with_name("kafka_child.py")
    process = subprocess.Popen(
        [sys.executable, path, settings.where, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None

    def ask(word: str) -> str:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(word + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    try:
        assert process.stdout.readline().strip() == "ready"
        yield process, ask
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()
