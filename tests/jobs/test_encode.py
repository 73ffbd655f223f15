"""Arrow batches to columns and labels; what does not fit becomes a bad record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from streamnn.errors import SchemaError
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


def test_every_type_becomes_numbers_or_texts() -> None:
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
    assert first == {"i": 1, "f": 1.5, "b": 1, "d": 1, "s": "x", "c": "x", "k": 7, "t": 1.5, "day": 86_400}
    for name, v in out.columns.items():
        assert v[1] is None if name in "sc" else (v.dtype == np.float64 and np.isnan(v[1]))
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


def test_a_column_keeps_the_type_of_its_first_value() -> None:
    e = encoder()
    encode(e, {"a": [1.0], "b": pa.array([None], pa.string()), "y": [1]})
    out = encode(e, {"a": ["x", None, "z"], "b": [1.0, 2.0, 3.0], "y": [1, 1, 1]}, first=10)
    assert [b.position for b in out.bad] == [10, 12] and out.position.tolist() == [11]
    assert "column 'a' is string, not number" in out.bad[0].reason and out.bad[0].stage == "schema"
    assert out.bad[0].raw == b'{"a":"x","b":1.0,"y":1}'
    assert e.kinds == {"a": "number", "b": "number"}


def test_a_bad_record_leaves_no_trace() -> None:
    e = encoder("regression")
    out = encode(e, {"a": [1.0, 2.0], "fresh": pa.array([None, "x"]), "y": [1.0, float("inf")]})
    assert out.position.tolist() == [0] and out.bad[0].stage == "label"
    assert e.kinds == {"a": "number"} and "fresh" not in out.columns
    e = encoder(label={"time": "known"})
    out = encode(e, {"a": [1.0, 2.0], "t": [1.0, float("nan")], "known": [2.0, 2.0], "y": ["p", "new"]})
    assert out.position.tolist() == [0] and e.labels.values == ["p"]


def test_nested_columns_are_bad_records() -> None:
    out = encode(encoder(), {"a": [[1], None], "x": [1.0, 2.0], "y": [1, 1]})
    assert out.position.tolist() == [1] and "list<" in out.bad[0].reason


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


def test_a_column_learnt_as_text_takes_numbers_when_frozen() -> None:
    e = encoder()
    encode(e, {"a": ["7"], "b": [1.0], "y": [1]})
    rows = pa.RecordBatch.from_pydict({"a": [7.0, None, 2.5], "b": ["x", None, None]})
    columns, why = e.features(rows)
    assert columns["a"].tolist() == ["7", None, "2.5"] and list(why) == [0] and "'b' is string" in why[0][0]


def test_labels_that_are_none() -> None:
    e = encoder()
    encode(e, {"x": [0.0], "y": [3]})
    for labels, words in (
        (["a"], "not whole numbers"),
        ([True], "not whole numbers"),
        ([2.5], "no class"),
        ([float("inf")], "no class"),
        ([[1]], "list<"),
    ):
        out = encode(e, {"x": [0.0], "y": labels})
        assert words in out.bad[0].reason and out.bad[0].stage == "label"
    out = encode(encoder("regression"), {"x": [0.0] * 2, "y": ["high", None]})
    assert "not numbers" in out.bad[0].reason and out.position.tolist() == [1] and np.isnan(out.label[0])
    assert e.labels.values == [3]


def test_there_is_a_limit_of_classes() -> None:
    e = encoder()
    out = encode(e, {"x": [0.0] * 5, "y": [1, 2, 3, 4, 1]})
    assert out.position.tolist() == [0, 1, 2, 4] and "more than 3 classes" in out.bad[0].reason


def test_two_columns_of_one_name_are_refused() -> None:
    rows = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SchemaError, match="two columns are named 'a'"):
        encoder().encode(Batch(rows, np.arange(1), {"position": 1}))
