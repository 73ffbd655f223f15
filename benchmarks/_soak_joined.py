"""A soak of two logs: flights without end, their labels on a log of their own, joined by key. No broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from _soak import Endless, Sampler

from streamnn_connectors.base import Batch
from streamnn_jobs.run.checkpoint import CheckpointStore
from streamnn_jobs.run.joined_worker import EVENT, LABEL, JoinedWorker
from streamnn_jobs.run.learner import make_learner
from streamnn_jobs.spec.load import make_spec

PENDING = 5000
"""Flights that are cancelled never get a label: so many wait, which is reached within the warm-up."""
YEAR_MIN = 525_600.0
SAVE_RECORDS = 50_000
Piece = tuple[Batch, Batch | None, np.ndarray]


def pieces(a_minute: int, limit: int) -> Iterator[Piece]:
    """Events, the labels that became known meanwhile, and how they met."""
    source = Endless(a_minute).open("0")
    known, number, value = np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64)
    sent = 0
    while (batch := source.next_batch(limit)) is not None:
        rows = batch.rows
        key = pa.array([f"flight {p}" for p in batch.position.tolist()])
        events = Batch(
            rows.drop_columns(["y", "t_label_min"]).append_column("key", key),
            batch.position, batch.resume, batch.bad,
        )  # fmt: skip
        at = rows["t_label_min"].to_numpy().astype(float)
        with_label = at >= 0
        known = np.concatenate([known, at[with_label]])
        number = np.concatenate([number, batch.position[with_label]])
        value = np.concatenate([value, rows["y"].to_numpy()[with_label]])
        every = np.sort(np.concatenate([batch.position, [b.position for b in batch.bad]]))
        now = every // a_minute
        due = known <= now[-1]
        by = np.flatnonzero(due)[np.argsort(known[due], kind="stable")]
        order = np.argsort(np.concatenate([now, known[by]]), kind="stable") >= len(now)
        labels = None
        if len(by):
            names = pa.array([f"flight {p}" for p in number[by].tolist()])
            table = pa.RecordBatch.from_pydict({"key": names, "y": value[by]})
            labels = Batch(table, np.arange(sent, sent + len(by)), {})
            sent += len(by)
        known, number, value = known[~due], number[~due], value[~due]
        yield events, labels, np.where(order, LABEL, EVENT).astype(np.int8)


def soak(sampler: Sampler, folder: Path, clock: Callable[[], float], seconds: float) -> JoinedWorker:
    """Learn for so long; labels may take a year, so nothing but what is pending and settled bounds what is kept."""
    spec = make_spec(
        {
            "source": {"topic": "never read", "event_time": "t_event_min", "time_unit": "min"},
            "label": {"column": "y", "topic": "nor this", "key": "key", "expire_after": 60.0 * YEAR_MIN},
            "learner": {"task": "classification"},
            "limits": {"pending": PENDING, "early_labels": PENDING},
            "kafka": {"merge_log": "nor this one"},
        }
    )
    worker = JoinedWorker(spec, "classification", make_learner(spec, "classification"))
    store = CheckpointStore(folder, 2)
    end_s, saved = float("inf"), 0
    for events, labels, order in pieces(10, 2048):
        step = worker.merge(events, labels, order)
        end_s = min(end_s, clock() + seconds)  # from when all is compiled
        records = worker.counters.records
        sampler.stepped(worker, step, records, 0.0, None)
        if records - saved >= SAVE_RECORDS:
            begun_s, saved = time.perf_counter(), records
            worker.check()
            arrays, state = worker.state_dict()
            file = store.save(records, arrays, {"worker": state})
            sampler.saved(worker, file.path, file.size_bytes, time.perf_counter() - begun_s)
        if clock() >= end_s:
            break
    return worker
