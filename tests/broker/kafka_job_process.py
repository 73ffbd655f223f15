"""Jobs as processes, and what they are fed while they are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamnn_connectors.kafka import KafkaSettings, Place, read_messages
from streamnn_connectors.kafka._client import close_producer, make_producer
from streamnn_jobs.spec.job import JobSpec

_CHILD = Path(__file__).with_name("kafka_job_child.py")


class JobProcess:
    """A job that runs until it is told, killed, or at the end.

    Parameters
    ----------
    spec : JobSpec
    folder : path
        For the spec and what the job says.
    """

    def __init__(self, spec: JobSpec, folder: Path, policy: str = "chance", learner: str = "fake"):
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("*.json")))
        path = folder / f"{number:03d}.json"
        path.write_text(json.dumps(spec.model_dump(mode="json", exclude_none=True)))
        self.log = path.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(_CHILD), str(path), policy, learner],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def said(self, words: str) -> int:
        """How often the job said some words."""
        return self.log.read_text(errors="replace").count(words)

    def wait_for(self, words: str, times: int = 1, timeout_s: float = 60.0) -> None:
        """Until the job has said some words so often."""
        deadline = time.monotonic() + timeout_s
        while self.said(words) < times:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < deadline, f"no {words!r} in {self.log.read_text(errors='replace')}"
            time.sleep(0.02)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; whatever it was doing."""
        self.process.kill()
        self.close()

    def end(self, timeout_s: float = 120.0) -> dict[str, Any]:
        """Wait for a clean end; what the job says of it."""
        out, _ = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == 0, self.log.read_text(errors="replace")[-4000:]
        return json.loads(out.splitlines()[-1])

    def stop(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """SIGTERM and a clean end."""
        self.signal(signal.SIGTERM)
        return self.end(timeout_s)

    def close(self) -> None:
        """End it for good."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Feeder:
    """Sends events and their labels, some late, some early, some never, on a thread, as far as it is let.

    Every event is of one partition, and so is its label. Outages of the broker are waited out: nothing is sent
    twice (the producer is idempotent).

    Parameters
    ----------
    settings : KafkaSettings
    events, labels : str
        Topics.
    make_event, make_label : callable
        The value of a number; a label may be None for none.
    total, partitions : int
    rate : float
        Most events a second.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        events: str,
        labels: str,
        make_event: Callable[[int], bytes],
        make_label: Callable[[int], bytes | None],
        total: int,
        partitions: int = 1,
        rate: float = 1e9,
        seed: int = 1,
    ):
        self._topics = events, labels
        self._make = make_event, make_label
        self._total, self._partitions, self._rate = total, partitions, rate
        self._rng = np.random.default_rng(seed)
        self._producer = make_producer(
            settings, linger_ms=5, batch_size=1 << 16, delivery_timeout_ms=300_000, enable_idempotence=True
        )
        self._allowed = 0
        self._failure: BaseException | None = None
        self.labels_sent = [0] * partitions
        self.events_sent = [0] * partitions
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def let(self, count: int) -> None:
        """Send events up to this number."""
        self._allowed = min(count, self._total)

    def finish(self, timeout_s: float = 300.0, cut: bool = False) -> None:
        """Send all there is (with `cut` no more events than by now, and their labels); on return it is sent."""
        self._rate = 1e9
        if cut:
            self._total = self._allowed = sum(self.events_sent) + 1
        self.let(self._total)
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "feeding took too long"
        self._producer.flush(timeout_s)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._closing = True
        self._thread.join(10)
        close_producer(self._producer)

    def _run(self) -> None:
        due: dict[int, list[int]] = {}
        late = self._rng.geometric(0.01, self._total) - 3  # some come before their event
        late[self._rng.random(self._total) < 0.01] = 3000
        began = time.monotonic()
        try:
            # the first label of all is there before any event
            if (value := self._make[1](0)) is not None:
                self._send(1, 0, value)
                self.labels_sent[0] += 1
            self._producer.flush(60)
            time.sleep(0.01)  # messages of one millisecond would have events first
            for i in range(len(late) + 3001):
                if i > self._total + 3000:
                    return
                while i >= self._allowed < self._total and not self._closing:
                    time.sleep(0.002)
                while i / self._rate > time.monotonic() - began and not self._closing:
                    time.sleep(0.002)
                if self._closing:
                    return
                if i + 2 < len(late):
                    due.setdefault(max(i + 2 + int(late[i + 2]), i), []).append(i + 2)
                if i == 0:
                    for j in range(1, min(2, self._total)):
                        due.setdefault(max(j + int(late[j]), 0), []).append(j)
                for j in due.pop(i, []):
                    if (value := self._make[1](j)) is not None:
                        self._send(1, j, value)
                        self.labels_sent[j % self._partitions] += 1
                if i < self._total:
                    self._send(0, i, self._make[0](i))
                    self.events_sent[i % self._partitions] += 1
        except BaseException as error:
            self._failure = error

    def _send(self, which: int, i: int, value: bytes) -> None:
        future = self._producer.send(self._topics[which], value, None, None, i % self._partitions)
        future.add_errback(self._failed)

    def _failed(self, error: BaseException) -> None:
        self._failure = error


def positions_of(settings: KafkaSettings, topic: str, partition: int) -> list[int]:
    """Positions in the predictions that read-committed readers see."""
    place = Place(topic, partition)
    return [json.loads(m.value or b"")["position"] for m in read_messages(settings, [place])]


def dead_of(settings: KafkaSettings, topic: str, partitions: Sequence[int]) -> list[tuple[str, int, int]]:
    """Topic, partition and offset of all dead letters."""
    places = [Place(topic, p) for p in partitions]
    return [
        (
            (m.header("streamnn-topic") or b"").decode(),
            int(m.header("streamnn-partition") or -1),
            int(m.header("streamnn-offset") or -1),
        )
        for m in read_messages(settings, places)
    ]
