"""One table decides the kinds of a source's columns: switches, odd cells, declared kinds, whatever the cut."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SourceError
from streamnn.kinds import KINDS, SETTLED_AFTER
from streamnn_connectors.table import ARROW_TYPES, INSTANT, Table

TYPED = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.floats(width=32), st.just(2**60), st.just(float("nan")),
    st.sampled_from(["red", "n/a", "?", "7", "1.5", "2025-02-03", "true", "2 days"]), st.just(datetime(2025, 2, 3)),
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", "red", "blue", "n/a", "?", "7", "007", "1.5", "1,5", "1.234,5", "-", "2025-02-03", "true", "no", "9007199254740993", "$3", None]
)  # fmt: skip
# runs of one value, so that kinds are settled, and mixed ones
CELLS = st.one_of(
    st.lists(TYPED, max_size=40),
    st.lists(st.tuples(TYPED, st.integers(1, 25)), max_size=6).map(
        lambda runs: [v for v, n in runs for _ in range(n)]
    ),
)
WORDS = st.one_of(
    st.lists(TEXTS, max_size=40),
    st.lists(st.tuples(TEXTS, st.integers(1, 25)), max_size=6).map(
        lambda runs: [v for v, n in runs for _ in range(n)]
    ),
)
DECLARED = st.sampled_from([*KINDS[:-1], None])


def read(table: Table, cells: list[Any], cut: int) -> tuple[list[Any], Counter[Any], Any]:
    """Cells (NaN as missing), odd ones, and the state after, read in pieces."""
    out: list[Any] = []
    odd: Counter[Any] = Counter()
    for at in range(0, len(cells), cut):
        piece = cells[at : at + cut]
        out += table.array("v", piece).to_pylist()
        odd += table.take_odd()
    return [None if v != v else v for v in out], odd, table.state()


def at(table: Table) -> str:
    return table.columns["v"].kind


@settings(max_examples=300)
@given(CELLS, st.integers(1, 41), DECLARED, st.lists(TYPED, max_size=30))
def test_cuts_change_nothing_of_typed_cells(
    cells: list[Any], cut: int, kind: str | None, looked: list[Any]
) -> None:
    kinds = {} if kind is None else {"v": kind}
    whole, pieces = Table(kinds), Table(kinds)
    for table in (whole, pieces):
        table.look({"v": looked})
    assert read(pieces, cells, cut) == read(whole, cells, len(cells) + 1)


@settings(max_examples=300)
@given(WORDS, st.integers(1, 41), DECLARED, st.lists(TEXTS, max_size=30), st.sampled_from([None, ",", "."]))
def test_cuts_change_nothing_of_texts(
    cells: list[Any], cut: int, kind: str | None, looked: list[Any], decimal: str | None
) -> None:
    kinds = {} if kind is None else {"v": kind}
    whole, pieces = (Table(kinds, ["blue"], typed=False, decimal=decimal) for _ in range(2))
    for table in (whole, pieces):
        table.look({"v": looked})
    assert read(pieces, cells, cut) == read(whole, cells, len(cells) + 1)


@given(CELLS, st.integers(0, 40))
def test_a_table_goes_on_from_its_state(cells: list[Any], half: int) -> None:
    whole, first = Table(), Table()
    expected = read(whole, cells, 7)
    begin = read(first, cells[:half], 7)
    second = Table()
    second.load(json.loads(json.dumps(first.state())))
    rest = read(second, cells[half:], 7)
    assert begin[0] + rest[0] == expected[0] and begin[1] + rest[1] == expected[1]
    if cells[half:]:
        assert rest[2] == expected[2]


@given(CELLS)
def test_every_cell_is_a_value_missing_or_counted(cells: list[Any]) -> None:
    table = Table()
    values, odd, _ = read(table, cells, 7)
    nothing = {None, "n/a", "?", ""}
    given = [v for v in cells if v == v and not (isinstance(v, str) and v in nothing) and v is not None]
    assert len(values) == len(cells)
    assert sum(odd.values()) + sum(v is not None for v in values) >= len(given)
    assert sum(odd.values()) <= len(given)


@given(CELLS, DECLARED)
def test_arrays_have_the_type_of_their_kind(cells: list[Any], kind: str | None) -> None:
    table = Table({} if kind is None else {"v": kind})
    array = table.array("v", cells)
    if "v" in table.columns and not pa.types.is_union(array.type):
        assert array.type == ARROW_TYPES[at(table)]
        assert table.nothing("v", 3).type == ARROW_TYPES[at(table)]
    if kind is not None:
        assert not pa.types.is_union(array.type)
        assert "v" not in table.columns or at(table) == kind


def test_a_kind_is_decided_again_while_it_was_seen_but_a_few_times() -> None:
    table = Table()
    cells = ["unknown", 1, 2, 3, "other"]
    array = table.array("v", cells)
    assert pa.types.is_union(array.type) and array.to_pylist() == ["unknown", "1", 2.0, 3.0, None]
    assert at(table) == "number" and table.columns["v"].why == "most of its first values"
    assert table.take_odd() == {("v", "other"): 1} and table.take_odd() == {}


def test_a_settled_kind_stays() -> None:
    table = Table()
    table.array("v", [1.5] * SETTLED_AFTER)
    array = table.array("v", ["high"] * 100 + [2])
    assert array.type == pa.float64() and array.to_pylist() == [None] * 100 + [2.0]
    assert table.take_odd() == {("v", "high"): 100}


def test_a_kind_may_change_more_than_once_within_an_array() -> None:
    cells = ["a", 1, 2, True, "2025-02-03", "2025-02-04", "2025-02-05", "2025-02-06", "2025-02-07"]
    whole, single = Table(), Table()
    array = whole.array("v", cells)
    assert read(single, cells, 1)[0] == array.to_pylist() and at(whole) == at(single) == "time"
    assert [type(v) for v in array.to_pylist()] == [str, str, float, float] + [type(None)] * 3 + [
        datetime
    ] * 2


def test_odd_cells_are_told_by_their_first_characters_and_are_bounded() -> None:
    table = Table({"v": "number"})
    table.array("v", ["x" * 100, "x" * 100 + "y", *[f"no {i}" for i in range(2000)]])
    odd = table.take_odd()
    assert odd["v", "x" * 40] == 2 and odd["v", "no 5"] == 1
    assert odd["v", "..."] == 2002 - 2 - 999 and sum(odd.values()) == 2002


@pytest.mark.parametrize("typed", [True, False])
def test_declared_kinds_stay_whatever_comes(typed: bool) -> None:
    declared = {
        "n": "number",
        "c": "category",
        "t": "time",
        "b": "boolean",
        "d": "duration",
        "i": "id",
        "x": "ignored",
    }
    table = Table(declared, typed=typed)
    table.look({name: ["red"] * 30 for name in declared})
    assert "x" not in table.columns
    cells = ["red", "2025-02-03", "true", "2 days", "1.5", "007"]
    found = {name: table.array(name, cells).to_pylist() for name in declared if name != "x"}
    assert found == {
        "n": [None, None, None, None, 1.5, 7.0],
        "c": cells,
        "t": [None, datetime(2025, 2, 3, tzinfo=UTC), None, None, datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC), datetime(1970, 1, 1, 0, 0, 7, 0, UTC)],
        "b": [None, None, True, None, None, None],
        "d": [None, None, None, 172800.0, 1.5, 7.0],
        "i": cells,
    }  # fmt: skip
    assert {name: column.kind for name, column in table.columns.items()} == {
        name: kind for name, kind in declared.items() if kind != "ignored"
    }
    assert not table.finds("x", 1.5) and table.array("x", [1.5]).null_count == 1


def test_a_declared_number_is_read_as_it_is_written() -> None:
    table = Table({"v": "number"}, typed=False)
    table.look({"v": ["1.000,5", "2,5", "x", "y", "z"]})
    assert table.array("v", ["1.000,5", "x"]).to_pylist() == [1000.5, None]
    late = Table({"v": "number"}, typed=False)
    assert late.array("v", ["2,5", "3,5"]).to_pylist() == [2.5, 3.5]
    of_texts = Table({"v": "number"})
    assert of_texts.arrow("v", pa.array(["1.000,5", None, "x"])).to_pylist() == [1000.5, None, None]


def test_a_table_has_one_sign_before_the_decimals() -> None:
    table = Table(typed=False)
    table.look({"a": ["1,234", "5,678"], "b": ["12,5", "7"], "c": ["1.5", "2.5"]})
    assert table.array("a", ["1,234"]).to_pylist() == [1.234]
    assert table.array("c", ["1.5"]).to_pylist() == [1.5]
    assert table.array("late", ["4,321", "1,5"]).to_pylist() == [4.321, 1.5]
    alone = Table(typed=False)
    alone.look({"a": ["1,234", "5,678"]})
    assert alone.array("a", ["1,234"]).to_pylist() == [1234.0]


@pytest.mark.parametrize(
    ("decimal", "thousands", "cells", "values"),
    [
        (None, ".", ["1.234", "2"], [1234.0, 2.0]),
        (None, ",", ["1,234", "2.5"], [1234.0, 2.5]),
        (None, "", ["1,234", "2,5"], [1.234, 2.5]),
        (",", None, ["1,234", "2"], [1.234, 2.0]),
        (".", " ", ["1 234.5", "2"], [1234.5, 2.0]),
        (",", ".", ["1.234,5", "2"], [1234.5, 2.0]),
    ],
)
def test_how_numbers_are_written_can_be_declared(
    decimal: str | None, thousands: str | None, cells: list[str], values: list[float]
) -> None:
    table = Table(typed=False, decimal=decimal, thousands=thousands)
    table.look({"v": cells})
    assert table.array("v", cells).to_pylist() == values
    assert table.array("late", cells).to_pylist() == values


@pytest.mark.parametrize(("decimal", "thousands"), [(".", "."), (",", ","), (None, "_"), (";", None)])
def test_signs_that_no_number_is_written_with_are_refused(decimal: str | None, thousands: str | None) -> None:
    with pytest.raises(SourceError, match="no numbers are written with"):
        Table(decimal=decimal, thousands=thousands)


def test_times_are_instants_up_to_the_ends_of_the_calendar() -> None:
    table = Table({"v": "time"})
    cells = [
        "0001-01-01",
        "9999-12-31T23:59:59.999999Z",
        "1970-01-01T01:00:00+01:00",
        1e15,
        -1e15,
        float("inf"),
    ]
    array = table.array("v", cells)
    assert array.type == INSTANT
    first, last, zero, *_ = array.to_pylist()
    assert first == datetime(1, 1, 1, tzinfo=UTC) and last == datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
    assert zero == datetime(1970, 1, 1, tzinfo=UTC) and array.null_count == 1


def test_a_column_of_a_table_is_what_its_type_says() -> None:
    table = Table({"code": "category"})
    columns = {
        "f": pa.array([1.5, None]),
        "i": pa.array([1, None]),
        "b": pa.array([True, None]),
        "t": pa.array([0, None], pa.timestamp("ns", "UTC")),
        "s": pa.array(["a", None]),
        "wide": pa.array([2**60, None]),
        "code": pa.array([7, None]),
        "digits": pa.array(["1", "2"]),
        "nothing": pa.nulls(2, pa.float64()),
    }
    found = {name: table.arrow(name, column) for name, column in columns.items()}
    assert {name: column.kind for name, column in table.columns.items()} == {
        "f": "number", "i": "number", "b": "boolean", "t": "time", "s": "text", "wide": "id", "code": "category",
        "digits": "text",
    }  # fmt: skip
    assert found["wide"].to_pylist() == [str(2**60), None] and found["code"].to_pylist() == ["7", None]
    assert all(found[name].equals(columns[name]) for name in ("f", "i", "b", "t", "s", "digits", "nothing"))
    # numbers that were settled stay numbers
    assert table.arrow("i", pa.array([2**60])).type == pa.int64()
    assert table.arrow("f", pa.array(["2.5", "high"])).to_pylist() == [2.5, None]
    assert table.take_odd() == {("f", "high"): 1}
