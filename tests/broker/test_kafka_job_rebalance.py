"""Three workers, six partitions: one joins, leaves, is killed, sleeps and comes back; nothing comes twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_helpers import eventually
from kafka_job_helpers import Make, Name, Stage
from kafka_job_process import Feeder, JobProcess, positions_of
from s3_helpers import environment, serving

from streamnn_connectors.kafka import KafkaOffsets, KafkaSettings, Place

pytestmark = pytest.mark.slow
PARTITIONS = 6
MOST_EVENTS = 200_000


def make_event(i: int) -> bytes:
    return json.dumps({"key": f"k{i}", "x": i % 7}).encode()


def make_label(i: int) -> bytes:
    return json.dumps({"key": f"k{i}", "y": i % 3}).encode()


@pytest.fixture(params=["folder", "object store"])
def checkpoints(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Where all workers keep their states."""
    if request.param == "folder":
        yield str(tmp_path / "checkpoints")
        return
    with serving() as endpoint:
        environment(monkeypatch, endpoint)
        yield "s3://bucket/job"


def test_workers_come_and_go(
    settings: KafkaSettings, topic: Make, name: Name, tmp_path: Path, checkpoints: str
) -> None:
    stage = Stage(settings, topic, name, partitions=PARTITIONS, labels=True)
    spec = stage.spec(
        checkpoints, checkpoint__every_events=300, kafka__batch_delay_s=0.02, kafka__until_end=False,
        kafka__revoke_timeout_s=10.0, run__batch_records=64, limits__pending=500,
    )  # fmt: skip
    feeder = Feeder(
        settings,
        stage.topics["events"],
        stage.topics["labels"],
        make_event,
        make_label,
        MOST_EVENTS,
        PARTITIONS,
        rate=300,
    )
    jobs: list[JobProcess] = []

    def join() -> JobProcess:
        jobs.append(JobProcess(spec, tmp_path / "jobs"))
        return jobs[-1]

    places = [Place(stage.topics["predictions"], p) for p in range(PARTITIONS)]

    def goes_on() -> None:
        """All partitions are somebody's, and predicted on."""
        with KafkaOffsets(settings, name("look")) as offsets:
            had = offsets.end(places)
            eventually(lambda: all(at > had[p] + 5 for p, at in offsets.end(places).items()), 90)

    try:
        feeder.let(MOST_EVENTS)
        first = join()
        first.wait_for("given partitions [0, 1, 2, 3, 4, 5]")
        goes_on()
        second, third = join(), join()
        second.wait_for("given partitions")
        third.wait_for("given partitions")
        goes_on()
        # a clean leave: what it had is taken over from its last commit, with nothing learnt again
        assert second.stop()["outcome"] == "interrupted"
        goes_on()
        third.kill()
        goes_on()
        fourth = join()
        fourth.wait_for("given partitions")
        goes_on()
        # a zombie: away for longer than its session, then back in the middle of what it was doing
        fourth.signal(signal.SIGSTOP)
        first.wait_for("given partitions", first.said("given partitions") + 1)
        goes_on()
        fourth.signal(signal.SIGCONT)
        fourth.wait_for("lost partitions")
        fourth.wait_for("given partitions", 2)
        goes_on()
        feeder.finish(cut=True)
        for job in (first, fourth):
            assert job.stop()["outcome"] == "interrupted"
    finally:
        feeder.close()
        for job in jobs:
            job.close()
    limits = {"limits__pending": 500}
    final = stage.run(stage.spec(checkpoints, **limits))
    whole = stage.run(stage.spec(tmp_path / "nothing", **limits))
    for p in range(PARTITIONS):
        assert positions_of(settings, stage.topics["predictions"], p) == list(range(feeder.events_sent[p]))
        assert final.partitions[p].next == [feeder.events_sent[p], feeder.labels_sent[p]]
        assert whole.partitions[p].state_hash == final.partitions[p].state_hash
