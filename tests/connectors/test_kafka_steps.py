"""The order of a replayed stream: decided by the stream alone, whatever the batches are."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn_connectors import MemorySource
from streamnn_connectors.kafka._steps import FeedColumns, FeedSteps, Step

ROW = st.fixed_dictionaries(
    {"x": st.integers(0, 9)},
    optional={
        "t": st.integers(-3, 20),
        "known": st.one_of(st.none(), st.integers(-3, 30)),
        "y": st.integers(-1, 2),
    },
)


def steps(rows: list[Any], limit: int, **options: Any) -> list[Step]:
    partition = MemorySource(rows, "m").open("0")
    made = FeedSteps("m", FeedColumns("y", **options))
    out: list[Step] = []
    while (batch := partition.next_batch(limit)) is not None:
        out += made.batch(batch)
    return [*out, *made.rest()]


@given(st.lists(st.one_of(ROW, st.just({3: 1})), max_size=30), st.integers(1, 31))
def test_labels_come_when_they_are_known_and_cuts_do_not_matter(rows: list[Any], limit: int) -> None:
    options: dict[str, Any] = {"event_time": "t", "label_time": "known", "missing": (-1,)}
    rows = [{"t": 0, "known": 0, "y": 0, "x": 0}, *rows]  # every column is there from the first batch on
    found = steps(rows, len(rows), **options)
    assert steps(rows, 1, **options) == found
    assert steps(rows, limit, **options) == found
    good = [i for i, row in enumerate(rows) if 3 not in row]
    assert [s.key for s in found if s.kind == "event"] == [f"m-{i}" for i in good]
    wanted = {f"m-{i}" for i in good if rows[i].get("y", -1) != -1 and rows[i].get("known") is not None}
    labels = [s for s in found if s.kind == "label"]
    assert {s.key for s in labels} == wanted and len(labels) == len(wanted)
    now = float("-inf")
    for at, step in enumerate(found):
        if step.kind == "event":
            assert all(
                other.at >= step.at or other in found[:at] for other in labels if _after(found, other, at)
            )
            assert step.at is not None and step.at >= now  # a clock that goes back is held
            now = step.at


def _after(found: list[Step], label: Step, at: int) -> bool:
    """Whether the event of a label is before `at`, so that the label could be."""
    return any(s.kind == "event" and s.key == label.key for s in found[:at])


def test_times_may_be_texts_and_keys_columns() -> None:
    rows = [
        {"id": 7, "t": "1970-01-01T00:00:10", "y": 1, "known": "1970-01-01T01:00:20+01:00", "secret": 1},
        {"id": None, "t": "1970-01-01T00:00:21Z", "y": 0, "known": None, "secret": 2},
    ]
    found = steps(rows, 5, event_time="t", label_time="known", key="id", leave_out=("secret", "id"))
    assert [(s.kind, s.key, s.at) for s in found] == [
        ("event", "7", 10.0), ("label", "7", 20.0), ("event", "m-1", 21.0)
    ]  # fmt: skip
    assert msgspec.json.decode(found[0].value) == {"key": "7", "t": "1970-01-01T00:00:10.000000Z"}
    assert msgspec.json.decode(found[1].value) == {"key": "7", "y": 1, "time": 20.0}
    with pytest.raises(SpecError, match="in column 't' the text 'noon' is no time"):
        steps([{"t": "noon"}], 1, event_time="t")
    with pytest.raises(SpecError, match="no column 'known'"):
        steps([{"t": 1}], 1, event_time="t", label_time="known")


def test_time_stamps_are_seconds_and_go_out_as_texts() -> None:
    start = 1_738_540_800
    table = pa.table(
        {
            "t": pa.array([start * 10**9 + 1, (start + 30) * 10**9], pa.timestamp("ns")),
            "known": pa.array([start + 20, None], pa.timestamp("s", "Asia/Tokyo")),
            "y": [1, 0],
        }
    )
    found = steps(table, 5, event_time="t", label_time="known")
    assert [(s.kind, s.at) for s in found] == [
        ("event", start + 1e-9), ("label", start + 20), ("event", start + 30)
    ]  # fmt: skip
    assert msgspec.json.decode(found[0].value)["t"] == "2025-02-03T00:00:00.000000001Z"


def test_what_names_a_feed_stays_the_same() -> None:
    # the consumer group that keeps how far a feed has come is named after it
    columns = FeedColumns("y", event_time="t", delay_events=5, missing=(-1, "NA"), leave_out=("b", "a"))
    assert json.dumps(columns.identity()) == (
        '["y", {"event_time": "t", "label_time": null, "delay_events": 5, "key": null, "missing": ["-1", "NA"], '
        '"leave_out": ["a", "b"]}]'
    )
