"""What a job over Kafka costs: beside the bare exactly-once loop in one run, and how late its predictions are."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _one_core import one_core

sys.path.append(str(Path(__file__).parents[1] / "tests" / "broker"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "servers", nargs="?", help="host:port of a broker; by default a private one of KAFKA_HOME"
    )
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["rates", "latency"], help="leave the other part out")
    parser.add_argument("--latency-s", type=float, default=20.0, help="seconds of the latency run")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    broker = None
    if args.servers is None:
        from kafka_broker import PrivateBroker

        broker = PrivateBroker(Path(os.environ["KAFKA_HOME"]).resolve())
    cores = os.sched_getaffinity(0)
    one_core()
    try:
        figures = run(
            args.servers or broker.bootstrap, args.events, args.rounds, args.latency_s, args.only, cores
        )  # type: ignore[union-attr]
    finally:
        if broker is not None:
            broker.stop()
    if args.json is not None:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def run(
    servers: str, events: int, rounds: int, latency_s: float, only: str | None, cores: set[int]
) -> dict[str, Any]:
    import pyarrow as pa
    from kafka_client import ARROW_ROWS, FEATURES, bare, fill

    from streamnn_connectors.kafka import KafkaAdmin, KafkaSettings

    settings = KafkaSettings(bootstrap_servers=servers, connect_timeout_s=30)
    stamp = f"bench-{int(time.time())}"
    topics = {what: f"{stamp}-{what}" for what in ("json", "arrow", "volume", "out", "live", "predictions")}
    rng = random.Random(1)
    rows: list[dict[str, Any]] = [
        {f"feature_{i}": rng.gauss(0, 1) for i in range(FEATURES)} for _ in range(1000)
    ]
    for row in rows:
        row["y"] = int(row["feature_0"] + row["feature_1"] > 0)
    # seconds of each, so that starting does not count
    arrow_events = {
        what: times * events // ARROW_ROWS * ARROW_ROWS for what, times in (("arrow", 6), ("volume", 30))
    }
    figures: dict[str, Any] = {"events": events, "rounds": rounds}
    with KafkaAdmin(settings) as admin:
        for topic in topics.values():
            admin.create(topic)
        try:
            fill(settings, topics["json"], [json.dumps(rows[i % 1000]).encode() for i in range(events)])
            sink = pa.BufferOutputStream()
            table = pa.Table.from_pylist(rows[:ARROW_ROWS])
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            for topic, count in arrow_events.items():
                fill(settings, topics[topic], [sink.getvalue().to_pybytes()] * (count // ARROW_ROWS))
            runs: dict[str, tuple[int, Callable[[], tuple[float, float]]]] = {}
            for size in (2000, 8000):
                base = {"batch_events": size, "batch_delay_s": 1.0}
                runs[f"bare loop, {size:,} a transaction"] = (
                    events,
                    timed(lambda n=size: bare(settings, topics["json"], topics["out"], events, n)),
                )
                runs[f"job: JSON in, pool, JSON out, {size:,}"] = (
                    events,
                    lambda b=base: job(settings, topics, "json", False, **b),
                )
                runs[f"job: the same, 100 predictions a message, {size:,}"] = (
                    events,
                    lambda b=base: job(settings, topics, "json", False, **b, output_rows=100),
                )
            arrow = {
                "format": "arrow",
                "output_format": "arrow",
                "output_rows": ARROW_ROWS,
                "batch_delay_s": 1.0,
            }
            for what, net, topic in (("pool", False, "arrow"), ("one network", True, "volume")):
                runs[f"job: Arrow in, {what}, Arrow out, {32 * ARROW_ROWS:,}"] = (
                    arrow_events[topic],
                    lambda n=net, t=topic: job(settings, topics, t, n, **arrow, batch_events=32 * ARROW_ROWS),
                )
            if only != "latency":
                table_of(runs, rounds, figures)
            if only != "rates":
                os.sched_setaffinity(0, cores)
                figures["latency"] = latency(settings, topics, rows, latency_s)
        finally:
            for topic in topics.values():
                admin.delete(topic)
    return figures


def table_of(
    runs: dict[str, tuple[int, Callable[[], tuple[float, float]]]], rounds: int, figures: dict[str, Any]
) -> None:
    """Every run once a round, in turn; the median of each is shown."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (events, once) in runs.items():
            wall, cpu = once()
            found[name].append((events / wall, events / cpu))
            print(
                f"  {name:52} {events / wall / 1000:8.1f} {events / cpu / 1000:8.1f}",
                file=sys.stderr,
                flush=True,
            )
    print(f"{'':52} {'k/s wall':>8} {'k/s cpu':>8}")
    for name, each in found.items():
        wall, cpu = (sorted(values)[len(values) // 2] for values in zip(*each, strict=True))
        figures[name] = {"per_s": wall, "per_cpu_s": cpu}
        print(f"{name:52} {wall / 1000:8.1f} {cpu / 1000:8.1f}", flush=True)


def timed(work: Callable[[], Any]) -> Callable[[], tuple[float, float]]:
    def once() -> tuple[float, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        return time.perf_counter() - wall, time.process_time() - cpu

    return once


_count = 0


def job(
    settings: Any, topics: dict[str, str], source: str, network: bool, **kafka: Any
) -> tuple[float, float]:
    """Wall and CPU seconds of a job from its first record to its last commit."""
    made = make_job(settings, topics[source], topics["out"], network, until_end=True, **kafka)
    clock = _Stopwatch()
    made.audience.add(clock)
    made.run()
    return clock.seconds()


def make_job(settings: Any, source: str, out: str, network: bool, **kafka: Any) -> Any:
    from _network_learner import make_network

    from streamnn_jobs.kafka.job import KafkaJob

    return KafkaJob(job_spec(settings, source, out, **kafka), make=make_network if network else None)


def job_spec(settings: Any, source: str, out: str, **kafka: Any) -> Any:
    from streamnn_jobs.spec.load import make_spec

    global _count
    _count += 1
    return make_spec(
        {
            "source": {"topic": source},
            "label": {"column": "y"},
            "learner": {"task": "classification"},
            "kafka": {
                "connection": {"bootstrap_servers": settings.bootstrap_servers, "connect_timeout_s": 30.0},
                "group": f"{source}-{_count}",
                "predictions": out,
                "partitions": [0],
                **kafka,
            },
        }
    )


class _Stopwatch:
    """Times a job from when it is live to when it is handed over."""

    def opened(self, *args: Any) -> None:
        self._began = time.perf_counter(), time.process_time()

    def closed(self, *args: Any) -> None:
        self._ended = time.perf_counter(), time.process_time()

    def seconds(self) -> tuple[float, float]:
        return self._ended[0] - self._began[0], self._ended[1] - self._began[1]

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: None


def latency(
    settings: Any, topics: dict[str, str], rows: list[dict[str, Any]], seconds: float
) -> dict[str, Any]:
    """From the moment an event is handed to a producer until a read-committed reader has its prediction."""
    import numpy as np

    out: dict[str, Any] = {}
    print(f"{'produce -> read-committed prediction, 1,000 events/s':52} {'p50':>8} {'p90':>8} {'p99':>8} ms")
    one_latency(settings, topics, rows, seconds, 0.0)  # the broker is slow at first
    floor = np.percentile(np.array(bare_transactions(settings, topics)) * 1000, [50, 90, 99])
    print(
        f"{'a bare transaction of 20 messages':52} {floor[0]:8.1f} {floor[1]:8.1f} {floor[2]:8.1f}",
        flush=True,
    )
    out["bare_transaction"] = dict(zip(("p50_ms", "p90_ms", "p99_ms"), floor.tolist(), strict=True))
    for delay_s in (0.0, 0.02, 0.1):
        took = np.array(one_latency(settings, topics, rows, seconds, delay_s)) * 1000
        p50, p90, p99 = np.percentile(took[len(took) // 3 :], [50, 90, 99])
        name = f"batch_delay_s = {delay_s:g}"
        out[name] = {"p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "events": len(took)}
        print(
            f"{name:52} {p50:8.1f} {p90:8.1f} {p99:8.1f}   {len(took):,} of {int(seconds * 1000):,}",
            flush=True,
        )
    return out


def bare_transactions(settings: Any, topics: dict[str, str], count: int = 200) -> list[float]:
    """Seconds of transactions with 20 small messages and an offset each, one after another: the floor."""
    from streamnn_connectors.kafka._client import client, close_producer, make_consumer, make_producer

    kafka = client()
    tp = kafka.TopicPartition(topics["live"], 0)
    consumer = make_consumer(settings, group_id="floor")
    producer = make_producer(settings, transactional_id="floor")
    producer.init_transactions()
    took = []
    for i in range(count + 20):
        began = time.perf_counter()
        producer.begin_transaction()
        for _ in range(20):
            producer.send(topics["out"], b"x" * 80, None, None, 0)
        producer.send_offsets_to_transaction(
            {tp: kafka.OffsetAndMetadata(i, "", -1)}, consumer.group_metadata()
        )
        producer.commit_transaction()
        took.append(time.perf_counter() - began)
    close_producer(producer)
    consumer.close(autocommit=False)
    return took[20:]


def one_latency(
    settings: Any, topics: dict[str, str], rows: list[dict[str, Any]], seconds: float, delay_s: float
) -> list[float]:
    from kafka_job_process import JobProcess

    spec = job_spec(settings, topics["live"], topics["predictions"], start="latest", batch_delay_s=delay_s)
    with tempfile.TemporaryDirectory() as folder:
        job = JobProcess(spec, Path(folder), policy="time", learner="pool")
        try:
            job.wait_for("/0: ", timeout_s=300)
            return _latencies(settings, topics, rows, seconds)
        finally:
            job.close()


def _latencies(
    settings: Any, topics: dict[str, str], rows: list[dict[str, Any]], seconds: float
) -> list[float]:
    from streamnn_connectors.kafka._client import client, close_producer, make_consumer, make_producer

    done = threading.Event()
    time.sleep(1)
    tp = client().TopicPartition(topics["predictions"], 0)
    consumer = make_consumer(settings, fetch_max_wait_ms=5)
    consumer.assign([tp])
    consumer.seek_to_end(tp)
    consumer.position(tp)
    (start,) = consumer.end_offsets([client().TopicPartition(topics["live"], 0)]).values()
    sent: dict[int, float] = {}
    took: list[float] = []

    def read() -> None:
        while not done.is_set():
            for records in consumer.poll(timeout_ms=20).values():
                now = time.perf_counter()
                for record in records:
                    at = sent.get(json.loads(record.value)["position"])
                    if at is not None:
                        took.append(now - at)

    reader = threading.Thread(target=read)
    reader.start()
    producer = make_producer(settings, linger_ms=0)
    began = time.perf_counter()
    for i in range(int(seconds * 1000)):
        while time.perf_counter() - began < i / 1000:
            time.sleep(0.0005)
        sent[start + i] = time.perf_counter()
        producer.send(topics["live"], json.dumps(rows[i % 1000]).encode(), None, None, 0)
    time.sleep(2)
    done.set()
    reader.join()
    close_producer(producer)
    consumer.close(autocommit=False)
    return took


if __name__ == "__main__":
    main()
