"""What a job says of its topics before its first event; the cluster is made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streamnn_jobs.kafka import topics as module
from streamnn_jobs.kafka.topics import check_topics
from streamnn_jobs.spec.load import make_spec


class Cluster:
    """Stands for KafkaAdmin: every topic is there, and keeps everything."""

    def __init__(self, settings: Any): ...
    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *args: object) -> None: ...
    def describe(self, topic: str) -> Any:
        return SimpleNamespace(partitions=1)

    def limits(self, topic: str) -> Any:
        return SimpleNamespace(message_bytes=None, cleanup=("delete",), retention_s=None)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("dead_letters", [None, "dead"])
def test_a_job_that_keeps_no_dead_letters_says_so(
    dead_letters: str | None, create: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KafkaAdmin", Cluster)
    kafka = {} if dead_letters is None else {"dead_letters": dead_letters}
    spec = make_spec(
        {
            "source": {"topic": "e"},
            "label": {"column": "y"},
            "learner": {"task": "classification"},
            "kafka": kafka,
        }
    )
    said: list[str] = []
    check_topics(spec, said.append, create)
    words = "kafka.dead_letters: names no topic: records that can't be used are counted, and lost. Name one to keep them"
    assert said == ([words] if dead_letters is None else [])
