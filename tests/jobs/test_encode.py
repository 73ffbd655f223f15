"""Arrow batches to columns and labels; what does not fit becomes a bad record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from streamnn.errors import SchemaError
from streamnn_connectors import CsvSource, MemorySource, ScriptedSource
from streamnn_connectors.base import Batch
from streamnn_jobs.records.encode import Encoded, Encoder
from streamnn_jobs.records.label_column import Labels
from streamnn_jobs.run.learner import make_learner
from streamnn_jobs.spec.load import make_spec


def encoder(task: str = "classification", label: dict[str, Any] | None = None, **features: Any) -> Encoder:
    source: dict[str, Any] = {"path": "a.csv"}
    if label and "time" in label:
        source["event_time"] = "t"
    spec = make_spec({"source": source, "label": {"column": "y", **(label or {})}, "features": features})
    return Encoder(spec, Labels(task, list(spec.label.missing or ()), limit=3))


def encode(e: Encoder, columns: dict[str, Any], first: int = 0) -> Encoded:
    rows = pa.RecordBatch.from_pydict(columns)
    return e.encode(Batch(rows, np.arange(first, first + rows.num_rows), {"position": first + rows.num_rows}))


def test_every_type_becomes_numbers_texts_or_times() -> None:
    out = encode(
        encoder(),
        {
            "i": pa.array([1, None], pa.int8()),
            "f": pa.array([1.5, None], pa.float32()),
            "b": pa.array([True, None]),
            "d": pa.array([1, None], pa.decimal128(5, 2)),
            "s": pa.array(["x", None]),
            "c": pa.array(["x", None]).dictionary_encode(),
            "k": pa.array([7, None]).dictionary_encode(),
            "t": pa.array([1_500, None], pa.timestamp("ms")),
            "day": pa.array([1, None], pa.date32()),
            "n": pa.nulls(2),
            "y": ["p", "q"],
        },
    )
    assert "n" not in out.columns and "y" not in out.columns
    first = {k: v[0] for k, v in out.columns.items()}
    assert first == {
        "i": 1, "f": 1.5, "b": 1, "d": 1, "s": "x", "c": "x", "k": 7,
        "t": np.datetime64(1_500, "ms"), "day": np.datetime64(1, "D"),
    }  # fmt: skip
    for name, v in out.columns.items():
        if name in ("s", "c"):
            assert v[1] is None
        elif name in ("t", "day"):
            assert v.dtype.kind == "M" and np.isnat(v[1])
        else:
            assert v.dtype == np.float64 and np.isnan(v[1])
    assert out.label.tolist() == [0, 1] and not out.bad


def test_columns_are_chosen() -> None:
    columns = {"a": [1.0], "b": [2.0], "c": [3.0], "y": [1]}
    assert list(encode(encoder(ignore=["b"]), columns).columns) == ["a", "c"]
    assert list(encode(encoder(include=["c", "y"]), columns).columns) == ["c"]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_categories_are_the_learners_business(task: str) -> None:
    spec = make_spec(
        {"source": {"path": "a.csv"}, "label": {"column": "y"}, "features": {"categories": ["a"]}}
    )
    learner = make_learner(spec, task)
    assert learner._pool.schema.categories == {"a"}
    out = encode(Encoder(spec, Labels(task)), {"a": [1, 2], "b": [0.5, 1.5], "y": [0, 1]})
    assert out.columns["a"].dtype == np.float64


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_cell_of_another_kind_is_missing_counted_and_told_once(limit: int) -> None:
    e = encoder()
    rows: list[dict[str, Any]] = [{"a": 1.0, "y": 1}] * 3 + [
        {"a": "x", "b": 2.0, "y": 1},
        {"a": 4.0, "b": "z", "y": 1},
    ]
    rows += [{"a": "x", "b": 2.0, "y": 1}]
    partition = ScriptedSource(rows).open("0")
    columns, notes, position = [], [], []
    while (batch := partition.next_batch(limit)) is not None:
        out = e.encode(batch)
        columns += out.columns["a"].tolist()
        notes += out.notes
        position += out.position.tolist()
        assert out.bad == []
    assert position == [0, 1, 2, 3, 4, 5]
    assert [None if v is None or v != v else v for v in columns] == [1.0, 1.0, 1.0, None, 4.0, None]
    assert e.odd == {("a", "x"): 2, ("b", "z"): 1}
    assert [note.partition(":")[0] for note in notes] == ["a", "b"] and "'x' is no number" in notes[0]
    assert e.kinds == {"a": "number", "b": "number"}
    again = encoder()
    again.load(e.state())
    assert again.odd == e.odd and again.kinds == e.kinds and again.state() == e.state()


def test_a_column_decided_again_within_a_batch_has_values_of_both_kinds() -> None:
    rows = [{"a": "none yet", "y": 1}, {"a": 1, "y": 1}, {"a": 2, "y": 1}, {"a": 3, "y": 1}]
    batch = ScriptedSource(rows).open("0").next_batch(10)
    assert batch is not None
    assert encoder().encode(batch).columns["a"].tolist() == ["none yet", "1", 2.0, 3.0]


def test_the_source_says_the_kinds() -> None:
    e = encoder()
    batch = MemorySource([{"id": 2**60, "at": "2025-02-03", "ok": True, "y": 1}]).open("0").next_batch(1)
    assert batch is not None
    out = e.encode(batch)
    assert e.kinds == {"id": "id", "at": "time", "ok": "boolean"}
    assert {name: v.tolist() for name, v in out.columns.items() if name != "at"} == {
        "id": [str(2**60)],
        "ok": [1.0],
    }
    assert out.columns["at"].dtype.kind == "M"


def test_a_bad_record_leaves_no_trace() -> None:
    e = encoder("regression")
    out = encode(e, {"a": [1.0, 2.0], "fresh": pa.array([None, "x"]), "y": [1.0, float("inf")]})
    assert out.position.tolist() == [0] and out.bad[0].stage == "label"
    assert e.kinds == {"a": "number"} and "fresh" not in out.columns
    e = encoder(label={"time": "known"})
    out = encode(e, {"a": [1.0, 2.0], "t": [1.0, float("nan")], "known": [2.0, 2.0], "y": ["p", "new"]})
    assert out.position.tolist() == [0] and e.labels.values == ["p"]


def test_a_source_that_hands_on_lists_is_refused() -> None:
    with pytest.raises(
        SchemaError, match=r"column 'a' is list<.*: a source hands on numbers, texts, truths and times"
    ):
        encode(encoder(), {"a": [[1], None], "x": [1.0, 2.0], "y": [1, 1]})


@pytest.mark.parametrize(
    ("labels", "codes", "values"),
    [
        ([3, None, 3, -1, 4], [0, None, 0, None, 1], [3, 4]),
        ([3.0, float("nan"), 3.0, -1.0, 4.0], [0, None, 0, None, 1], [3, 4]),
        (["b", None, "b", "NA", "a"], [0, None, 0, None, 1], ["b", "a"]),
        ([True, None, True, None, False], [0, None, 0, None, 1], [True, False]),
    ],
)
def test_classes_are_numbered_as_they_come(labels: list[Any], codes: list[Any], values: list[Any]) -> None:
    e = encoder(label={"missing": [-1, "NA"]})
    out = encode(e, {"x": [0.0] * 5, "y": labels})
    assert [None if np.isnan(c) else c for c in out.label] == codes
    assert e.labels.values == values and [type(v) for v in e.labels.values] == [type(v) for v in values]
    again = encoder(label={"missing": [-1, "NA"]})
    again.load(e.state())
    assert [None if np.isnan(c) else c for c in encode(again, {"x": [0.0] * 5, "y": labels}).label] == codes
    assert again.labels.objects(out.label).tolist() == [None if c is None else values[c] for c in codes]


def test_declared_classes_leave_missing_labels_missing() -> None:
    labels = Labels("classification", missing=[-1], declared=[0, 1])
    for column in (pa.array([1, None, -1, 0]), pa.array([1.0, None, -1.0, 0.0])):
        codes, bad = labels.encode(column, np.ones(4, np.bool_))
        assert codes[[0, 3]].tolist() == [1.0, 0.0] and np.isnan(codes[[1, 2]]).all() and not bad
    assert labels.values == [0, 1] and labels.objects(codes).tolist() == [1, None, None, 0]


def test_targets_beyond_all_measure_are_bad_labels() -> None:
    out = encode(encoder("regression"), {"x": [0.0] * 4, "y": [1e100, 1.1e100, -1e200, float("nan")]})
    assert out.position.tolist() == [0, 3] and out.label[0] == 1e100 and np.isnan(out.label[1])
    assert ["of at most 1e+100 in magnitude" in b.reason and b.stage == "label" for b in out.bad] == [
        True
    ] * 2


def test_frozen_only_known_columns_are_taken_and_nothing_is_kept() -> None:
    e = encoder()
    encode(e, {"a": ["7"], "b": [1.0], "y": [1]})
    before = e.state()
    rows = pa.RecordBatch.from_pydict({"a": ["8", None], "b": [2.0, None], "new": [1.0, 2.0], "y": [1, 2]})
    columns = e.features(rows)
    assert list(columns) == ["a", "b"] and columns["a"].tolist() == ["8", None] and columns["b"][0] == 2.0
    assert e.state() == before


@pytest.mark.parametrize(
    ("first", "later", "value"),
    [
        (0, [0.0, "0", False, 0], 0),
        (0.0, [0, "0", False], 0),
        ("0", ["0", 0, 0.0], "0"),
        (True, [True, 1, 1.0, "true", "1", "True"], True),
        ("true", ["true", True], "true"),
        (2**60, [2**60, str(2**60)], 2**60),
        (str(2**60), [2**60, str(2**60)], str(2**60)),
    ],
)
def test_a_class_is_one_whatever_it_comes_in(first: Any, later: list[Any], value: Any) -> None:
    e = encoder()
    encode(e, {"x": [0.0], "y": [first]})
    assert e.labels.values == [value] and type(e.labels.values[0]) is type(value)
    for i, label in enumerate(later, 1):
        out = encode(e, {"x": [0.0], "y": [label]}, first=i)
        assert out.label.tolist() == [0.0] and out.bad == []
    assert e.labels.values == [value]


@pytest.mark.parametrize("limit", [1, 10])
def test_wide_ids_as_labels_stay_apart_and_are_whole_numbers(limit: int) -> None:
    e = encoder()
    ids = [2**60, 2**60 + 1, 7, 2**60]
    partition = MemorySource([{"x": 0.0, "y": y} for y in ids]).open("0")
    codes: list[float] = []
    while (batch := partition.next_batch(limit)) is not None:
        codes += e.encode(batch).label.tolist()
    assert codes == [0.0, 1.0, 2.0, 0.0] and e.labels.values == [2**60, 2**60 + 1, 7]


@pytest.mark.parametrize("limit", [1, 10])
def test_digits_with_zeros_in_front_as_labels_are_names(limit: int, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,10115\n2,01067\n3,10115\n")
    e = encoder()
    partition = CsvSource(tmp_path / "a.csv").open("0")
    codes: list[float] = []
    while (batch := partition.next_batch(limit)) is not None:
        codes += e.encode(batch).label.tolist()
    assert codes == [0.0, 1.0, 0.0] and e.labels.values == ["10115", "01067"]


def test_labels_that_are_no_class_are_bad() -> None:
    for first, labels, words in (
        (3, ["a", 2.5, float("inf"), "2.5"], "no class: whole numbers are"),
        ("a", [2.5, float("inf")], "no class: texts are"),
        (True, [2, "maybe", 0.5], "no class: true and false are"),
    ):
        e = encoder()
        encode(e, {"x": [0.0], "y": [first]})
        for label in labels:
            (bad,) = encode(e, {"x": [0.0], "y": [label]}).bad
            assert words in bad.reason and bad.stage == "label"
        assert e.labels.values == [first]


def test_targets_are_numbers_however_they_are_written() -> None:
    e = encoder("regression")
    out = encode(e, {"x": [0.0] * 5, "y": ["1.5", "high", None, "n/a", "-2"]})
    assert out.position.tolist() == [0, 2, 3, 4] and "not numbers" in out.bad[0].reason
    assert out.label[[0, 3]].tolist() == [1.5, -2.0] and np.isnan(out.label[[1, 2]]).all()


def test_there_is_a_limit_of_classes() -> None:
    e = encoder()
    out = encode(e, {"x": [0.0] * 5, "y": [1, 2, 3, 4, 1]})
    assert out.position.tolist() == [0, 1, 2, 4] and "more than 3 classes" in out.bad[0].reason


def test_two_columns_of_one_name_are_refused() -> None:
    rows = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SchemaError, match="two columns are named 'a'"):
        encoder().encode(Batch(rows, np.arange(1), {"position": 1}))
