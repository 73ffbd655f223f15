"""What a column is and what its values mean: numbers as people write them, missing tokens, ids, and the look at first values."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SchemaError
from streamnn.kinds import (
    DOUBTFUL,
    KINDS,
    LARGEST_EXACT,
    MISFIT,
    MISSING,
    NAMES,
    SETTLED_AFTER,
    Column,
    declared,
    fits,
    integer,
    is_missing,
    kind_of,
    look,
    missing_texts,
    name_of,
    number,
    number_format,
)
from streamnn.kinds.numbers import NUMBER_FORMATS, NumberFormat

FORMATS = st.sampled_from(NUMBER_FORMATS)
CENTS = st.integers(-(10**14), 10**14)


def written(cents: int, format: NumberFormat) -> str:
    """A number of hundredths as people of a format write it."""
    whole, rest = divmod(abs(cents), 100)
    grouped = f"{whole:,}".replace(",", format.group)
    return f"{'-' * (cents < 0)}{grouped}{format.decimal}{rest:02d}"


@given(CENTS, FORMATS)
def test_a_number_comes_back_from_every_format(cents, format):
    assert number(written(cents, format), format) == cents / 100
    assert number(f" {written(cents, format)}\t", format) == cents / 100


@given(CENTS, FORMATS)
def test_signs_currencies_and_shares_do_not_change_a_number(cents, format):
    plain, value = written(abs(cents), format), abs(cents) / 100
    for text in (
        f"${plain}",
        f"€ {plain}",
        f"{plain} €",
        f"{plain}%",
        f"{plain} %",
        f"+{plain}",
        f"EUR {plain}",
    ):
        assert number(text, format) == value, text
    for text in (f"-${plain}", f"$-{plain}", f"({plain})", f"($ {plain})", f"{plain}-", f"\u2212{plain} kr"):
        assert number(text, format) == -value, text
    for text in (
        f"--{plain}",
        f"-({plain})",
        f"({plain}",
        f"{plain})",
        f"-{plain}-",
        f"{plain} m",
        f"{plain}{plain}x",
    ):
        assert number(text, format) is None, text


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2009", " "])
def test_groups_may_be_parted_by_any_space(space):
    assert number(f"1{space}234{space}567,5", NumberFormat(",", " ")) == 1234567.5


@given(st.lists(CENTS.filter(lambda c: abs(c) >= 100_000), min_size=1, max_size=30), FORMATS)
def test_the_format_is_found_from_numbers_that_have_all_its_signs(cents, format):
    texts = [written(c, format) for c in cents]
    found, count = number_format(texts)
    assert count == len(texts)
    assert [number(t, found) for t in texts] == [c / 100 for c in cents]
    assert look(texts).kind == "number"
    assert [look(texts).read(t) for t in texts] == [c / 100 for c in cents]


def test_what_may_be_either_is_what_the_rest_of_the_table_is():
    assert number_format(["1,234"])[0].decimal == "."
    assert number_format(["1,234"], ",") == ((",", ""), 1)
    assert look(["1,234"]).read("1,234") == 1234.0 and look(["1,234"], decimal=",").read("1,234") == 1.234


@given(st.floats(allow_nan=False))
def test_every_float_comes_back_plain(value):
    assert number(repr(value)) == value
    assert Column("number").read(repr(value)) == value == Column("number").read(value)


@pytest.mark.parametrize(
    "text", ["", " ", "1e", "0x10", "1_000", "1.2.3", "one", "1 2", "12 apples", "e5", ".", "$", "%", "1,5"]
)
def test_what_is_no_plain_number(text):
    assert number(text) is None


@given(st.integers())
def test_an_integer_is_the_same_digits(value):
    assert integer(str(value)) == value or len(str(abs(value))) > 40
    assert (
        integer(f"0{abs(value)}") is None
        and integer(f"{value}.0") is None
        and integer(f"+{abs(value)}") is None
    )


@pytest.mark.parametrize("token", sorted(MISSING))
@pytest.mark.parametrize("kind", sorted(set(KINDS) - NAMES - {"ignored"}))
def test_a_token_is_missing_where_a_quantity_is_meant(token, kind):
    assert Column(kind).read(token) is None and Column(kind).read(f" {token} ") is None
    assert kind_of(token) is None


@pytest.mark.parametrize("token", sorted(DOUBTFUL))
def test_a_doubtful_token_is_missing_among_quantities_and_a_name_among_names(token):
    for kind in ("number", "time", "boolean", "duration"):
        assert Column(kind).read(token) is None
    for kind in NAMES:
        assert Column(kind).read(token) == token
    assert kind_of(token) is None
    assert look(["1.5", token, "2"]).kind == "number" and look([token, token]).kind == "text"


def test_a_user_names_more_tokens():
    missing = missing_texts(["-999", "unknown"])
    assert Column("number").read("-999", missing) is None and Column("number").read("-999") == -999.0
    assert (
        look(["-999", "unknown"], missing) is None and look(["", "n/a", "NULL"]) is None and look([]) is None
    )


def test_missing_values_of_every_type():
    pd = pytest.importorskip("pandas")
    values = [
        None,
        math.nan,
        np.nan,
        np.float32("nan"),
        Decimal("nan"),
        np.datetime64("NaT"),
        np.timedelta64("NaT"),
        pd.NA,
        pd.NaT,
    ]
    for value in values:
        assert is_missing(value) and kind_of(value) is None
        assert all(Column(kind).read(value) is None for kind in KINDS)
    assert not any(map(is_missing, (0, 0.0, False, "", "nan", math.inf)))


WIDE = st.integers(LARGEST_EXACT + 1, 10**60) | st.integers(-(10**60), -LARGEST_EXACT - 1)


@given(st.lists(WIDE, min_size=1, max_size=30), st.lists(st.integers(0, 100), max_size=10), st.randoms())
def test_ids_of_any_width_keep_their_digits(wide, small, random):
    values = wide + small
    random.shuffle(values)
    column = look(values)
    assert column.kind == "id" and [column.read(v) for v in values] == [str(v) for v in values]
    assert [column.read(str(v)) for v in values] == [str(v) for v in values]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30), st.integers(3, 20))
def test_digits_with_zeros_in_front_are_ids(values, width):
    texts = [f"{v:0{width + 1}d}" for v in values]
    column = look([*texts, "0" * (width - 1) + "70"])
    assert column.kind == "id" and [column.read(t) for t in texts] == texts


def test_integers_up_to_2_53_are_numbers():
    assert look([LARGEST_EXACT, 0]).kind == "number" and look([str(LARGEST_EXACT), "0"]).kind == "number"
    assert look([LARGEST_EXACT + 1, 0]).kind == "id" and look([str(LARGEST_EXACT + 1), "0"]).kind == "id"
    assert look([LARGEST_EXACT + 1, 0.5]).kind == "number"


PLAIN_VALUES = {
    "number": ("1.5", 1.5),
    "time": ("2025-02-03T10:00:00Z", datetime(2025, 2, 3, 10, tzinfo=UTC)),
    "boolean": ("true", True),
    "id": ("3141592653589793238", 3141592653589793238),
    "text": ("red", "red"),
}


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(PLAIN_VALUES)),
    st.booleans(),
    st.lists(st.integers(0, 99), max_size=10, unique=True),
    st.sampled_from(["offline", "n/a", "?", "", None]),
)
def test_odd_values_at_any_position_do_not_change_what_a_column_is(kind, typed, places, odd):
    value = PLAIN_VALUES[kind][typed]
    values = [odd if i in places else value for i in range(100)]
    if kind == "id" and odd == "offline" and typed:
        return  # such a column is told by the door one by one: see test_table
    column = look(values, typed=typed)
    assert column.kind == kind
    got = [column.read(v) for v in values if v is not odd]
    assert got == [column.read(value)] * len(got) and MISFIT not in got
    if odd == "offline":
        assert column.read(odd) is (MISFIT if kind not in NAMES else odd) or column.read(odd) == odd


def test_more_odd_values_than_that_make_texts():
    assert look(["1.5"] * 89 + ["low", "mid", "high", "top"] * 3).kind == "text"
    assert look(["true"] * 80 + ["maybe"] * 20).kind == "text"
    assert look(["2025-02-03"] * 80 + ["soon"] * 20).kind == "text"


def test_a_sensor_that_is_offline_half_the_time_is_a_number_still():
    assert look([f"{i}.5" for i in range(50)] + ["offline"] * 50).kind == "number"
    assert look(["7", "8"] * 25 + ["offline"] * 50).kind == "text"  # codes, one of which is a word


@given(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 40), st.sampled_from(NUMBER_FORMATS))
def test_a_column_comes_back_from_its_state(kind, good, others, format):
    column = Column(kind, "why", format, "ms", good, others)
    again = Column.of_state(column.state())
    assert (
        again.state() == column.state()
        and again.format == format
        and again.settled == (good >= SETTLED_AFTER)
    )


@given(st.lists(st.booleans(), max_size=60))
def test_a_kind_is_decided_again_when_the_others_are_the_more_and_it_was_seen_less_than_twenty_times(fit):
    column, good, others = Column("number"), 0, 0
    for f in fit:
        wanted = not f and good < SETTLED_AFTER and others + 1 > good
        if column.count(f) is not wanted:
            raise AssertionError((good, others))
        if wanted:
            break
        good, others = good + f, others + (not f and good < SETTLED_AFTER)
    assert column.settled == (good >= SETTLED_AFTER)


def test_names_are_the_same_text_whatever_they_come_in():
    assert {name_of(v) for v in (7, 7.0, "7", np.int8(7), np.float32(7), Decimal(7), Decimal("7.0"))} == {"7"}
    assert {name_of(v) for v in (2**60 + 1, Decimal(2**60 + 1))} == {str(2**60 + 1)}
    assert (
        kind_of(Decimal(2**60 + 1)) == "id"
        and kind_of(Decimal("1e999999")) == kind_of(Decimal("inf")) == "number"
    )
    assert [name_of(v) for v in (True, np.False_, "007", 0.5, 2**70, date(2025, 2, 3))] == [
        "true", "false", "007", "0.5", str(2**70), "2025-02-03",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("number", "12.5", 12.5), ("number", True, 1.0), ("number", Decimal("1.5"), 1.5), ("number", 10**400, MISFIT),
        ("number", 2**53 + 1, MISFIT), ("number", str(2**53 + 1), MISFIT), ("number", 2.0**60, 2.0**60),
        ("duration", 10**400, math.inf), ("id", Decimal(2**60 + 1), str(2**60 + 1)),
        ("number", "NAN", None), ("number", "high", MISFIT), ("number", timedelta(minutes=1), 60.0),
        ("boolean", "Yes", True), ("boolean", "0", False), ("boolean", 1.0, True), ("boolean", 2, MISFIT),
        ("boolean", "maybe", MISFIT),
        ("time", "1970-01-02", 86400.0), ("time", date(1970, 1, 2), 86400.0), ("time", 86400, 86400.0),
        ("time", "86400", 86400.0), ("time", 1738540800000, 1738540800.0), ("time", True, MISFIT), ("time", math.inf, MISFIT), ("time", "soon", MISFIT),
        ("duration", "90 min", 5400.0), ("duration", timedelta(hours=1), 3600.0), ("duration", 5, 5.0),
        ("duration", "for ever", MISFIT), ("duration", date(1970, 1, 2), MISFIT),
        ("category", 7.0, "7"), ("id", 2**60, str(2**60)), ("text", date(1970, 1, 2), "1970-01-02"), ("text", "", ""),
    ],
)  # fmt: skip
def test_a_value_as_one_of_a_kind(kind, value, read):
    found = Column(kind).read(value)
    assert found is read if read in (None, MISFIT) or isinstance(read, bool) else found == read


def test_a_unit_that_is_known_is_not_guessed():
    assert declared("time", unit="ms").read(1000) == 1.0 and declared("time", unit="s").read(2e11) == 2e11


@pytest.mark.parametrize("value", [[1], {"a": 1}, object(), 1j, b"bytes"])
def test_what_no_column_can_have_is_refused(value):
    with pytest.raises(SchemaError, match="allowed are numbers, texts, bools, times, durations and None"):
        kind_of(value)
    for kind in KINDS:
        with pytest.raises(SchemaError, match="allowed are"):
            Column(kind).read(value)


def test_an_unknown_kind_is_refused():
    with pytest.raises(SchemaError, match="'integer' is no kind of a column: choose one of number, category"):
        Column("integer")


def test_a_text_of_digits_is_a_text_where_numbers_have_a_type():
    assert look(["1", "22"], typed=True).kind == "text" and look(["1", "22"]).kind == "number"
    assert look(["1.5", "2.5"], typed=True).kind == "number"
    assert fits(Column("number"), "1.5") and not fits(Column("number"), "15") and fits(Column("category"), 7)
