"""The third way to a broker: the public image, started through testcontainers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kafka_broker import ContainerBroker, docker_runs
from kafka_helpers import batches, committed_run, rows

from streamnn_connectors.kafka import KafkaAdmin, KafkaSettings, KafkaSource, KafkaTransaction

pytestmark = [pytest.mark.slow, pytest.mark.docker]


def test_the_container_takes_transactions(closing: Callable[[Any], Any]) -> None:
    if not docker_runs():
        pytest.skip("needs a Docker engine and the package testcontainers")
    broker = ContainerBroker()
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap)
        with KafkaAdmin(settings) as admin:
            admin.create("t")
        output = closing(KafkaTransaction(settings, "id", timeout_s=20))
        committed_run(output, "t", [b'{"x":1}'], [b'{"x":2}'])
        source = closing(KafkaSource(settings, "t", until_end=True))
        assert rows(batches(source.open("0"), 2)) == [{"x": 1.0}, {"x": 2.0}]
        source.close()
        output.close()
    finally:
        broker.stop()
