"""`streamnn feed` against a broker: topics, messages, kills and outages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from kafka_broker import PrivateBroker
from kafka_helpers import eventually, read

from streamnn.errors import SourceError
from streamnn_connectors.kafka import KafkaAdmin, KafkaFeed, KafkaSettings, Message
from streamnn_jobs.cli.app import main
from streamnn_jobs.kafka.feed import feed_stream, make_topics
from streamnn_jobs.kafka.feed_plan import plan_feed

pytestmark = pytest.mark.slow
Name = Callable[[str], str]
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *args: str) -> tuple[int, str, str]:
    code = main(["feed", *args])
    out, err = capsys.readouterr()
    return code, out, err


def found(settings: KafkaSettings, topic: str, partitions: int = 1) -> list[Message]:
    return [m for p in range(partitions) for m in read(settings, topic, p)]


def test_flights_are_fed_and_a_second_call_goes_on(
    settings: KafkaSettings, admin: KafkaAdmin, name: Name, capsys: Capture
) -> None:
    prefix = name("f")
    where = ["flights", "--bootstrap", settings.where, "--prefix", prefix]
    code, _, err = run(capsys, *where)
    assert code == 2 and f"topic {prefix}-events is not there" in err and "--create-topics" in err
    code, out, err = run(capsys, *where, "--create-topics", "--partitions", "3", "--until", "3000")
    assert code == 0 and out.startswith("flights: 3,000 events, 2,8") and "made " in err
    assert {
        admin.describe(f"{prefix}-{t}").partitions
        for t in ("events", "labels", "predictions", "dead", "merge")
    } == {3}
    code, out, err = run(capsys, *where, "--until", "4000", "--json")
    figures = json.loads(out)
    assert code == 0 and figures["events"] == 1000 and figures["messages_before"] > 5800
    assert figures["topics"]["merge"] == f"{prefix}-merge"
    events, labels = (found(settings, f"{prefix}-{t}", 3) for t in ("events", "labels"))
    assert sorted(m.key for m in events) == sorted(b"flights-%d" % i for i in range(4000))
    assert len({m.key for m in labels}) == len(labels)
    at = {m.key: m.partition for m in events}
    assert all(at[m.key] == m.partition for m in labels)
    event = json.loads(next(m.value or b"" for m in events if m.key == b"flights-0"))
    assert event["key"] == "flights-0" and not {"y", "dep_delay", "arr_delay", "t_label_min"} & set(event)
    assert {json.loads(m.value or b"")["y"] for m in labels} == {0, 1}
    code, _, err = run(capsys, *where, "--partitions", "2")
    assert code == 2 and "is there and has 3, not 2" in err
    code, _, err = run(capsys, *where, "--timestamps", "event")
    assert code == 2 and "keeps messages for 168 h" in err
    code, _, err = run(capsys, *where, "--label", "distance")
    assert code == 2 and "not known to be fed with flights like this" in err


def test_times_of_the_stream_and_a_topic_for_both(
    settings: KafkaSettings, admin: KafkaAdmin, name: Name, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "id,at,known,y\n"
        + "".join(f"{i},2026-01-01T00:00:0{i},2026-01-01T00:00:0{i + 1},{i % 2}\n" for i in range(5))
    )
    topic = name("both")
    code, out, _ = run(
        capsys, str(path), "--bootstrap", settings.where, "--events", topic, "--labels", topic, "--key", "id",
        "--time", "at", "--label-time", "known", "--timestamps", "event", "--speed", "20", "--create-topics",
        "--prefix", topic,
    )  # fmt: skip
    assert code == 0 and out.startswith("shop: 5 events, 5 labels")
    assert admin.limits(topic).retention_s is None
    sent = [
        (m.key, b'"y"' in (m.value or b""), m.timestamp_ms - 1767225600000) for m in found(settings, topic)
    ]
    assert sent == [
        (b"0", False, 0), (b"1", False, 1000), (b"0", True, 1000), (b"2", False, 2000), (b"1", True, 2000),
        (b"3", False, 3000), (b"2", True, 3000), (b"4", False, 4000), (b"3", True, 4000), (b"4", True, 5000),
    ]  # fmt: skip


def test_a_feed_killed_and_one_stopped_go_on(settings: KafkaSettings, name: Name) -> None:
    prefix = name("f")
    command = [
        sys.executable, "-c", "import sys; from streamnn_jobs.cli.app import main; sys.exit(main(sys.argv[1:]))",
        "feed", "flights", "--bootstrap", settings.where, "--prefix", prefix, "--create-topics", "--rate", "2000",
    ]  # fmt: skip
    with KafkaAdmin(settings) as admin:
        for number, end in ((signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            before = len(found(settings, f"{prefix}-events")) if admin.find(f"{prefix}-events") else 0
            eventually(lambda: admin.find(f"{prefix}-events"), 60)
            eventually(lambda before=before: len(found(settings, f"{prefix}-events")) > before + 300, 60)
            os.kill(process.pid, number)
            out, err = process.communicate(timeout=60)
            assert process.returncode == end, err
            assert end < 0 or "the same command goes on from here" in out
    keys = [m.key for m in found(settings, f"{prefix}-events")]
    assert keys == [b"flights-%d" % i for i in range(len(keys))] and len(keys) > 900


def test_a_feed_waits_for_its_brokers(mortal_broker: PrivateBroker, name: Name) -> None:
    settings = KafkaSettings(bootstrap_servers=mortal_broker.bootstrap, connect_timeout_s=2)
    plan = plan_feed("flights", rate=1000, prefix=name("f"))
    make_topics(settings, plan, None, create=True)
    said: list[str] = []

    feeds: list[KafkaFeed] = []

    def outage() -> None:
        eventually(lambda: feeds and feeds[0].committed and feeds[0].committed.events > 500, 60)
        mortal_broker.kill()
        time.sleep(5)
        mortal_broker.start()

    outages = Thread(target=outage)
    outages.start()
    try:
        fed = feed_stream(
            settings, plan, 4000, say=said.append, made=feeds.append, patience_s=120, timeout_s=3
        )
    finally:
        outages.join()
    assert any("trying again for" in text for text in said)
    assert [m.key for m in found(settings, plan.topics["events"])] == [b"flights-%d" % i for i in range(4000)]
    labels = found(settings, plan.topics["labels"])
    assert len({m.key for m in labels}) == len(labels) == fed.labels and fed.events == 4000
    # brokers that were never there are not waited for
    with pytest.raises(SourceError, match="no Kafka broker answered"):
        feed_stream(KafkaSettings(bootstrap_servers="localhost:1", connect_timeout_s=0.5), plan)
