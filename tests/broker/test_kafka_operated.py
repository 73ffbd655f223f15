"""A job over Kafka, operated from outside: scraped, looked at, paused, told to save, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamnn_connectors.kafka import KafkaSettings
from streamnn_jobs.cli.app import main

pytestmark = pytest.mark.slow
SPEC = Path(__file__).parents[2] / "jobs" / "kafka.toml"
PATIENCE_S = 300.0  # the first job after a change compiles its kernels


@contextmanager
def running(args: list[str], folder: Path, where: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a job in a process of its own."""
    code = "import sys; from streamnn_jobs.cli.app import main; sys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"STREAMNN_KAFKA": where}
    log = folder / "log.jsonl"
    with log.open("w") as err:
        job = subprocess.Popen(
            [sys.executable, "-c", code, *args],
            cwd=folder,
            env=environment,
            stderr=err,
            stdout=subprocess.PIPE,
            text=True,
        )
    try:
        yield until(lambda: url_of(log, job)), job
    finally:
        if job.poll() is None:
            job.kill()
        job.communicate()


def url_of(log: Path, job: subprocess.Popen[str]) -> str | None:
    assert job.poll() is None, log.read_text()
    for line in log.read_text().splitlines():
        told = json.loads(line)
        if told["event"] == "note" and told["message"].startswith("live page "):
            return str(told["message"].removeprefix("live page "))
    return None


def until(what: Callable[[], Any]) -> Any:
    """What `what` gives as soon as that is something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.05)
    return found


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return str(reply.read().decode())


def predicted(url: str) -> int:
    return sum(p["predicted"] for p in json.loads(get(url + "status"))["partitions"])


def test_a_job_over_kafka_is_operated(
    settings: KafkaSettings,
    name: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("STREAMNN_KAFKA", settings.where)
    prefix = name("operated")
    feed = ["feed", "flights", "--prefix", prefix, "--create-topics", "--partitions", "2"]
    assert main([*feed, "--until", "2000"]) == 0
    changes = [
        f"kafka.group={prefix}", f"source.topic={prefix}-events", f"label.topic={prefix}-labels",
        f"kafka.predictions={prefix}-predictions", f"kafka.dead_letters={prefix}-dead",
        f"kafka.merge_log={prefix}-merge", "checkpoint.every_s=1000.0", "checkpoint.every_events=1000000",
    ]  # fmt: skip
    args = ["run", str(SPEC), "--http", "127.0.0.1:0", "--log", "json", "--checkpoint", "ck"]
    with running([*args, *(a for c in changes for a in ("--set", c))], tmp_path, settings.where) as (
        url,
        job,
    ):
        until(lambda: predicted(url) == 2000)
        assert get(url + "readyz") == "running\n"
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(get(url + "metrics")):
            for s in family.samples:
                if "partition" in s.labels and "reason" not in s.labels:
                    found.setdefault(s.labels["partition"], {})[s.name] = s.value
        assert set(found) == {"0", "1"}
        assert sum(v["streamnn_records_total"] for v in found.values()) == 2000
        assert sum(v["streamnn_label_records_total"] for v in found.values()) > 1800
        assert all(v["streamnn_pending_events"] > 0 for v in found.values())

        page = get(url)
        assert "href='?partition=1'" in page and f"{prefix}-events, partition 0" in page

        capsys.readouterr()
        assert main(["pause", url]) == 0 and capsys.readouterr().out == "paused\n"
        assert main([*feed, "--until", "3000"]) == 0
        until(lambda: sum(p["lag"] for p in json.loads(get(url + "status"))["partitions"]) >= 1000)
        assert predicted(url) == 2000
        capsys.readouterr()
        assert main(["checkpoint", "now", url, "--json"]) == 0
        files = json.loads(capsys.readouterr().out)
        assert set(files) == {"0", "1"} and all((tmp_path / f).is_file() for f in files.values())
        assert main(["resume", url]) == 0
        until(lambda: predicted(url) == 3000)
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=60) == 143

    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    names = [e["event"] for e in events]
    assert names[-1] == "job_ended" and events[-1]["outcome"] == "interrupted"
    assert names.count("partition_opened") == 2 == names.count("partition_closed")
    assert names.count("paused") == 1 == names.count("resumed")

    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    assert main(["status", "ck", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["partitions"]
    assert [p["partition"] for p in parts] == ["0", "1"] and sum(p["predicted"] for p in parts) == 3000
    assert main(["checkpoint", "inspect", "ck"]) == 4
    assert f"{prefix}-events-0, {prefix}-events-1" in capsys.readouterr().err
    assert main(["checkpoint", "inspect", f"ck/{prefix}-events-1"]) == 0
    assert "partition 1; goes on at position" in capsys.readouterr().out
