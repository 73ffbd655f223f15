"""Hostile messages and names through a real topic: the job lives, each is a dead letter, good ones are learnt."""

from __future__ import annotations

import json

import pytest
from kafka_hostile import a_million_names, hostile
from kafka_job_helpers import Make, Name, Stage
from kafka_job_process import positions_of

from streamnn_connectors.kafka import KafkaSettings

pytestmark = pytest.mark.slow
MESSAGES = 20_000


def test_hostile_messages(settings: KafkaSettings, topic: Make, name: Name) -> None:
    stage = Stage(settings, topic, name)
    sent = list(hostile(MESSAGES))
    stage.produce("events", [value for value, _ in sent], keys=[b"k"] * MESSAGES)
    result = stage.run(stage.spec(kafka__batch_events=2000)).partitions[0]
    good = [i for i, (_, fine) in enumerate(sent) if fine]
    c = result.counters
    assert positions_of(settings, stage.topics["predictions"], 0) == good
    assert (c["records"], c["predicted"], c["learnt"]) == (MESSAGES, len(good), len(good))
    letters = stage.read("dead")
    assert [int(m.header("streamnn-offset") or -1) for m in letters] == [
        i for i, (_, fine) in enumerate(sent) if not fine
    ]
    for letter in letters:
        original = sent[int(letter.header("streamnn-offset") or -1)][0]
        assert letter.header("streamnn-reason") and letter.value == (original or b"")
    assert result.next == [MESSAGES]


def test_names_without_end(settings: KafkaSettings, topic: Make, name: Name) -> None:
    stage, said, count = Stage(settings, topic, name), [], 5000
    stage.produce("events", [a_million_names(i) for i in range(count)])
    result = stage.run(stage.spec(kafka__batch_events=2000), say=said.append).partitions[0]
    # 1,000 columns: x, y and 998 of theirs
    assert (result.counters["predicted"], result.counters["dead"]) == (998, count - 998)
    assert sum("columns of the source: as many as may be are known" in text for text in said) == 1
    letters = stage.read("dead")
    assert letters[-1].header("streamnn-reason") == (
        b"column 'column 4999' would be one of too many columns, the limit is 1000"
    )
    assert [json.loads(m.value or b"")[f"column {998 + i}"] for i, m in enumerate(letters)] == [2.0] * len(
        letters
    )
