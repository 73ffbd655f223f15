"""What the Kafka client costs: the bare exactly-once loop beside the connector's, one partition, one process."""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from streamnn_connectors.kafka import (
    Encoding,
    KafkaAdmin,
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Place,
)
from streamnn_connectors.kafka._client import client, close_producer, make_consumer, make_producer

FEATURES = 10
ARROW_ROWS = 512
_count = itertools.count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", help="host:port of a broker; topics are made and deleted again")
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument(
        "--batch", type=int, nargs="*", default=[500, 2000, 8000], help="events a transaction"
    )
    args = parser.parse_args()
    settings = KafkaSettings(bootstrap_servers=args.servers)
    stamp = f"bench-{int(time.time())}"
    names = [f"{stamp}-{what}" for what in ("json", "arrow", "out")]
    with KafkaAdmin(settings) as admin:
        for name in names:
            admin.create(name)
        try:
            run(settings, args.events, args.batch, *names)
        finally:
            for name in names:
                admin.delete(name)


def run(
    settings: KafkaSettings, events: int, batches: list[int], json_topic: str, arrow_topic: str, out: str
) -> None:
    rng = random.Random(1)
    rows = [{f"feature_{i}": rng.gauss(0, 1) for i in range(FEATURES)} for _ in range(1000)]
    fill(settings, json_topic, [json.dumps(rows[i % 1000]).encode() for i in range(events)])
    table = pa.Table.from_pylist(rows[:ARROW_ROWS])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    fill(settings, arrow_topic, [sink.getvalue().to_pybytes()] * (4 * events // ARROW_ROWS))

    print(f"{'loop':44} {'events a txn':>12} {'k/s wall':>9} {'k/s cpu':>8}")
    packed = Encoding(rows=100)
    for size in batches:
        show("bare: JSON in, JSON out", size, lambda n=size: bare(settings, json_topic, out, events, n))
        show(
            "connector: JSON in, JSON out",
            size,
            lambda n=size: ours(settings, json_topic, out, events, n, Encoding()),
        )
        show(
            "connector: JSON in, 100 a JSON message out",
            size,
            lambda n=size: ours(settings, json_topic, out, events, n, packed),
        )
    for messages in (8, 32):
        size, total = messages * ARROW_ROWS, 4 * events // ARROW_ROWS * ARROW_ROWS
        encoding = Encoding("arrow", rows=ARROW_ROWS)
        show(
            "connector: Arrow in, Arrow out",
            size,
            lambda n=size, t=total, e=encoding: ours(settings, arrow_topic, out, t, n, e, "arrow"),
        )
    decode_cost(rows)


def show(name: str, size: int, loop: Callable[[], int]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    count = loop()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{name:44} {size:12,} {count / wall / 1000:9.1f} {count / cpu / 1000:8.1f}", flush=True)


def fill(settings: KafkaSettings, topic: str, values: list[bytes]) -> None:
    producer = make_producer(settings, linger_ms=5, batch_size=1 << 17)
    for value in values:
        producer.send(topic, value, None, None, 0)
    producer.flush(120)
    close_producer(producer)


def bare(settings: KafkaSettings, topic: str, out: str, events: int, size: int) -> int:
    """Consume, decode, encode and produce in transactions, with nothing around it."""
    kafka = client()
    tp = kafka.TopicPartition(topic, 0)
    consumer = make_consumer(settings, group_id=f"bare-{next(_count)}", max_poll_records=500)
    producer = make_producer(settings, transactional_id=f"{out}-bare", batch_size=1 << 17)
    names = {f"feature_{i}": float for i in range(FEATURES)}
    row = msgspec.defstruct("Row", list(names.items()))
    decode, encode = msgspec.json.Decoder(row).decode, msgspec.json.Encoder().encode
    consumer.assign([tp])
    consumer.seek(tp, 0)
    producer.init_transactions()
    done = 0
    for records in chunks(consumer, tp, events, size):
        producer.begin_transaction()
        for r in records:
            value = decode(r.value)
            text = encode(
                {"position": r.offset, "prediction": "a", "probability": value.feature_0, "surprise": 0.5}
            )
            producer.send(out, text, None, None, 0)
        at = {tp: kafka.OffsetAndMetadata(records[-1].offset + 1, "", -1)}
        producer.send_offsets_to_transaction(at, consumer.group_metadata())
        producer.commit_transaction()
        done += len(records)
    consumer.close(autocommit=False)
    close_producer(producer)
    return done


def chunks(consumer: Any, tp: Any, events: int, size: int) -> Iterator[list[Any]]:
    have: list[Any] = []
    left = events
    while left:
        while len(have) < min(size, left):
            have += consumer.poll(timeout_ms=100).get(tp, [])
        yield have[: min(size, left)]
        left, have = left - min(size, left), have[min(size, left) :]


def ours(
    settings: KafkaSettings,
    topic: str,
    out: str,
    events: int,
    size: int,
    encoding: Encoding,
    format: Any = "json",
) -> int:
    """The same through the connector, predictions being columns that are there already."""
    source = KafkaSource(settings, topic, f"ours-{next(_count)}", format=format)
    output = KafkaTransaction(settings, f"{out}-ours")
    partition = source.open("0")
    done = 0
    while done < events:
        rows = 0
        output.begin()
        while rows < min(size, events - done):
            batch = partition.next_batch(min(size, events - done) - rows)
            assert batch is not None
            n = len(batch.position)
            if n == 0:
                partition.wait(1)
                continue
            columns = {
                "position": batch.position,
                "prediction": np.full(n, "a", object),
                "probability": np.round(batch.rows.column("feature_0").to_numpy(), 6),
                "surprise": np.full(n, 0.5),
            }
            output.send(out, encoding.encode(columns).values, partition=0)
            rows += n
        output.commit({Place(topic, 0): partition.offset(partition.resume)}, partition.membership())
        done += rows
    output.close()
    source.close()
    return done


def decode_cost(rows: list[dict[str, float]]) -> None:
    from streamnn_connectors.kafka._json_values import JsonValues

    values, texts = JsonValues({}, 1 << 20, 1000), [json.dumps(row).encode() for row in rows]
    at = np.arange(len(texts))
    best = min(_timed(lambda: values.decode(texts, at)) for _ in range(20))
    print(f"decode JSON to columns, {FEATURES} features: {best / len(texts) * 1e6:.2f} us an event")


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
