"""Nested values become columns: the same ones from JSON and from Arrow, within limits, whatever is inside."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn_connectors import _flatten
from streamnn_connectors._flatten import flatten, flatten_batch
from streamnn_connectors.wanted import Wanted

NAMES = st.sampled_from(["a", "b", "a.b", "x", "x[0]", "id"])
Kind = tuple[pa.DataType, st.SearchStrategy[Any]]


def struct_of(fields: dict[str, Kind]) -> Kind:
    kind = pa.struct([(name, field[0]) for name, field in fields.items()])
    return kind, st.fixed_dictionaries({name: st.none() | field[1] for name, field in fields.items()})


def lists_of(item: Kind) -> st.SearchStrategy[Kind]:
    values = st.none() | item[1]
    return st.one_of(
        st.just((pa.list_(item[0]), st.lists(values, max_size=5))),
        st.just((pa.large_list(item[0]), st.lists(values, max_size=3))),
        st.just((pa.list_(item[0], 2), st.lists(values, min_size=2, max_size=2))),
        st.just((pa.list_view(item[0]), st.lists(values, max_size=2))),
    )


LEAF: st.SearchStrategy[Kind] = st.just((pa.int64(), st.integers(-(2**63), 2**63 - 1)))
KINDS = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, max_size=3).filter(bool).map(struct_of), inner.flatmap(lists_of)
    ),
    max_leaves=6,
)


def present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), fields=st.dictionaries(NAMES, KINDS, min_size=1, max_size=4))
def test_json_and_arrow_give_the_same_columns(data: st.DataObject, fields: dict[str, Kind]) -> None:
    kind, values = struct_of(fields)
    rows = data.draw(st.lists(values, max_size=6))
    first = data.draw(st.integers(0, len(rows)))
    ignore = data.draw(st.lists(st.sampled_from(["a", "a.b", "x[1]", "id.x", "b[0]"]), max_size=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_flatten, "MOST_DEPTH", 4)
        patch.setattr(_flatten, "MOST_ELEMENTS", 3)
        patch.setattr(_flatten, "MOST_VALUES", 7)
        # a slice: what an array hides before its offset is nobody's
        batch = pa.RecordBatch.from_struct_array(pa.array(rows, kind)).slice(first)
        in_arrow, in_json = Counter[str](), Counter[str]()
        flat = flatten_batch(batch, Wanted(ignore=ignore), in_arrow).to_pylist()
        said = [flatten(row, Wanted(ignore=ignore), in_json) for row in rows[first:]]
    assert [present(row) for row in flat] == [present(row) for row in said]
    assert in_arrow == in_json


@given(
    maps=st.lists(
        st.none()
        | st.dictionaries(st.sampled_from("abc"), st.none() | st.lists(st.integers(0, 9), max_size=2))
    )
)
def test_maps_are_objects(maps: list[Any]) -> None:
    column = pa.array([m and list(m.items()) for m in maps], pa.map_(pa.string(), pa.list_(pa.int64())))
    flat = flatten_batch(pa.RecordBatch.from_pydict({"m": column})).to_pylist()
    assert [present(row) for row in flat] == [present(flatten({"m": m})) for m in maps]


def test_a_scalar_record_is_handed_on_itself() -> None:
    row = {"a": 1, "b": None, "c": "x"}
    assert flatten(row) is row
    batch = pa.RecordBatch.from_pylist([row])
    assert flatten_batch(batch) is batch


def test_numbers_keep_their_digits() -> None:
    assert flatten({"m": {"id": 3141592653589793238}}) == {"m.id": 3141592653589793238}


@pytest.mark.parametrize("depth", [9, 200, 5000])
def test_what_is_nested_too_deep_is_left_out_and_counted(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    left: Counter[str] = Counter()
    assert flatten({"a": 2, "deep": value}, left=left) == {"a": 2}
    assert left == {"deep" + "[0]" * 7: 1}


def test_a_long_list_is_left_out_of_its_record_alone() -> None:
    rows = [{"x": [1.0] * n, "a": 1.0} for n in (2, 64, 65)]
    left: Counter[str] = Counter()
    assert [len(flatten(row, left=left)) for row in rows] == [3, 65, 1]
    flat = flatten_batch(pa.RecordBatch.from_pylist(rows), left=left)
    assert flat.num_columns == 65 and [len(present(row)) for row in flat.to_pylist()] == [3, 65, 1]
    assert left == {"x": 2}


def test_a_column_of_too_many_values_is_left_out_whole() -> None:
    rows = [{"grid": [[i + j for i in range(64)] for j in range(n)]} for n in (4, 5)]
    left: Counter[str] = Counter()
    assert [len(flatten(row, left=left)) for row in rows] == [256, 0]
    flat = flatten_batch(pa.RecordBatch.from_pylist(rows), left=left).to_pylist()
    assert [len(present(row)) for row in flat] == [256, 0]
    assert left == {"grid": 2}


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_places_with_one_name_the_outer_counts(order: int) -> None:
    both = dict([("a.b", 1), ("a", {"b": 2})][::order])
    assert flatten(both)["a.b"] == 1
    assert flatten({**both, "a.b": None})["a.b"] == 2
    rows = [both, {**both, "a.b": None}]
    assert flatten_batch(pa.RecordBatch.from_pylist(rows)).column("a.b").to_pylist() == [1, 2]


def test_an_ignored_value_is_not_looked_into() -> None:
    left: Counter[str] = Counter()
    row = {"a": 1, "meta": {"big": [0] * 1000}}
    assert flatten(row, Wanted(ignore=["meta"]), left) == {"a": 1}
    assert flatten(row, Wanted(include=["a"]), left) == {"a": 1}
    assert not left


def test_the_names_are_those_of_docs() -> None:
    row = json.loads('{"cart": {"price": 2, "items": [{"id": 7}, {"id": 8}]}, "x": [1, 2]}')
    assert list(flatten(row)) == ["cart.price", "cart.items[0].id", "cart.items[1].id", "x[0]", "x[1]"]
