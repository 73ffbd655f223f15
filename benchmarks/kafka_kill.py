"""Is every event counted once? A job killed again and again, its broker too; a million hostile messages, a million names."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests" / "broker"))

from kafka_broker import PrivateBroker
from kafka_hostile import a_million_names, hostile
from kafka_job_helpers import Stage
from kafka_job_process import Feeder, JobProcess, dead_of, positions_of

from streamnn_connectors.kafka import KafkaAdmin, KafkaOffsets, KafkaSettings, Place, read_messages
from streamnn_connectors.kafka._client import close_producer, make_producer
from streamnn_jobs.kafka.job import KafkaJob
from streamnn_jobs.run.observer import Observer
from streamnn_jobs.run.result import PartitionResult
from streamnn_jobs.run.worker import Step, Worker
from streamnn_jobs.spec.job import JobSpec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--broker-kills", type=int, default=5)
    parser.add_argument("--hostile", type=int, default=1_000_000)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    broker = PrivateBroker(Path(os.environ["KAFKA_HOME"]).resolve())
    figures: dict[str, Any] = vars(args) | {"json": None}
    try:
        with tempfile.TemporaryDirectory() as folder:
            if args.events:
                figures["killed"] = killed(broker, Path(folder), args)
            if args.hostile:
                figures["fuzzed"] = fuzzed(broker, args.hostile)
            if args.names:
                figures["named"] = named(broker, args.names)
    finally:
        broker.stop()
    print(json.dumps(figures, indent=1))
    if args.json is not None:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def is_bad(i: int) -> bool:
    return i % 997 == 13


def make_event(i: int) -> bytes:
    if is_bad(i):
        return b'{"key": "oops'
    return json.dumps({"key": f"k{i}", "t": i, "a": i % 7, "b": (i * i) % 11, "c": "xyz"[i % 3]}).encode()


def make_label(i: int) -> bytes | None:
    if i % 500 == 7:
        return None
    return (
        b"no label" if i % 889 == 5 else json.dumps({"key": f"k{i}", "y": int(i % 7 + i % 11 > 8)}).encode()
    )


def killed(broker: PrivateBroker, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """A job over events and late labels that is killed at random moments; every claim is checked."""
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap, connect_timeout_s=60)
    stage = _stage(settings, "kill", labels=True)
    options: dict[str, Any] = {
        "source__event_time": "t", "label__expire_after": 20_000.0, "features__ignore": [],
        "kafka__connection": {"bootstrap_servers": broker.bootstrap, "connect_timeout_s": 120.0}, "kafka__partitions": [0], "kafka__transaction_timeout_s": 60.0, "kafka__batch_events": 2000,
    }  # fmt: skip
    spec = stage.spec(
        folder / "checkpoints",
        checkpoint__every_events=10_000,
        kafka__batch_delay_s=0.05,
        kafka__until_end=False,
        **options,
    )
    feeder = Feeder(
        settings, stage.topics["events"], stage.topics["labels"], make_event, make_label, args.events
    )
    rng = np.random.default_rng(args.seed)
    broker_at = {(i + 1) * args.kills // (args.broker_kills + 1) for i in range(args.broker_kills)}
    job = JobProcess(spec, folder / "jobs", learner="pool")
    job.wait_for("/0: beginning", timeout_s=900)
    _wait(job, 2.0)  # the first label of all is merged: no event is there yet
    job.kill()
    began, live, again = time.monotonic(), 0, 0
    for kill in range(args.kills):
        feeder.let((kill + 1) * args.events // (args.kills + 1))
        job = JobProcess(spec, folder / "jobs", learner="pool")
        if kill % 4:
            job.wait_for("/0: ", timeout_s=900)
            if kill in broker_at:
                _wait(job, float(rng.uniform(0, 2)))
                broker.kill()
                time.sleep(float(rng.uniform(0.5, 3)))
                broker.start()
        elif kill in broker_at:
            broker.kill()
            time.sleep(2)
            broker.start()
        _wait(job, float(rng.uniform(0, 5)))
        ended = job.process.poll()
        live += job.said("/0: going on") + job.said("/0: beginning")
        again += job.said("records learnt again")
        job.kill()
        print(
            f"{kill + 1}: {time.monotonic() - began:.0f} s, {feeder.events_sent[0]:,} events sent",
            file=sys.stderr,
        )
        # without a broker for connect_timeout_s a job does not start, and says so
        if ended is not None and not job.said("no Kafka broker answered"):
            sys.exit(f"a job ended by itself:\n{job.log.read_text(errors='replace')[-3000:]}")
    feeder.finish(1800)
    final = _to_the_end(stage.spec(folder / "checkpoints", **options))
    took = time.monotonic() - began
    good = [i for i in range(args.events) if not is_bad(i)]
    _require(final.next == [args.events, feeder.labels_sent[0]], f"at {final.next}")
    _require(
        positions_of(settings, stage.topics["predictions"], 0) == good, "every event predicted once, in order"
    )
    dead = dead_of(settings, stage.topics["dead"], [0])
    _require(len(dead) == len(set(dead)), "a dead letter came twice")
    of_events = [o for t, _, o in dead if t == stage.topics["events"]]
    _require(of_events == [i for i in range(args.events) if is_bad(i)], "every bad event is one dead letter")
    _require(len(dead) == final.counters["dead"] + final.counters["label_dead"], "dead letters as counted")
    alone = [i for i in range(args.events) if is_bad(i) and (make_label(i) or b"no")[:2] != b"no"]
    _require(
        final.counters["unmatched"] + final.waiting == len(alone),
        "labels that came before their event, one before all of them, met it",
    )
    whole = _to_the_end(stage.spec(folder / "nothing", **options))
    _require(
        whole.state_hash == final.state_hash, f"state {final.state_hash}, uninterrupted {whole.state_hash}"
    )
    feeder.close()
    return {
        "seconds": took, "lives_that_came_up": live, "lives_that_learnt_a_gap_again": again,
        "counters": final.counters, "state_hash": final.state_hash, "uninterrupted": whole.state_hash,
    }  # fmt: skip


def fuzzed(broker: PrivateBroker, count: int) -> dict[str, Any]:
    """Hostile messages, good ones between them; every claim is checked."""
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap, connect_timeout_s=60)
    stage = _stage(settings, "hostile", labels=False)
    fine = [good for _, good in hostile(count)]
    _fill(settings, stage.topics["events"], (value for value, _ in hostile(count)))
    good, bad = ([i for i, f in enumerate(fine) if f is kind] for kind in (True, False))
    began = time.monotonic()
    result = _to_the_end(stage.spec(kafka__partitions=[0], kafka__batch_events=2000))
    took = time.monotonic() - began
    c = result.counters
    _require(result.next == [count], f"read to {result.next}")
    _require((c["records"], c["dead"], c["predicted"]) == (count, len(bad), len(good)), f"balance {c}")
    _require(c["learnt"] == len(good), "good ones learnt")
    _require(positions_of(settings, stage.topics["predictions"], 0) == good, "good ones predicted")
    letters, reasons = [], set()
    for m in read_messages(settings, [Place(stage.topics["dead"], 0)]):
        letters.append(int(m.header("streamnn-offset") or -1))
        reasons.add(m.header("streamnn-reason"))
    _require(letters == bad, "bad ones are dead letters, once each")
    _require(all(reasons), "each with its reason")
    return {"seconds": took, "per_s": count / took, "counters": c}


def named(broker: PrivateBroker, count: int) -> dict[str, Any]:
    """A column of its own in every message: the model and the process stop growing, and the job says so."""
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap, connect_timeout_s=60)
    stage = _stage(settings, "names", labels=False)
    _fill(settings, stage.topics["events"], map(a_million_names, range(count)))
    said: list[str] = []
    sizes = _Sizes()
    job = KafkaJob(stage.spec(kafka__partitions=[0], kafka__batch_events=2000), say=said.append)
    job.audience.add(sizes)
    result = job.run().partitions[0]
    c = result.counters
    _require((c["predicted"], c["dead"]) == (998, count - 998), f"1,000 columns: {c}")
    _require(len(dead_of(settings, stage.topics["dead"], [0])) == count - 998, "the others are dead letters")
    _require(sum("as many as may be are known" in text for text in said) == 1, f"said once: {said}")
    late = sizes.mb[len(sizes.mb) // 4 :]
    _require(len(late) > 10 and max(late) - late[0] < 32, f"memory stays flat: {late}")
    return {"columns": sizes.columns, "mb_after_a_quarter": late[0], "mb_at_most": max(late), "counters": c}


class _Sizes(Observer):
    """Columns that the learner knows and megabytes that this process takes, after each batch."""

    def __init__(self) -> None:
        self.columns = 0
        self.mb: list[float] = []

    def stepped(self, worker: Worker, step: Step, position: int, seconds: float, lag: int | None) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        self.columns = len(worker.learner.columns)


def _fill(settings: KafkaSettings, topic: str, values: Iterable[bytes | None]) -> None:
    """All of them into the topic, once and in order."""
    producer = make_producer(settings, linger_ms=5, batch_size=1 << 17)
    lost: list[BaseException] = []
    count = 0
    for value in values:
        producer.send(topic, value, b"k", None, 0).add_errback(lost.append)
        count += 1
        if count % 20_000 == 0:  # what waits for longer than delivery_timeout_ms would be dropped
            producer.flush(600)
    producer.flush(600)
    close_producer(producer)
    _require(not lost, f"{len(lost)} messages were not even sent: {lost[:1]}")
    place = Place(topic, 0)
    with KafkaOffsets(settings, "nobody") as offsets:
        _require(offsets.end([place])[place] == count, "every message is in the topic once")


def _stage(settings: KafkaSettings, stem: str, labels: bool) -> Stage:
    def topic(what: str, partitions: int = 1) -> str:
        with KafkaAdmin(settings) as admin:
            admin.create(f"{stem}-{what}", partitions)
        return f"{stem}-{what}"

    return Stage(settings, topic, lambda what: f"{stem}-{what}", labels=labels)


def _to_the_end(spec: JobSpec) -> PartitionResult:
    return KafkaJob(spec, say=lambda text: print(text, file=sys.stderr)).run().partitions[0]


def _wait(job: JobProcess, seconds: float) -> None:
    try:
        job.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _require(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not so: {what}")


if __name__ == "__main__":
    main()
