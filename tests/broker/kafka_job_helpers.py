"""Streams for jobs that read Kafka, the jobs, and what must hold of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kafka_helpers import produce, read

sys.path.append(str(Path(__file__).parents[1] / "jobs"))

from fake_learner import make_fake

from streamnn_connectors.kafka import KafkaSettings, Message
from streamnn_jobs import open_job
from streamnn_jobs.run.joined_worker import EVENT, LABEL
from streamnn_jobs.run.result import KafkaResult
from streamnn_jobs.spec.job import JobSpec
from streamnn_jobs.spec.load import make_spec

Make = Callable[..., str]
Name = Callable[[str], str]


def event(i: int, **more: Any) -> bytes:
    return json.dumps({"key": f"k{i}", "x": i % 7, "t": i, **more}).encode()


def label(i: int, y: Any = None) -> bytes:
    return json.dumps({"key": f"k{i}", "y": i % 2 if y is None else y}).encode()


def by_chance(seed: int | None = None) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A merge order of its own for each run."""
    rng = np.random.default_rng(seed)

    def policy(events: np.ndarray, labels: np.ndarray) -> np.ndarray:
        order = np.repeat(np.array([EVENT, LABEL], np.int8), [len(events), len(labels)])
        rng.shuffle(order)
        return order

    return policy


class Stage:
    """Topics of one test, and specs over them."""

    def __init__(
        self, settings: KafkaSettings, topic: Make, name: Name, partitions: int = 1, labels: bool = False
    ):
        self.settings = settings
        self.partitions = partitions
        whats = ["events", "predictions", "dead", "alarms", *(["labels", "merge"] if labels else [])]
        self.topics = {what: topic(what, partitions=partitions) for what in whats}
        self.group = name("group")
        self.labels = labels

    def spec(self, directory: Path | str | None = None, **changes: Any) -> JobSpec:
        """A job that ends at the end; `changes` are fields by dotted name, with __ for the dot."""
        data: dict[str, Any] = {
            "source": {"topic": self.topics["events"]},
            "label": {"column": "y"},
            "learner": {"task": "classification"},
            "features": {"ignore": ["t"]},
            "kafka": {
                "connection": {
                    "bootstrap_servers": self.settings.bootstrap_servers,
                    "connect_timeout_s": 30.0,
                },
                "group": self.group,
                "predictions": self.topics["predictions"],
                "dead_letters": self.topics["dead"],
                "alarms": self.topics["alarms"],
                "until_end": True,
                "batch_events": 100,
                "session_timeout_s": 3.0,
                "transaction_timeout_s": 10.0,
            },
        }
        if self.labels:
            data["label"] |= {"topic": self.topics["labels"], "key": "key"}
            data["kafka"]["merge_log"] = self.topics["merge"]
        if directory is not None:
            data["checkpoint"] = {"directory": str(directory)}
        for name, value in changes.items():
            section, _, field = name.partition("__")
            data.setdefault(section, {})[field] = value
        return make_spec(data)

    def run(self, spec: JobSpec, **options: Any) -> KafkaResult:
        result = open_job(spec, **{"make": make_fake, **options}).run()
        assert isinstance(result, KafkaResult)
        return result

    def produce(self, what: str, values: list[bytes | None], **options: Any) -> None:
        produce(self.settings, self.topics[what], values, **options)

    def read(self, what: str, partition: int = 0) -> list[Message]:
        return read(self.settings, self.topics[what], partition)

    def predictions(self, partition: int = 0) -> list[dict[str, Any]]:
        return [json.loads(message.value or b"") for message in self.read("predictions", partition)]
