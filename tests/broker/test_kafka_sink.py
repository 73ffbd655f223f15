"""Topics as sinks without transactions, and dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kafka_helpers import produce, read, values

from streamnn.errors import SinkError
from streamnn_connectors import Sink, check_sink
from streamnn_connectors.kafka import (
    Encoding,
    KafkaSettings,
    KafkaSink,
)

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]
Name = Callable[[str], str]


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(rows=10), Encoding("arrow", rows=10)])
def test_at_least_once_keeps_the_contract_beside_other_writers(
    settings: KafkaSettings, topic: Make, encoding: Encoding
) -> None:
    where = topic()

    def make() -> Sink:
        produce(
            settings,
            where,
            [b"somebody else"] * 3,
            headers=[("streamnn-source", b"other/0"), ("streamnn-position", b"99")],
        )
        return KafkaSink(settings, where, source="events/0", encoding=encoding)

    check_sink(make)
    ours = [m for m in read(settings, where) if m.header("streamnn-source") == b"events/0"]
    assert [m.header("streamnn-position") for m in ours][-1] == b"9"


def test_rows_of_any_shape_are_written_in_order(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic()
    sink = closing(KafkaSink(settings, where))
    sink.write([{"position": 0, "a": 1}, {"position": 1, "b": [1, {"c": None}]}])
    sink.write_columns({"position": np.array([2]), "p": np.array([np.nan])})
    sink.flush(10)
    assert [json.loads(v or b"") for v in values(settings, where)] == [
        {"position": 0, "a": 1},
        {"position": 1, "b": [1, {"c": None}]},
        {"position": 2, "p": None},
    ]


def test_what_the_topic_does_not_take_is_an_error_or_counted(
    settings: KafkaSettings, topic: Make, closing: Close
) -> None:
    where = topic(max_message_bytes=1000)
    big = [{"position": 0, "s": "x" * 5000}]
    sure, plain = KafkaSink(settings, where), closing(KafkaSink(settings, where, mode="plain"))
    sure.write(big)
    with pytest.raises(SinkError, match="a message was not taken"):
        sure.flush(10)
    with pytest.raises(SinkError):
        sure.close()
    plain.write(big)
    plain.flush(10)
    assert plain.lost == 1 and plain.oversize == 0
    small = closing(KafkaSink(settings, where, encoding=Encoding(largest=500)))
    small.write(big)
    small.flush(10)
    assert small.oversize == 1 and b"the limit is 500" in (values(settings, where)[0] or b"")
