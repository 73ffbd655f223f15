"""CSV: headers, kinds, quotes, and that block and record-by-record decoding agree."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SourceError
from streamnn_connectors import BadRecord, CsvSource, check_source
from streamnn_connectors._csv_decode import CsvDecoder, fields_of
from streamnn_connectors._csv_records import RecordReader
from streamnn_connectors._lines import LineReader
from streamnn_connectors.table import Table


def read(content: bytes, limit: int = 4096, **options: Any) -> tuple[list[dict[str, Any]], list[BadRecord]]:
    return read_all(content, limit, **options)[:2]


def read_all(
    content: bytes, limit: int = 4096, **options: Any
) -> tuple[list[dict[str, Any]], list[BadRecord], dict[tuple[str, str], int]]:
    rows: list[dict[str, Any]] = []
    bad: list[BadRecord] = []
    odd: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_bytes(content)
        partition = CsvSource(path, **options).open("0")
        while (batch := partition.next_batch(limit)) is not None:
            rows += batch.rows.to_pylist()
            bad += batch.bad
            odd += batch.odd
        partition.close()
    return rows, bad, dict(odd)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"\n\r\n", "there are no columns"),
        (b"# made by hand\n", "there are no columns"),
        (b"a,b,a\n1,2,3\n", "'a' more than once"),
        (b",column_1\n1,2\n", "'column_1' more than once"),
        (b'a,"b\n1,2\n', "header can't be read: a quote is never closed"),
        (b'a,"b"c\n1,2\n', "header can't be read: text after the closing quote"),
        (b"a,\xff\n1,2\n", "header can't be read.*source.options.encoding"),
        (b"a" * 2000 + b"\n", "header can't be read: longer than max_record_bytes, 1000"),
    ],
)
def test_a_wrong_header_is_a_source_error(header: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(header, max_record_bytes=1000)


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "é"])
def test_a_wrong_delimiter_is_a_source_error(delimiter: str) -> None:
    with pytest.raises(SourceError, match="delimiter"):
        read(b"a\n1\n", delimiter=delimiter)


def test_headers() -> None:
    assert read(b'\xef\xbb\xbf"a ""b""",\r\n1,2\r\n') == ([{'a "b"': 1.0, "column_2": 2.0}], [])
    assert read(b'"a\nb",c\n1,2') == ([{"a\nb": 1.0, "c": 2.0}], [])
    assert read(b"a,b\n") == ([], [])
    assert read(b"a,b") == ([], [])


BAD = [
    (b"1", "1 fields where the header has 3"),
    (b"1,2,3,4", "4 fields where the header has 3"),
    (b'1,"2",3,4', "4 fields where the header has 3"),
    (b'1,"2",3,4,"5"', "more than 3 fields where the header has 3"),
    (b"1,\xff,1", "invalid UTF-8 at byte 2"),
    (b"\xff,a,1", "invalid UTF-8 at byte 0"),
    (b'1,"a"b,1', "text after the closing quote of field 2"),
    (b'1,"a,1', "a quote is never closed"),
    (b"1," + b"a" * 2000 + b",1", "a record of 2004 bytes, the limit is 1000"),
    (b'1,"' + b"a" * 2000 + b'",1', "a record of 2006 bytes, the limit is 1000"),
]


@pytest.mark.parametrize(("line", "reason"), BAD, ids=[r for _, r in BAD])
@pytest.mark.parametrize("around", [1, 40])
def test_a_bad_record_is_kept_whole(line: bytes, reason: str, around: int) -> None:
    good = b"1,a,2\n" * around
    rows, bad = read(b"n,word,m\n" + b"1,a,2\n" * 1000 + line + b"\n" + good, max_record_bytes=1000)
    assert len(rows) == 1000 + around
    (record,) = bad
    assert (record.position, record.raw) == (1000, line)
    assert record.reason.startswith(reason)


@pytest.mark.parametrize("cell", ["x", "0x10", "1_000", "12 apples", "1" * 100 + "x", "2025-02-03", "true"])
@pytest.mark.parametrize("around", [1, 40])
def test_a_cell_of_another_kind_is_missing_and_its_record_good(cell: str, around: int) -> None:
    content = b"n,word,m\n" + b"1,a,2\n" * 1000 + f"{cell},b,3\n".encode() + b"1,a,2\n" * around
    rows, bad, odd = read_all(content)
    assert bad == [] and len(rows) == 1001 + around
    assert rows[1000] == {"n": None, "word": "b", "m": 3.0} and rows[1001] == {
        "n": 1.0,
        "word": "a",
        "m": 2.0,
    }
    assert odd == {("n", cell[:40]): 1}


def test_kinds_are_decided_by_the_first_thousand_records() -> None:
    head = b"a,b,c,d,e\n" + b"1,,x,,2\n" * 989 + b"z,NA,1,?,3\n" * 11
    rows, bad, odd = read_all(head + b"2,3,4,5,y\n" + b",x,,6,7\n")
    assert bad == [] and len(rows) == 1002
    assert rows[-2] == {"a": 2.0, "b": 3.0, "c": "4", "d": "5", "e": None}  # 989 of 1,000 are numbers
    assert rows[-1] == {"a": None, "b": None, "c": None, "d": "6", "e": 7.0}
    assert odd == {("a", "z"): 11, ("b", "x"): 1, ("e", "y"): 1}


@pytest.mark.parametrize(
    ("late", "value"),
    [("word", "word"), ("1.5", 1.5), ("007", "007"), ("9007199254740993", "9007199254740993")],
)
@pytest.mark.parametrize("limit", [1, 700, 4096])
def test_a_column_without_a_value_among_the_first_is_settled_by_its_first_values(
    late: str, value: Any, limit: int
) -> None:
    body = b"1,NA\n2,\n" * 600 + b"oops,other,kind\n" + f"3,{late}\n4,\n5,{late}\n".encode() * 20
    rows, bad = read(b"a,b\n" + body, limit)
    assert [record.raw for record in bad] == [b"oops,other,kind"]  # a bad record settles nothing
    assert len(rows) == 1260
    assert [row["b"] for row in rows[1197:1203]] == [None, None, None, value, None, value]


@pytest.mark.parametrize("limit", [1, 3, 4096])
def test_a_column_that_comes_late_is_written_as_the_table_is(limit: int) -> None:
    content = b"a;b\n" + b"1,5;\n" * 1000 + b"2,5;1.234,5\n3,5;0,5\n4,5;1,234\n"
    rows, bad, odd = read_all(content, limit, delimiter=";")
    assert [row["b"] for row in rows[-3:]] == [1234.5, 0.5, 1.234] and (bad, odd) == ([], {})


def test_kinds_come_from_the_resume_token_when_the_file_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b"a,b\n1,\n2,\n")
    partition = CsvSource(path).open("0")
    batch = partition.next_batch(10)
    partition.close()
    assert batch is not None and [name for name, _ in batch.resume["kinds"]] == ["a"]
    with path.open("ab") as file:
        file.write(b"x,word\ny,word\n3,word\n")
    fresh = CsvSource(path)
    assert fresh.open("0").next_batch(10).rows["a"].to_pylist()[-1] == "3"  # type: ignore[union-attr]
    rest = fresh.open("0", batch.resume)  # a fresh look takes column a for text
    more = rest.next_batch(10)
    rest.close()
    assert more is not None and more.bad == []
    assert more.rows.to_pylist() == [{"a": None, "b": "word"}] * 2 + [{"a": 3.0, "b": "word"}]
    assert more.odd == {("a", "x"): 1, ("a", "y"): 1}
    path.write_bytes(b"other,b\n1,\n2,\n3,\n")
    with pytest.raises(SourceError, match="has no column 'a', and had one when the checkpoint was written"):
        CsvSource(path).open("0", batch.resume)


def test_kinds_can_be_declared() -> None:
    kinds = {
        "zip": "text",
        "code": "category",
        "when": "time",
        "ok": "boolean",
        "note": "ignored",
        "n": "number",
    }
    content = b"zip,code,when,ok,note,n\n10115,7,1738540800,1,x,1\n12,07,1738540801.5,no,y,one\n"
    rows, bad, odd = read_all(content, kinds=kinds)
    at = datetime(2025, 2, 3, tzinfo=UTC)
    assert bad == [] and odd == {("n", "one"): 1}
    assert rows == [
        {"zip": "10115", "code": "7", "when": at, "ok": True, "n": 1.0},
        {"zip": "12", "code": "07", "when": at + timedelta(seconds=1.5), "ok": False, "n": None},
    ]


def test_more_texts_can_be_missing() -> None:
    rows, bad, odd = read_all(b"a,b\n1,x\n-999,unknown\n3,?\n", missing=["-999", "unknown"])
    assert (bad, odd) == ([], {})
    assert rows == [{"a": 1.0, "b": "x"}, {"a": None, "b": None}, {"a": 3.0, "b": "?"}]


@pytest.mark.parametrize("limit", [1, 4096])
@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1,5", "1.000,25", "-3"], "number", [1.5, 1000.25, -3.0]),
        (["$4,912.50", "($12.00)", "7"], "number", [4912.5, -12.0, 7.0]),
        (["12 %", "3.5 %", "n/a"], "number", [12.0, 3.5, None]),
        (["04109", "10115", "99999"], "id", ["04109", "10115", "99999"]),
        (["3141592653589793238", "3141592653589793239", "1"], "id", ["3141592653589793238", "3141592653589793239", "1"]),
        (["true", "False", "N/A"], "boolean", [True, False, None]),
        (["2025-02-03", "2025-02-03T00:00:00.5Z", "2025-02-03 01:00+01:00"], "time", [0.0, 0.5, 0.0]),
        (["yes", "no", "yes"], "text", ["yes", "no", "yes"]),
        (["1", "2", "many"], "text", ["1", "2", "many"]),
    ],
)  # fmt: skip
def test_what_the_cells_of_a_column_are(cells: list[str], kind: str, values: list[Any], limit: int) -> None:
    body = "".join(f'"{cell}",1\n' for cell in cells * 10)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_text("v,w\n" + body)
        batch = CsvSource(path).open("0").next_batch(limit)
    assert batch is not None and batch.columns["v"].kind == kind and batch.odd == {}
    rows, bad = read(b"v,w\n" + body.encode(), limit)
    if kind == "time":
        values = [datetime(2025, 2, 3, tzinfo=UTC) + timedelta(seconds=v) for v in values]
    assert bad == [] and [row["v"] for row in rows] == values * 10


def test_missing_and_numbers() -> None:
    content = b"x,w\n" + b"".join(
        v + b",t\n" for v in (b"", b"NA", b"null", b"nan", b" ", b" 1.5\t", b"+2", b"1e999", b"-inf", b"007", b'"3"')
    )  # fmt: skip
    values = [row["x"] for row in read(content)[0]]
    assert values == [None] * 5 + [1.5, 2.0, float("inf"), float("-inf"), 7.0, 3.0]


@pytest.mark.parametrize("around", [0, 40])
def test_nan_is_missing_however_it_is_written(around: int) -> None:
    rows, bad, odd = read_all(b"x,w\n" + b"1,t\n" * 1000 + b"NAN,t\n" + b"1,t\n" * around + b"nAn,u\n")
    found = rows[1000]["x"], rows[-1]["x"]
    assert all(v is None or v != v for v in found) and (bad, odd) == ([], {})


@pytest.mark.parametrize("kinds", [{}, {"a": "number"}])
@pytest.mark.parametrize(
    ("lines", "first"),
    [
        (["a;b", "50,305;x", "1,500;y"], 50.305),
        (["a;b", "50,305;1.5", "1,500;2.5"], 50305.0),  # a point stands before the decimals of this file
        (["a;b", "50,305;x", "1,000,500;y"], 50305.0),
        (["a;b", "50.305;x", "1.500;y"], 50.305),
        (["a,b", '"50,305",x', '"1,500",y'], 50305.0),
    ],
)
def test_between_semicolons_a_comma_stands_before_decimals(
    lines: list[str], first: float, kinds: dict[str, str]
) -> None:
    assert read("\n".join(lines).encode(), kinds=kinds)[0][0]["a"] == first


@pytest.mark.parametrize("around", [1, 40])
def test_an_id_among_numbers_is_missing_and_told(around: int) -> None:
    numbers = [str(i) for i in range(around)]
    rows, _, odd = read_all(
        "\n".join(["a,b", *(f"{n},1" for n in [*numbers, str(2**53 + 1), "1e20"])]).encode(),
        kinds={"a": "number"},
    )
    assert [row["a"] for row in rows] == [*map(float, numbers), None, 1e20]
    assert odd == {("a", str(2**53 + 1)): 1}


def test_a_stray_quote_costs_one_record_only() -> None:
    rows, bad = read(b'a,b\n1,x\n2,"y\n3,z\n4,"p\nq"\n5,r\n')
    assert [row["a"] for row in rows] == [1.0, 3.0, 4.0, 5.0] and rows[2]["b"] == "p\nq"
    assert [(b.position, b.raw) for b in bad] == [(1, b'2,"y')]


def test_many_stray_quotes_end_soon() -> None:
    rows, bad = read(b"a,b\n" + b'1,"\n' * 3000 + b'","\n' * 3000 + b"1,2\n")
    assert rows[-1] == {"a": 1.0, "b": 2.0} and len(bad) + len(rows) > 3000


FIELD = st.sampled_from(
    ["", "1", "-2.5", "x", "NA", "nan", "NaN", "inf", " 3", "+4", "1e400", 'q"', '"', "a,b", "l\nm", "l\r\nm", "é", "nan(a)", ".",
     "NAN", "?", "-", "1,5", "1.234,5", "true", "No", "007", "9007199254740993", "2025-02-03", "2025-02-03T10:00:00.123456789Z",
     "9999-12-31 23:59:59.999999", "1738540800", "2 days", "$5", "(3)", "NULL ", " NA"]
)  # fmt: skip
RECORD = st.lists(FIELD, min_size=2, max_size=2).map(lambda fields: _quoted(fields))
RAGGED = st.lists(FIELD, min_size=0, max_size=3).map(lambda fields: ",".join(fields).encode())
PIECES = st.lists(st.one_of(RECORD, RECORD, RAGGED, st.binary(max_size=8)), max_size=25)


def _quoted(fields: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue()[:-1].encode()


@settings(max_examples=200)
@given(PIECES, st.integers(1, 9), st.sampled_from([b"\n", b"\r\n"]))
def test_no_byte_is_lost(pieces: list[bytes], limit: int, newline: bytes) -> None:
    body = newline.join([*pieces, b"9,end"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_bytes(b"a,b\n" + body)
        lines = LineReader(path, 4)
        records, out = RecordReader(lines, b",", 2, 1000), []
        while taken := records.take(limit)[0]:
            assert len(taken) <= limit
            out += taken
        assert lines.byte == 4 + len(body)
        lines.close()
    in_quotes = b'"' in body  # where a blank line may be part of a field
    assert in_quotes or out == [line for line in body.split(b"\n") if line.strip() or b"," in line]
    assert b"".join(b"".join(out).split()) == b"".join(body.split())
    rows, bad = read(b"a,b\n" + body, limit, delimiter=",", encoding="utf-8", header=True)
    assert len(rows) + len(bad) == len(out)
    assert {record.raw for record in bad} <= set(out)
    assert (rows and rows[-1]["b"] == "end") or b'"' in body


@settings(max_examples=150)
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6), min_size=2, max_size=2), max_size=12))  # fmt: skip
def test_what_a_csv_writer_writes_comes_back(records: list[list[str]]) -> None:
    content = b"".join(_quoted(["_" + text for text in fields]) + b"\n" for fields in records)
    rows, bad = read(b"a,b\n" + b"text,text\n" + content)
    assert bad == []
    assert [list(row.values()) for row in rows[1:]] == [["_" + text for text in fields] for fields in records]


KINDS = st.sampled_from(["number", "text", "category", "id", "time", "boolean", "duration", None])


@settings(max_examples=300)
@given(
    st.lists(RECORD, max_size=25),
    st.lists(RECORD, min_size=16, max_size=24),
    KINDS,
    st.sets(FIELD, max_size=2),
)
def test_block_and_single_decoding_agree(
    first: list[bytes], records: list[bytes], kind: str | None, missing: set[str]
) -> None:
    tables = [Table({} if kind is None else {"a": kind}, missing, typed=False) for _ in range(2)]
    decoder, alone = (CsvDecoder(["a", "b"], table, b",", 1000) for table in tables)
    for each in (decoder, alone):
        cells = [fields_of(record, b",", 2, 1000) for record in first]
        each.table.look({name: [c[i].decode() for c in cells] for i, name in enumerate("ab")})
    rows, position, bad = decoder.decode(records, {}, 5)
    single = [alone.decode([record], {}, 5 + i) for i, record in enumerate(records)]
    assert dict(decoder.table.state()) == dict(alone.table.state())
    assert known(rows.to_pylist()) == known([row for s in single for row in s[0].to_pylist()])
    assert position.tolist() == [p for s in single for p in s[1].tolist()]
    assert bad == [b for s in single for b in s[2]]
    assert decoder.table.take_odd() == alone.table.take_odd()


def known(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without NaN, which is missing like None."""
    return [{name: None if v != v else v for name, v in row.items()} for row in rows]


@settings(max_examples=60)
@given(PIECES)
def test_cutting_and_resuming_change_nothing(pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_bytes(b"\n".join([b"a,b", *pieces, b"9,end"]))
        whole = CsvSource(path).open("0")
        rows = []
        while (batch := whole.next_batch(4096)) is not None:
            rows += batch.rows.to_pylist()
        whole.close()
        check_source(lambda: CsvSource(path), rows, limits=(1, 3, 4096))
