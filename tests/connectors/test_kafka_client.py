"""Clients of kafka-python that are given up leave no pair of sockets open to the garbage collector."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streamnn.errors import MissingPackage, StreamnnError
from streamnn_connectors.kafka import KafkaSettings
from streamnn_connectors.kafka._client import (
    client,
    close_consumer,
    make_admin,
    make_consumer,
    make_producer,
)

try:
    client()
except MissingPackage as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Every end of a pair that is made."""
    from kafka.net import selector

    made: list[socket.socket] = []

    def socketpair() -> tuple[socket.socket, socket.socket]:
        both = socket.socketpair()
        made.extend(both)
        return both

    monkeypatch.setattr(selector, "socket", SimpleNamespace(socketpair=socketpair))
    return made


@pytest.mark.parametrize("make", [make_consumer, make_producer, make_admin])
def test_a_client_that_no_broker_answers_closes_its_pair(
    make: Callable[[KafkaSettings], Any], pairs: list[socket.socket]
) -> None:
    with pytest.raises(StreamnnError, match="no Kafka broker answered"):
        make(KafkaSettings(bootstrap_servers="127.0.0.1:1", connect_timeout_s=0.2))
    assert [end.fileno() for end in pairs] == [-1, -1]


def test_a_consumer_that_can_not_leave_its_group_closes_its_network() -> None:
    said: list[str] = []

    def close(**how: Any) -> None:
        said.append("leave")
        raise client().errors.FencedInstanceIdError

    network = SimpleNamespace(close=lambda: said.append("network"))
    close_consumer(SimpleNamespace(close=close, _client=network))
    assert said == ["leave", "network"]
