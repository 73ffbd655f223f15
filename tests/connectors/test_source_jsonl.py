"""JSON lines: what is a number, what is bad, and that fast and careful decoding agree."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.kinds import KINDS as KIND_NAMES
from streamnn_connectors import BadRecord, JsonLinesSource, check_source
from streamnn_connectors._json import parse_object
from streamnn_connectors._rows import RowDecoder
from streamnn_connectors.table import Table

GOOD = b'{"x": 1, "word": "a"}'


def read(content: bytes, limit: int = 4096, **options: Any) -> tuple[list[dict[str, Any]], list[BadRecord]]:
    return read_all(content, limit, **options)[:2]


def read_all(
    content: bytes, limit: int = 4096, **options: Any
) -> tuple[list[dict[str, Any]], list[BadRecord], dict[tuple[str, str], int]]:
    rows: list[dict[str, Any]] = []
    bad: list[BadRecord] = []
    odd: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        path.write_bytes(content)
        partition = JsonLinesSource(path, **options).open("0")
        while (batch := partition.next_batch(limit)) is not None:
            rows += batch.rows.to_pylist()
            bad += batch.bad
            odd += batch.odd
        partition.close()
    return rows, bad, dict(odd)


@pytest.mark.parametrize(
    ("line", "reason", "stage"),
    [
        (b"{oops", "malformed JSON", "decode"),
        (b'{"x": 1} {"x": 2}', "malformed JSON", "decode"),
        (b"[1, 2]", "not an object but a list", "decode"),
        (b'"text"', "not an object but a string", "decode"),
        (b"3", "not an object but a number", "decode"),
        (b"true", "not an object but true or false", "decode"),
        (b"null", "not an object but null", "decode"),
        (b'{"x": 1, "x": 2}', "duplicate key 'x'", "decode"),
        (b'{"x": 1, "\\u0078": 2}', "duplicate key 'x'", "decode"),
        (b'{"x": NaN, "x": 2}', "duplicate key 'x'", "decode"),
        (b'{"word": "\\"\\\\", "word": "b"}', "duplicate key 'word'", "decode"),
        (b'{"word": "\\"", "word": 1}', "duplicate key 'word'", "decode"),
        (b'{"word": "\xff"}', "invalid UTF-8 at byte 10", "decode"),
        (b'{"word": "\\ud800"}', "half a surrogate pair", "decode"),
        (b'{"word": "a\x01b"}', "malformed JSON", "decode"),
        (b'{"new": {"x": 1, "x": 2}}', "duplicate key 'x'", "decode"),
        (b'{"new": [{"word": "\\ud800"}]}', "half a surrogate pair", "decode"),
        (b'{"x": "' + b"y" * 5000 + b'"}', "a record of 5009 bytes, the limit is 1000", "decode"),
        (b"[" * 900, "", "decode"),
        (b'{"x":' * 180, "", "decode"),
    ],
)  # fmt: skip
def test_a_bad_line_is_kept_whole(line: bytes, reason: str, stage: str) -> None:
    rows, bad = read(b"\n".join([GOOD, line, GOOD]), max_record_bytes=1000)
    assert len(rows) == 2
    (record,) = bad
    assert (record.position, record.stage, record.raw) == (1, stage, line)
    assert record.reason.startswith(reason)


@pytest.mark.parametrize("limit", [1, 2, 4096])
def test_blank_lines_are_no_records(limit: int) -> None:
    rows, bad = read(b"\n" + GOOD + b"\n\n \t\r\n" + GOOD + b"\n\n", limit)
    assert (len(rows), bad) == (2, [])


def test_nesting_without_end_is_a_bad_record() -> None:
    for opening in (b"[", b'{"x":'):
        rows, bad = read(GOOD + b"\n" + opening * 150_000)
        assert len(rows) == 1 and "malformed" in bad[0].reason


@pytest.mark.parametrize("limit", [1, 7, 4096])
@pytest.mark.parametrize(
    ("line", "row", "odd"),
    [
        (b'{"x": "1"}', {"x": 1.0}, {}),
        (b'{"x": "n/a"}', {}, {}),
        (b'{"x": "?"}', {}, {}),
        (b'{"x": true}', {"x": 1.0}, {}),
        (b'{"x": "high"}', {}, {("x", "high"): 1}),
        (b'{"x": "2025-02-03"}', {}, {("x", "2025-02-03"): 1}),
        (b'{"x": "' + b"y" * 500 + b'"}', {}, {("x", "y" * 40): 1}),
        (b'{"word": 1}', {"word": "1"}, {}),
        (b'{"word": 1.5}', {"word": "1.5"}, {}),
        (b'{"word": 9007199254740993}', {"word": "9007199254740993"}, {}),
        (b'{"word": true}', {"word": "true"}, {}),
        (b'{"word": "n/a"}', {"word": "n/a"}, {}),
        (b'{"ok": "yes"}', {"ok": True}, {}),
        (b'{"ok": 0}', {"ok": False}, {}),
        (b'{"ok": 2}', {}, {("ok", "2"): 1}),
        (b'{"at": "soon"}', {}, {("at", "soon"): 1}),
        (b'{"at": 1738540800000}', {"at": datetime(2025, 2, 3, tzinfo=UTC)}, {}),
        (b'{"at": false}', {}, {("at", "false"): 1}),
    ],
)
def test_a_value_of_another_kind_is_missing_and_its_record_good(
    line: bytes, row: dict[str, Any], odd: dict[Any, int], limit: int
) -> None:
    good = b'{"x": 1, "word": "a", "ok": true, "at": "2025-02-03T00:00:00Z"}\n' * 30
    rows, bad, found = read_all(good + line + b"\n" + good, limit)
    assert bad == [] and len(rows) == 61
    assert {name: value for name, value in rows[30].items() if value is not None} == row
    assert found == odd


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0), ("-0.5e3", -500.0), ("Infinity", math.inf), ("-Infinity", -math.inf), ("1e999", math.inf),
        ("-1e999", -math.inf), ("9007199254740992", 2.0**53), ('"1.5"', 1.5),
        ("-1" + "0" * 5000, -math.inf),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    alone, bad = read(b'{"x": %s}' % text.encode())
    assert bad == [] and alone == [{"x": value}]
    among, bad = read(b'{"x": 0.5}\n' * 20 + b'{"x": %s}' % text.encode(), limit=20)
    assert bad == [] and among[-1] == {"x": value}


@pytest.mark.parametrize("text", ["9007199254740993", "-36893488147419103232", "1" + "0" * 400])
def test_integers_of_any_width_are_ids_alone_and_missing_among_numbers(text: str) -> None:
    alone, bad = read(b'{"x": %s}\n{"x": 7}' % text.encode())
    assert bad == [] and alone == [{"x": text}, {"x": "7"}]
    among, bad = read(b'{"x": 0.5}\n' * 20 + b'{"x": %s}' % text.encode(), limit=20)
    assert bad == [] and among[-1] == {"x": None}  # a float has not all of their digits


def test_ids_keep_their_digits_beside_what_strict_json_does_not_have() -> None:
    for odd in (b"NaN", b"-Infinity", b"1e999"):
        rows, bad = read(b'{"id": 3141592653589793239, "x": %s}\n{"id": 3141592653589793238, "x": 1}' % odd)
        assert bad == [] and [row["id"] for row in rows] == ["3141592653589793239", "3141592653589793238"]
    assert parse_object(b'\xef\xbb\xbf{"id": 3141592653589793239}', 100) == {"id": 3141592653589793239}


def test_true_and_false_are_booleans() -> None:
    assert read(b'{"x": true}\n{"x": null}\n{"x": false}')[0] == [{"x": True}, {"x": None}, {"x": False}]


def test_nan_and_null_are_missing_and_make_no_column() -> None:
    rows, bad = read(b'{"x": null}\n{"x": NaN}\n', limit=2)
    assert (rows, bad) == ([{}, {}], [])
    rows, bad = read(b'{"x": null}\n{"x": NaN}\n{}\n{"x": 2}')
    assert bad == [] and [row.get("x") for row in rows] == [None, None, None, 2.0]


def test_records_without_columns_are_records() -> None:
    rows, bad = read(b'{}\n{"x": null}\n')
    assert (rows, bad) == ([{}, {}], [])


def test_a_byte_order_mark_and_carriage_returns() -> None:
    assert read(b'\xef\xbb\xbf{"x": 1}\r\n{"x": 2}\r\n')[0] == [{"x": 1.0}, {"x": 2.0}]


@pytest.mark.parametrize("limit", [1, 4096])
def test_a_bad_record_decides_no_kind(limit: int) -> None:
    many = b'{"a": 1}\n' * 1000
    rows, bad = read(many + b'{"new": "text", "a": 1, "a": 2}\n{"new": 5}\n', limit)
    assert rows[-1] == {"a": None, "new": 5.0} and len(rows) == 1001
    assert [b.position for b in bad] == [1000]


@pytest.mark.parametrize("limit", [1, 3, 4096])
def test_a_column_that_comes_late_is_decided_again_by_its_first_values(limit: int) -> None:
    late = [
        b'{"v": "unknown"}',
        b'{"v": 1}',
        b'{"v": 2}',
        b'{"v": "other"}',
        *[b'{"v": 3}'] * 30,
        b'{"v": "x"}',
    ]
    rows, bad, odd = read_all(b"\n".join([b'{"a": 1}'] * 1000 + late), limit)
    assert bad == [] and odd == {("v", "other"): 1, ("v", "x"): 1}
    assert [row["v"] for row in rows[1000:1005]] == ["unknown", "1", 2.0, None, 3.0]
    assert rows[-1] == {"a": None, "v": None}


def test_columns_have_a_limit() -> None:
    rows, bad = read(b'{"a": 1}\n{"b": 1}\n{"c": 1}\n{"b": 2}\n', max_columns=2)
    assert len(rows) == 3 and "too many columns" in bad[0].reason


def test_a_line_of_ten_megabytes_costs_one_record() -> None:
    long = b'{"x": "' + b"y" * 10_000_000 + b'"}'
    rows, bad = read(GOOD + b"\n" + long + b"\n" + GOOD)
    assert len(rows) == 2 and bad[0].raw == long and len(bad[0].reason) < 100


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([1]),
    st.just('"\\'),
    st.sampled_from(
        [
            "n/a",
            "?",
            "1",
            "1.5",
            "1,5",
            "true",
            "2025-02-03",
            "9999-12-31 23:59:59.999999",
            "2 days",
            2**53 + 1,
        ]
    ),
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", 'c"', "d\\"]), VALUES, max_size=4).map(
    lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
)
TWICE = st.tuples(OBJECTS, OBJECTS).map(lambda pair: pair[0][:-1] + b"," + pair[1][1:])
LINES = st.lists(st.one_of(OBJECTS, OBJECTS, TWICE, st.binary(max_size=12)), max_size=12)


def oracle(line: bytes) -> bool:
    """Whether a line is good, told by the plainest means."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(found)) != len(found):
            raise ValueError
        return dict(found)

    try:
        row = json.loads(line.decode(), object_pairs_hook=pairs)
        assert isinstance(row, dict)
        str(list(row.items())).encode()
        "".join([*row, *(v for v in row.values() if isinstance(v, str))]).encode()
    except (ValueError, AssertionError):
        return False
    return True


@settings(max_examples=150)
@given(LINES, st.integers(1, 5))
def test_every_good_line_comes_out_and_every_bad_one_is_kept(lines: list[bytes], limit: int) -> None:
    content = b"\n".join(lines) + b"\n"
    if content == b"\n":
        content = b"\n\n"
    lines = [line for line in content[:-1].split(b"\n") if line.strip()]
    good = [oracle(line) for line in lines]
    rows, bad = read(content, limit, encoding="utf-8")
    assert [record.position for record in bad] == [i for i, g in enumerate(good) if not g]
    assert [record.raw for record in bad] == [line for line, g in zip(lines, good, strict=True) if not g]
    assert len(rows) == sum(good)


@settings(max_examples=100)
@given(LINES)
def test_cutting_and_resuming_change_nothing(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        path.write_bytes(b"\n".join([b"{}", *lines]))
        whole = JsonLinesSource(path).open("0")
        rows = []
        while (batch := whole.next_batch(4096)) is not None:
            rows += batch.rows.to_pylist()
        whole.close()
        check_source(lambda: JsonLinesSource(path), rows, limits=(1, 3, 4096))


ALIKE = st.sampled_from([b'{"a": 1.5, "b": "x"}', b'{"a": true, "b": 7}', b'{"a": "2025-02-03", "b": null}'])
FIRST = st.one_of(
    st.lists(OBJECTS, max_size=8), st.builds(lambda line, n: [line] * n, ALIKE, st.integers(1, 30))
)
KINDS = st.dictionaries(st.sampled_from(["a", "b", 'c"', "d\\"]), st.sampled_from(KIND_NAMES), max_size=2)


@settings(max_examples=400)
@given(FIRST, st.lists(st.one_of(OBJECTS, OBJECTS, ALIKE, TWICE), min_size=1, max_size=8), KINDS)
def test_fast_and_careful_decoding_agree(
    first: list[bytes], lines: list[bytes], kinds: dict[str, str]
) -> None:
    careful = RowDecoder(Table(kinds))
    careful.look(first)
    fast, slow = RowDecoder(careful.table.like()), RowDecoder(careful.table.like())
    rows, position, bad = fast.lines(lines, 3)
    rows_slow, position_slow, bad_slow = slow.records(lines, 3)
    assert known(rows) == known(rows_slow) and rows.schema == rows_slow.schema
    assert position.tolist() == position_slow.tolist() and bad == bad_slow
    assert fast.table.state() == slow.table.state()
    assert fast.table.take_odd() == slow.table.take_odd()
    assert fast.left_out() == slow.left_out()


def known(rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """Without NaN, which is missing like None."""
    return [{name: None if v != v else v for name, v in row.items()} for row in rows.to_pylist()]
