"""Events and labels of a backlog meet as they would have met live, however their fetches come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamnn_connectors.base import Batch
from streamnn_connectors.kafka import Place
from streamnn_jobs.kafka import inputs as module
from streamnn_jobs.kafka.inputs import Inputs
from streamnn_jobs.kafka.stream import Stream
from streamnn_jobs.run.joined_worker import EVENT, LABEL

pa = pytest.importorskip("pyarrow")


class _Partition:
    """Records with times; those of a fetch come when it has been asked for often enough."""

    def __init__(self, times: list[int], fetch: int, first_after: int):
        self.place = Place("t", 0)
        self.resume = {"position": 0}
        self._times = np.array(times, np.int64)
        self._fetch = fetch
        self._asked = -first_after

    def next_batch(self, limit: int) -> Batch:
        self._asked += 1
        at = self.resume["position"]
        count = min(self._fetch, len(self._times) - at, limit) if self._asked > 0 else 0
        position = np.arange(at, at + count, dtype=np.int64)
        self.resume = {"position": at + count}
        return Batch(pa.RecordBatch.from_pydict({"x": position}), position, self.resume)

    @property
    def behind(self) -> bool:
        return self.resume["position"] < len(self._times)

    def lag(self) -> int:
        # nothing is known before the first fetch
        return len(self._times) - self.resume["position"] if self._asked > 0 else 0

    def times(self, position: np.ndarray) -> np.ndarray:
        return self._times[position]


def _merged(events: _Partition, labels: _Partition, turns: int) -> list[int]:
    ticks = iter(range(turns))
    streams: list[Any] = [Stream(each, 4096) for each in (events, labels)]  # type: ignore[arg-type]
    both = Inputs(*streams, clock=lambda: next(ticks) * 0.1)
    out: list[int] = []
    for _ in range(turns):
        piece = both.take(64)
        if piece is not None:
            assert piece.order is not None
            out += piece.order.tolist()
    return out


@pytest.mark.parametrize("late", ["events", "labels"])
@pytest.mark.parametrize(("many", "few"), [(50, 7), (7, 50), (500, 500)])
def test_a_backlog_is_merged_by_time(late: str, many: int, few: int) -> None:
    after = {"events": 0, "labels": 0} | {late: 30}
    events = _Partition([10 * i for i in range(300)], many, after["events"])
    labels = _Partition([10 * i + 25 for i in range(298)], few, after["labels"])
    expected = [EVENT, EVENT, EVENT] + [LABEL, EVENT] * 297 + [LABEL]
    assert _merged(events, labels, 800) == expected


def test_labels_that_do_not_come_are_waited_for_no_longer_than_it_says() -> None:
    events = _Partition([10 * i for i in range(5)], 100, 0)
    labels = _Partition([5], 1, 10_000)
    turns = int(module.BACKLOG_S / 0.1)
    assert _merged(events, labels, turns - 2) == []
    labels = _Partition([5], 1, 10_000)
    events = _Partition([10 * i for i in range(5)], 100, 0)
    assert _merged(events, labels, turns + 2) == [EVENT] * 5
