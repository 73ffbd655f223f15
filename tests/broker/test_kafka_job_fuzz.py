"""Hostile messages through a real topic: the job lives, each is a dead letter, the good ones are learnt."""

from __future__ import annotations

import pytest
from kafka_hostile import hostile
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
