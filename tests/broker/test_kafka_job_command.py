"""`streamnn run` and `streamnn check` over Kafka, as an operator starts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka_helpers import read

from streamnn_connectors.kafka import KafkaSettings
from streamnn_jobs.cli import main

pytestmark = pytest.mark.slow
SPEC = Path(__file__).parents[2] / "jobs" / "kafka.toml"


def test_the_flights_over_kafka(
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
        "kafka.until_end=true",
    ]
    run = [str(SPEC), *(part for change in changes for part in ("--set", change))]
    assert main(["check", *run]) == 3
    assert f"topic {prefix}-events is not there" in capsys.readouterr().err
    feed = ["feed", "flights", "--prefix", prefix, "--create-topics", "--partitions", "2", "--until", "3000"]
    assert main(feed) == 0
    assert main(["check", *run]) == 0
    assert f"topic {prefix}-events, 2 partitions, exactly-once; labels come on" in capsys.readouterr().out
    assert main(["run", *run, "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out.splitlines()[-1])
    assert figures["predicted"] == 3000 and figures["label_dead"] == figures["dead"] == 0
    assert figures["labels"] == figures["learnt"] + figures["late"] + figures["closed"] > 2500
    assert set(figures["partitions"]) == {"0", "1"} and "going on" not in err
    accuracy = [p["scores"]["accuracy"] for p in figures["partitions"].values()]
    assert min(accuracy) > 0.65  # most of the first flights are in time
    keys = {m.key for p in range(2) for m in read(settings, f"{prefix}-predictions", p)}
    assert len(keys) == 3000
    # once more: nothing is new
    assert main(["run", *run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["predicted"] == 3000
    assert sum(len(read(settings, f"{prefix}-predictions", p)) for p in range(2)) == 3000
