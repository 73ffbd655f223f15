"""A worker of two logs: pieces may be cut anywhere, bad records of both are kept apart."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from fake_learner import FakeLearner, make_fake
from hypothesis import given
from hypothesis import strategies as st

from streamnn_connectors.base import BadRecord, Batch
from streamnn_jobs.ask.predict import Predictor
from streamnn_jobs.run.checkpoint import CheckpointStore
from streamnn_jobs.run.joined_worker import EVENT, LABEL, JoinedWorker
from streamnn_jobs.run.limits import LimitNotes
from streamnn_jobs.run.worker import MOST_LEFT_OUT
from streamnn_jobs.spec.fingerprint import learning_fields
from streamnn_jobs.spec.job import JobSpec, LimitsSpec
from streamnn_jobs.spec.load import make_spec


def spec_of(**label: Any) -> JobSpec:
    return make_spec(
        {
            "source": {"topic": "e", "event_time": "t"},
            "label": {"column": "y", "topic": "l", "key": "key", **label},
            "learner": {"task": "classification"},
            "kafka": {"merge_log": "m"},
        }
    )


def worker(**label: Any) -> JoinedWorker:
    return JoinedWorker(spec_of(**label), "classification", FakeLearner())


def batch(rows: list[dict[str, Any]], first: int = 0, bad: tuple[int, ...] = ()) -> Batch:
    """Rows at consecutive positions, leaving out those of bad records."""
    places = [p for p in range(first, first + len(rows) + len(bad)) if p not in bad]
    columns = {name: pa.array([row.get(name) for row in rows]) for name in rows[0]} if rows else {}
    table = pa.RecordBatch.from_pydict(columns) if columns else pa.RecordBatch.from_pylist([], pa.schema([]))
    return Batch(
        table,
        np.array(places, np.int64),
        {},
        [BadRecord(p, "is bad", "decode", b"?") for p in bad],
    )


EVENTS = [{"key": f"k{i}", "x": float(i % 5), "t": float(i)} for i in range(40)]
LABELS = [{"key": f"k{i}", "y": i % 3} for i in range(40)]


@given(st.permutations([EVENT] * 40 + [LABEL] * 40), st.lists(st.integers(0, 80), max_size=5))
def test_cuts_change_nothing(order: list[int], cuts: list[int]) -> None:
    whole, pieces = worker(expire_after=9.0), worker(expire_after=9.0)
    merged = np.array(order, np.int8)
    expected = whole.merge(batch(EVENTS), batch(LABELS), merged)
    surprises: list[float] = []
    e = y = 0
    places = [0, *sorted(cuts), len(order)]
    for start, stop in pairwise(places):
        part = merged[start:stop]
        m = int(part.sum())
        n = len(part) - m
        step = pieces.merge(
            batch(EVENTS[e : e + n], e) if n else None, batch(LABELS[y : y + m], y) if m else None, part
        )
        e, y = e + n, y + m
        if step.predictions:
            surprises += step.predictions["surprise"].tolist()
    assert surprises == expected.predictions["surprise"].tolist()
    assert pieces.learner.state_hash() == whole.learner.state_hash()
    assert pieces.counters == whole.counters
    whole.check()
    pieces.check()


def test_bad_records_keep_their_place_in_the_order() -> None:
    w = worker()
    # merged: bad event, label k1 (early), event k0, bad label, event k1, label k0
    step = w.merge(
        batch(EVENTS[:2], 10, bad=(10,)),
        batch([LABELS[1], LABELS[0]], 5, bad=(6,)),
        np.array([EVENT, LABEL, EVENT, LABEL, EVENT, LABEL], np.int8),
    )
    assert [b.position for b in step.bad] == [10] and [b.position for b in step.bad_labels] == [6]
    assert step.predictions["position"].tolist() == [11, 12]
    assert step.predictions["key"].tolist() == ["k0", "k1"]
    assert (w.counters.learnt, w.join.pending, w.join.waiting) == (2, 0, 0)
    assert (step.records, step.events) == (3, 2)
    assert step.surprise == float(step.predictions["surprise"].sum()) > 0
    w.check()


def test_labels_that_can_not_be_told() -> None:
    w = worker(missing=[-1])
    labels = batch(
        [{"key": "k0", "y": 1}, {"key": None, "y": 1}, {"key": "k2", "y": -1}, {"key": "k1", "y": 0.5}]
    )
    step = w.merge(batch(EVENTS[:3]), labels, np.array([EVENT] * 3 + [LABEL] * 4, np.int8))
    assert {b.position: b.reason[:20] for b in step.bad_labels} == {
        1: "the label has no key",
        3: "the label is '0.5', ",
    }
    c = w.counters
    assert (c.label_records, c.label_dead, c.labels, c.learnt, c.unlabelled, c.closed) == (4, 2, 2, 1, 1, 1)
    w.check()


def test_keys_that_are_numbers() -> None:
    w = worker()
    events = batch([{"key": 7.0, "t": 0.0}, {"key": 0.5, "t": 0.0}])
    labels = batch([{"key": "7", "y": 1}, {"key": "0.5", "y": 0}])
    w.merge(events, labels, np.array([EVENT, EVENT, LABEL, LABEL], np.int8))
    assert w.counters.learnt == 2


def test_a_checkpoint_of_it_scores_files(tmp_path: Path) -> None:
    w = worker()
    w.merge(batch(EVENTS), batch(LABELS), np.array([EVENT, LABEL] * 40, np.int8))
    arrays, state = w.state_dict()
    manifest = {"spec": learning_fields(spec_of()), "worker": state}
    CheckpointStore(tmp_path / "c").save(80, arrays, manifest)
    (tmp_path / "new.jsonl").write_text('{"key": "z", "x": 3, "t": 1}\n')
    predictor = Predictor(tmp_path / "c", make=make_fake)
    figures = predictor.score(str(tmp_path / "new.jsonl"), True, str(tmp_path / "out.jsonl"))
    assert figures["events"] == 1 and '"prediction"' in (tmp_path / "out.jsonl").read_text()
    assert predictor.worker.learner.state_hash() == w.learner.state_hash()


def test_the_limit_of_early_labels_is_said() -> None:
    w = JoinedWorker(
        spec_of().model_copy(update={"limits": LimitsSpec(early_labels=3)}), "classification", FakeLearner()
    )
    said: list[str] = []
    notes = LimitNotes(spec_of().model_copy(update={"limits": LimitsSpec(early_labels=3)}), w, said.append)
    for i in range(5):
        w.merge(None, batch([LABELS[i]], i), np.array([LABEL], np.int8))
        notes()
    assert len(said) == 1 and said[0].startswith("limits.early_labels: 3 labels wait")
    assert (w.join.waiting, w.counters.unmatched) == (3, 2)


def test_names_of_what_is_left_out_are_bounded() -> None:
    w = worker()
    for i in range(40):
        events = batch([EVENTS[i]], i)
        events.left_out.update(f"a.{i}.{j}" for j in range(MOST_LEFT_OUT // 10))
        w.merge(events, None, np.array([EVENT], np.int8))
    assert len(w.left_out) == MOST_LEFT_OUT
