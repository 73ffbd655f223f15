"""JSON lines: what is a number, what is bad, and that fast and careful decoding agree."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn_connectors import BadRecord, JsonLinesSource, check_source
from streamnn_connectors._rows import RowDecoder

GOOD = b'{"x": 1, "word": "a"}'


def read(content: bytes, limit: int = 4096, **options: Any) -> tuple[list[dict[str, Any]], list[BadRecord]]:
    rows: list[dict[str, Any]] = []
    bad: list[BadRecord] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        path.write_bytes(content)
        partition = JsonLinesSource(path, **options).open("0")
        while (batch := partition.next_batch(limit)) is not None:
            rows += batch.rows.to_pylist()
            bad += batch.bad
        partition.close()
    return rows, bad


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
        (b'{"x": "1"}', "column 'x' is a number but has '1'", "schema"),
        (b'{"word": 1}', "column 'word' is a string but has 1", "schema"),
        (b'{"word": true}', "column 'word' is a string but has 1.0", "schema"),
        (b'{"new": {"x": 1, "x": 2}}', "duplicate key 'x'", "decode"),
        (b'{"new": [{"word": "\\ud800"}]}', "half a surrogate pair", "decode"),
        (b'{"x": "' + b"y" * 5000 + b'"}', "a record of 5009 bytes, the limit is 1000", "decode"),
        (b'{"x": "' + b"y" * 500 + b'"}', "column 'x' is a number but has 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...", "schema"),
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0), ("-0.5e3", -500.0), ("true", 1.0), ("false", 0.0), ("Infinity", math.inf),
        ("-Infinity", -math.inf), ("1e999", math.inf), ("-1e999", -math.inf), ("9007199254740993", 2.0**53),
        ("1" + "0" * 400, math.inf), ("-1" + "0" * 5000, -math.inf), ("36893488147419103232", 2.0**65),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    alone, bad = read(b'{"x": %s}' % text.encode())
    assert bad == [] and alone == [{"x": value}]
    among, bad = read(b'{"x": 0.5}\n' * 20 + b'{"x": %s}' % text.encode(), limit=20)
    assert bad == [] and among[-1] == {"x": value}


def test_nan_is_a_number_and_null_is_missing() -> None:
    rows, bad = read(b'{"x": null}\n{"x": NaN}\n{}\n{"x": 2}')
    assert bad == [] and [rows[0], rows[2], rows[3]] == [{"x": None}, {"x": None}, {"x": 2.0}]
    assert math.isnan(rows[1]["x"])


def test_records_without_columns_are_records() -> None:
    rows, bad = read(b'{}\n{"x": null}\n')
    assert (rows, bad) == ([{}, {}], [])


def test_a_byte_order_mark_and_carriage_returns() -> None:
    assert read(b'\xef\xbb\xbf{"x": 1}\r\n{"x": 2}\r\n')[0] == [{"x": 1.0}, {"x": 2.0}]


def test_a_bad_record_decides_no_kind() -> None:
    rows, bad = read(b'{"a": 1}\n{"new": "text", "a": "bad"}\n{"new": 5}\n')
    assert rows == [{"a": 1.0, "new": None}, {"a": None, "new": 5.0}]
    assert [b.position for b in bad] == [1]


def test_columns_have_a_limit() -> None:
    rows, bad = read(b'{"a": 1}\n{"b": 1}\n{"c": 1}\n{"b": 2}\n', max_columns=2)
    assert len(rows) == 3 and "too many columns" in bad[0].reason


def test_a_line_of_ten_megabytes_costs_one_record() -> None:
    long = b'{"x": "' + b"y" * 10_000_000 + b'"}'
    rows, bad = read(GOOD + b"\n" + long + b"\n" + GOOD)
    assert len(rows) == 2 and bad[0].raw == long and len(bad[0].reason) < 100


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([1]), st.just('"\\')
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", 'c"', "d\\"]), VALUES, max_size=4).map(
    lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
)
TWICE = st.tuples(OBJECTS, OBJECTS).map(lambda pair: pair[0][:-1] + b"," + pair[1][1:])
LINES = st.lists(st.one_of(OBJECTS, OBJECTS, TWICE, st.binary(max_size=12)), max_size=12)


def oracle(line: bytes, kinds: dict[str, type]) -> bool:
    """Whether a line is good, told by the plainest means; finds kinds as it goes."""

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
    flat = {f"{name}[0]" if v == [1] else name: v for name, v in row.items()}
    new = {name: str if isinstance(v, str) else float for name, v in flat.items() if v is not None}
    if any(kinds.get(name, kind) is not kind for name, kind in new.items()):
        return False
    kinds.update({name: kind for name, kind in new.items() if name not in kinds})
    return True


@settings(max_examples=150)
@given(LINES, st.integers(1, 5))
def test_every_good_line_comes_out_and_every_bad_one_is_kept(lines: list[bytes], limit: int) -> None:
    content = b"\n".join(lines) + b"\n"
    if content == b"\n":
        content = b"\n\n"
    lines = [line for line in content[:-1].split(b"\n") if line.strip()]
    kinds: dict[str, type] = {}
    good = [oracle(line, kinds) for line in lines]
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


@settings(max_examples=150)
@given(st.lists(st.one_of(OBJECTS, OBJECTS, TWICE), min_size=1, max_size=8))
def test_fast_and_careful_decoding_agree(lines: list[bytes]) -> None:
    careful = RowDecoder()
    careful.records(lines, 0)
    fast, slow = RowDecoder(careful.kinds), RowDecoder(careful.kinds)
    rows, position, bad = fast.lines(lines, 3)
    rows_slow, position_slow, bad_slow = slow.records(lines, 3)
    assert str(rows.to_pylist()) == str(rows_slow.to_pylist()) and rows.schema == rows_slow.schema
    assert position.tolist() == position_slow.tolist() and bad == bad_slow
