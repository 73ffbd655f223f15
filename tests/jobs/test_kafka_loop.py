"""The loop of a Kafka job, over partitions and a source that are made up: what it asks of them, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from served import Clock

from streamnn.errors import StateError
from streamnn_connectors.kafka import Change, TransactionFailed
from streamnn_jobs.kafka import job as module
from streamnn_jobs.kafka.job import KafkaJob
from streamnn_jobs.kafka.topics import Topics
from streamnn_jobs.live import JobMonitor
from streamnn_jobs.live.status import STALLED_S, healthy, ready
from streamnn_jobs.spec.load import make_spec

Script = Callable[["Partition"], bool]


class Partition:
    """Stands for a PartitionJob: each turn is what a script says."""

    script: Script = staticmethod(lambda partition: False)
    made: list[Partition]

    def __init__(self, setup: Any, partition: int):
        self.setup, self.partition = setup, partition
        self.live = self.ended = self.closed = False
        self.records = self.turns = self.saves = 0
        self.due_s: float | None = None
        self.worker = None
        self.made.append(self)

    def turn(self) -> bool:
        self.turns += 1
        return type(self).script(self)

    def save_now(self) -> None:
        self.saves += 1

    def tell_lag(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class Source:
    """Stands for a managed KafkaSource."""

    managed, joined = True, True

    def __init__(self) -> None:
        self.coming: list[Change] = []
        self.owned: set[str] = set()

    def changes(self) -> list[Change]:
        found, self.coming = self.coming, []
        for change in found:
            self.owned.update(change.partitions)
        return found

    def partitions(self) -> list[str]:
        return sorted(self.owned)

    def wait(self, timeout_s: float) -> bool:
        return False


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> KafkaJob:
    """A job that was given partitions 0 and 1, and whose clocks nobody waits for."""
    spec = make_spec(
        {"source": {"topic": "e"}, "label": {"column": "y"}, "learner": {"task": "classification"}}
    )
    monkeypatch.setattr(module, "check_topics", lambda spec, say: Topics("e", None, 2, {}))
    monkeypatch.setattr(module, "PartitionJob", Partition)
    monkeypatch.setattr(module, "_BACKOFF_S", (0.0,))
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(Partition, "made", [], raising=False)
    made = KafkaJob(spec)
    source = Source()
    source.coming = [Change("assigned", ("0", "1"), float("inf"))]
    made._setup.events = source  # type: ignore[assignment]
    return made


def test_a_checkpoint_on_demand_that_fails_drops_that_partition_and_recovers_it(
    job: KafkaJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_now(self: Partition) -> None:
        self.saves += 1
        if self is self.made[0]:
            raise TransactionFailed("the broker did not say")

    def turn(self: Partition) -> bool:
        self.live = True
        if len(self.made) == 3 and self.made[2].turns == 2:
            job.stop()
        elif self.turns == 3 and self is self.made[1]:
            job.control._asked = 1
        return True

    said: list[str] = []
    job.say = said.append
    monkeypatch.setattr(Partition, "save_now", save_now)
    monkeypatch.setattr(Partition, "script", staticmethod(turn))
    assert job._loop() == "interrupted"
    first, other, again = Partition.made
    assert first.closed and not other.closed and other.saves == 1
    assert again.partition == 0 and again.turns >= 1 and said[-1] == "e/0: the broker did not say"
    assert job.control.save_wanted == 0


def test_what_is_no_trouble_of_a_transaction_ends_the_job(
    job: KafkaJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_now(self: Partition) -> None:
        raise StateError("disk full")

    job.control._asked = 1
    monkeypatch.setattr(Partition, "save_now", save_now)
    with pytest.raises(StateError, match="disk full"):
        job._loop()


def watched(job: KafkaJob) -> tuple[JobMonitor, Clock]:
    clock = Clock()
    watch = JobMonitor(clock, Clock(1.7e9))
    job.audience.add(watch)
    return watch, clock


def test_a_long_recovery_is_healthy_and_not_ready(job: KafkaJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partition 1 is live long before partition 0, which has much to learn again."""
    watch, clock = watched(job)
    seen: dict[int, Any] = {}

    def turn(self: Partition) -> bool:
        if self.partition == 1:
            self.live = self.turns > 3
            return False
        clock.now += 60.0
        seen[self.turns] = (healthy(watch, job.control), ready(watch, job.control))
        self.live = self.turns >= 50
        if self.turns == 52:
            job.stop()
        return 3 < self.turns < 50  # first the recovery on its thread, then pieces that are learnt again

    monkeypatch.setattr(Partition, "script", staticmethod(turn))
    assert job._loop() == "interrupted"
    assert seen[1] == ((True, "starting"), (False, "starting"))
    assert {seen[n] for n in range(2, 51)} == {((True, "recovering"), (False, "recovering"))}
    assert seen[51] == ((True, "running"), (True, "running"))


def test_a_partition_that_failed_is_not_ready_until_it_is_back(
    job: KafkaJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, _ = watched(job)
    monkeypatch.setattr(module, "_BACKOFF_S", (0.05,))
    seen: list[str] = []

    def turn(self: Partition) -> bool:
        if self is self.made[1]:
            seen.append(ready(watch, job.control)[1])
        if self is self.made[0] and self.turns == 3:
            raise TransactionFailed("the broker did not say")
        self.live = True
        if self is self.made[-1] and len(self.made) == 3 and self.turns == 3:
            job.stop()
        return False

    monkeypatch.setattr(Partition, "script", staticmethod(turn))
    job._loop()
    short = [word for word, before in zip(seen, [None, *seen], strict=False) if word != before]
    assert short == ["starting", "running", "recovering", "running"]


def test_a_job_that_hangs_while_it_recovers_is_not_healthy(
    job: KafkaJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, clock = watched(job)
    words: list[str] = []

    def turn(self: Partition) -> bool:
        if self.turns == 5:
            clock.now += STALLED_S + 1
            words.append(healthy(watch, job.control)[1])
            job.stop()
        return True

    monkeypatch.setattr(Partition, "script", staticmethod(turn))
    job._loop()
    assert words[0] == "no batch for 121 s"


def test_a_member_is_ready_when_the_group_has_answered_with_or_without_partitions(
    job: KafkaJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, _ = watched(job)
    source: Any = job._setup.events
    source.coming, source.joined = [], False
    seen: list[tuple[bool, str]] = []

    def wait(timeout_s: float) -> bool:
        seen.append(ready(watch, job.control))
        source.joined = len(seen) > 2
        if len(seen) == 5:
            job.stop()
        return False

    source.wait = wait
    job._loop()
    assert seen == [(False, "starting")] * 3 + [(True, "running")] * 2
