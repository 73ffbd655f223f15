"""The kinds of a learner's columns: the same from records one by one, from chunks of any size, and from a saved state."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn import Classifier
from streamnn.errors import SchemaError
from streamnn.features.encoder import Encoder, columns_of
from streamnn.features.schema import Schema
from streamnn.state import state_hash

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-10, 10), st.just(float("nan")), st.just(2**60),
    st.sampled_from(["red", "blue", "7", "1.5", "n/a", "?", "2025-02-03", ""]),
    st.sampled_from([datetime(2025, 2, 3), datetime(2025, 2, 3, 10, tzinfo=UTC), date(2025, 2, 4), np.datetime64("2025-02-05T01")]),
    st.sampled_from([np.float32(0.5), np.int64(2), np.True_, Decimal("1.5"), np.timedelta64(90, "s")]),
)  # fmt: skip
ROW = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
# runs of alike rows, so that kinds are settled, and mixed ones
ROWS = st.lists(st.tuples(ROW, st.sampled_from([1, 1, 2, 21])), min_size=1, max_size=12).map(
    lambda runs: [row for row, n in runs for _ in range(n)]
)


def encoded(schema: Schema, rows: list[dict], chunk: int, learn: bool = True) -> np.ndarray:
    """All rows by chunks, as wide as the columns known at the end."""
    parts = []
    for at in range(0, len(rows), chunk):
        piece = rows[at : at + chunk]
        columns = {}
        for name in {name for row in piece for name in row}:
            values = np.empty(len(piece), object)
            values[:] = [row.get(name) for row in piece]
            columns[name] = values
        parts.append(schema.encode(schema.prepare(columns, len(piece)), len(piece), learn))
    out = np.full((len(rows), len(schema.names)), np.nan)
    at = 0
    for part in parts:
        width = min(part.shape[1], out.shape[1])
        out[at : at + len(part), :width] = part[:, :width]
        assert np.isnan(part[:, width:]).all()
        at += len(part)
    return out


def one_by_one(schema: Schema, rows: list[dict]) -> np.ndarray:
    """All rows as the learner takes single records: by its encoder, and by the schema where that can't."""
    parts = []
    encoder = Encoder(schema)
    for row in rows:
        if encoder.write(row, True):
            parts.append(encoder.row.copy())
        else:
            parts.append(schema.encode(schema.prepare(columns_of(row), 1), 1))
            encoder = Encoder(schema)
    out = np.full((len(rows), len(schema.names)), np.nan)
    for i, part in enumerate(parts):
        width = min(part.shape[1], out.shape[1])
        out[i, :width] = part[0, :width]
    return out


@settings(max_examples=300)
@given(ROWS, st.integers(1, 50), st.sampled_from([(), ("a",)]), st.sampled_from([4096, 4, 9]))
def test_chunks_of_any_size_and_single_records_give_the_same_columns(rows, chunk, categories, most):
    whole, pieces, single = (Schema(most, categories) for _ in range(3))
    expected = encoded(whole, rows, len(rows))
    got = encoded(pieces, rows, chunk)
    alone = one_by_one(single, rows)
    assert json.dumps(pieces.state()) == json.dumps(whole.state())
    assert json.dumps(single.state()) == json.dumps(whole.state())
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(alone, expected)


@given(ROWS, st.integers(0, 60))
def test_a_schema_goes_on_from_its_state(rows, half):
    whole, first, second = Schema(), Schema(), Schema()
    expected = encoded(whole, rows, 7)
    encoded(first, rows[:half], 7)
    second.load(json.loads(json.dumps(first.state())))
    rest = encoded(second, rows[half:], 7)
    assert json.dumps(second.state()) == json.dumps(whole.state())
    np.testing.assert_array_equal(rest, expected[half:])


@given(ROWS, ROWS)
def test_reading_changes_nothing(rows, asked):
    schema = Schema()
    encoded(schema, rows, 7)
    before = json.dumps(schema.state())
    together = encoded(schema, asked, len(asked), learn=False)
    assert json.dumps(schema.state()) == before
    # but for how long ago the last time was, which only what is learnt moves
    single = Encoder(schema)
    for row, wanted in zip(asked, together, strict=True):
        if single.write(row, False):
            times = [i.place for _, i in schema.placed if i.how == "time"]
            since = [place + 6 for place in times]
            keep = [k for k in range(len(wanted)) if k not in since]
            np.testing.assert_array_equal(single.row[0][keep], wanted[keep])
    assert json.dumps(schema.state()) == before


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_a_learner_has_the_same_state_whatever_the_chunks_of_mixed_rows(chunk):
    rows = [{"a": "unknown", "b": 1.5}] + [{"a": i, "b": "odd" if i % 7 == 3 else i / 2} for i in range(30)]
    rows += [{"a": "late", "b": None, "c": 2**60 + i % 3} for i in range(10)]
    labels = ["low" if i % 3 else "high" for i in range(len(rows))]
    single = Classifier()
    for row, label in zip(rows, labels, strict=True):
        single.learn_one(row, label)
    many = Classifier()
    for at in range(0, len(rows), chunk):
        piece = rows[at : at + chunk]
        columns = {}
        for name in "abc":
            columns[name] = np.empty(len(piece), object)
            columns[name][:] = [row.get(name) for row in piece]
        many.learn_many(columns, np.array(labels[at : at + chunk], object))
    assert many.state_hash() == single.state_hash()
    assert state_hash(*many.state_dict()) == state_hash(*single.state_dict())


def test_a_name_gets_a_new_column_when_other_values_are_soon_the_more():
    schema = Schema()
    out = encoded(schema, [{"a": "unknown"}, {"a": 1}, {"a": 2}, {"a": "x"}, {"a": 3}], 5)
    assert schema.names == ["a (text)", "a"]
    np.testing.assert_array_equal(out[:, 1], [np.nan, np.nan, 2.0, np.nan, 3.0])
    assert out[0, 0] == 0.0 and schema.codes[0] == {"unknown": 0, "1": 1}


def test_once_settled_a_value_of_another_kind_is_missing_or_a_name():
    schema = Schema()
    rows = [{"a": 1.5, "b": "red"}] * 20 + [{"a": "high", "b": 7}] * 30 + [{"a": "2.5", "b": 7.0}]
    out = encoded(schema, rows, 51)
    assert schema.names == ["a", "b"]
    assert np.isnan(out[20:50, 0]).all() and out[50, 0] == 2.5
    assert (out[20:, 1] == 1.0).all() and schema.codes[1] == {"red": 0, "7": 1}


def test_categories_are_one_name_whatever_they_come_in():
    schema = Schema(categories=["a"])
    rows = [
        {"a": v}
        for v in (
            7,
            7.0,
            "7",
            np.int8(7),
            Decimal(7),
            "07",
            2**60,
            str(2**60),
            Decimal(2**60 + 1),
            True,
            "true",
        )
    ]
    assert encoded(schema, rows, 10)[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 3, 4, 4]
    for dtype in (np.int64, np.float64, np.uint8):
        prepared = schema.prepare({"a": np.array([7, 9], dtype)}, 2)
        assert schema.encode(prepared, 2)[:, 0].tolist() == [0, 5]


def test_a_time_becomes_seven_calendar_columns():
    schema = Schema()
    out = encoded(
        schema, [{"t": datetime(2025, 2, 3)}, {"t": np.datetime64("2025-02-03T06")}, {"t": None}], 3
    )
    assert (
        out.shape == (3, 7) and len(schema.names) == 7 and all(name.startswith("t") for name in schema.names)
    )
    assert np.isnan(out[2]).all() and not np.isnan(out[1]).any()


def test_wide_integers_keep_their_digits():
    schema = Schema()
    values = np.array([2**60, 2**60 + 1, 2**60], np.int64)
    out = schema.encode(schema.prepare({"a": values}, 3), 3)
    assert out[:, 0].tolist() == [0.0, 1.0, 0.0] and list(schema.codes[0]) == [str(2**60), str(2**60 + 1)]


def test_names_that_are_one_text_are_refused():
    with pytest.raises(SchemaError, match="two columns that are both named '1'"):
        columns_of({1: 0.5, "1": 2.0})
    learner = Classifier()
    for row in ({1: 0.5, "1": 2.0}, {"1": 0.5, 1: 2.0}):
        with pytest.raises(SchemaError, match="two columns that are both named '1'"):
            learner.learn_one(row, "a")
    learner.learn_one({1: 0.5}, "a")
    with pytest.raises(SchemaError, match="two columns that are both named '1'"):
        learner.predict_one({"1": 0.5, 1: 2.0})


@pytest.mark.parametrize("value", [[1], {"b": 1}, 1j, b"bytes"])
def test_what_no_column_can_have_is_refused_by_its_name(value):
    with pytest.raises(SchemaError, match=f"column 'a' holds a {type(value).__name__}"):
        columns_of({"a": value})
