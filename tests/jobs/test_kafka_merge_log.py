"""The merge log: however events and labels meet, what a transaction writes of it fits a message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn_jobs.kafka.merge_log import Merged, from_value, most_merged, to_value
from streamnn_jobs.kafka.setup import Setup
from streamnn_jobs.kafka.topics import Topics
from streamnn_jobs.run.joined_worker import EVENT, LABEL
from streamnn_jobs.spec.load import make_spec

FAR = (2**63 - 1, 2**63 - 1)


@pytest.mark.parametrize("message_bytes", [10_000, 50_000])
@pytest.mark.parametrize("run", [1, 2, 9, 10, 11, 1000])
@pytest.mark.parametrize("first", [EVENT, LABEL])
def test_the_most_records_fit_in_any_order(message_bytes: int, run: int, first: int) -> None:
    kinds = (np.arange(most_merged(message_bytes)) // run % 2).astype(np.int8)
    order = kinds ^ np.int8(first)
    value = to_value(Merged(FAR, FAR, order))
    assert len(value) <= message_bytes
    assert np.array_equal(from_value(value).order, order)


@given(st.lists(st.sampled_from([EVENT, LABEL]), max_size=300))
def test_an_order_comes_back_and_takes_two_bytes_a_record_at_most(order: list[int]) -> None:
    merged = Merged((1, 2), (3, 4), np.array(order, np.int8))
    value = to_value(merged)
    assert from_value(value).order.tolist() == order
    assert len(value) <= 2 * len(order) + len(to_value(Merged((1, 2), (3, 4), np.zeros(0, np.int8)))) + 2


@pytest.mark.parametrize(
    ("batch_events", "message_bytes", "logged", "most"),
    [(2000, 10_000, True, 2000), (100_000, 10_000, True, 4500), (100_000, 10_000, False, 100_000)],
)
def test_a_transaction_is_bounded_by_what_its_order_takes(
    batch_events: int, message_bytes: int, logged: bool, most: int
) -> None:
    spec = make_spec(
        {
            "source": {"topic": "e"},
            "label": {"column": "y"} | ({"topic": "l", "key": "k"} if logged else {}),
            "learner": {"task": "classification"},
            "kafka": {"batch_events": batch_events, "message_bytes": message_bytes, "merge_log": "m"},
        }
    )
    topics = Topics("e", "l" if logged else None, 1, {"merge_log": ("m", 1)} if logged else {})
    no: Any = None
    assert Setup(spec, topics, "g", no, no).batch_events == most
