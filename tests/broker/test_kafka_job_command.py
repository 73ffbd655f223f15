"""`streamnn feed`, `check`, `run` and `dlq` over Kafka, one after another, as an operator starts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka_helpers import produce, read

from streamnn_connectors.kafka import KafkaSettings
from streamnn_jobs.cli.app import main

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FED, BAD = 3000, [b"{oops", b'["no object"]', b'{"key": "flights-0", "distance": "far"}']


@pytest.mark.parametrize("spec", ["jobs/kafka.toml", "compose/job.toml"])
def test_the_flights_over_kafka(
    spec: str,
    settings: KafkaSettings,
    name: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("STREAMNN_KAFKA", settings.where)
    monkeypatch.chdir(tmp_path)
    prefix = name("flights")
    changes = [
        f"kafka.group={prefix}",
        f"source.topic={prefix}-events",
        f"label.topic={prefix}-labels",
        *(f"kafka.{w}={prefix}-{t}" for w, t in (("predictions", "predictions"), ("dead_letters", "dead"))),
        f"kafka.merge_log={prefix}-merge",
        *([f"kafka.alarms={prefix}-alarms"] if spec.startswith("compose") else []),
        "kafka.until_end=true",
        "checkpoint.directory=checkpoints",
    ]
    run = [str(ROOT / spec), *(part for change in changes for part in ("--set", change))]
    assert main(["check", *run]) == 3
    assert f"topic {prefix}-events is not there" in capsys.readouterr().err
    feed = f"feed flights --to kafka --prefix {prefix} --create-topics --partitions 2 --until {FED}".split()
    assert main(feed) == 0
    produce(settings, f"{prefix}-events", BAD)
    assert main(["check", *run]) == 0
    out, err = capsys.readouterr()
    assert f"topic {prefix}-events, 2 partitions, exactly-once; labels come on" in out
    # what a feed does not make is made by a run, and a check says so
    alarms = f"topic {prefix}-alarms is not there yet: a run makes it with 2 partitions"
    assert (alarms in err) == spec.startswith("compose")
    assert main(["run", *run, "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out.splitlines()[-1])
    assert figures["predicted"] == FED and figures["dead"] == len(BAD) and figures["label_dead"] == 0
    assert figures["labels"] == figures["learnt"] + figures["late"] + figures["closed"] > 2500
    assert set(figures["partitions"]) == {"0", "1"} and "going on" not in err
    accuracy = [p["scores"]["accuracy"] for p in figures["partitions"].values()]
    assert min(accuracy) > 0.65  # most of the first flights are in time
    # once more: nothing is new
    assert main(["run", *run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["predicted"] == FED
    keys = [m.key for p in range(2) for m in read(settings, f"{prefix}-predictions", p)]
    assert sorted(keys) == sorted(b"flights-%d" % i for i in range(FED))
    assert main(["dlq", "list", f"{prefix}-dead"]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith(f"{prefix}-dead: {len(BAD)} dead letters") and f"{prefix}-events/0/" in listed
    assert " decode " in listed and " schema " in listed
