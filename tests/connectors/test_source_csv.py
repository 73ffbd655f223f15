"""CSV: headers, kinds, quotes, and that block and record-by-record decoding agree."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SourceError
from streamnn_connectors import BadRecord, CsvSource, check_source
from streamnn_connectors._csv_decode import CsvDecoder
from streamnn_connectors._csv_records import RecordReader
from streamnn_connectors._lines import LineReader


def read(content: bytes, limit: int = 4096, **options: Any) -> tuple[list[dict[str, Any]], list[BadRecord]]:
    rows: list[dict[str, Any]] = []
    bad: list[BadRecord] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_bytes(content)
        partition = CsvSource(path, **options).open("0")
        while (batch := partition.next_batch(limit)) is not None:
            rows += batch.rows.to_pylist()
            bad += batch.bad
        partition.close()
    return rows, bad


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"\n\r\n", "there are no columns"),
        (b"# made by hand\n", "there are no columns"),
        (b"a,b,a\n1,2,3\n", "'a' more than once"),
        (b",column_1\n1,2\n", "'column_1' more than once"),
        (b'a,"b\n1,2\n', "header can't be read: a quote is never closed"),
        (b'a,"b"c\n1,2\n', "header can't be read: text after the closing quote"),
        (b"a,\xff\n1,2\n", "header can't be read"),
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
    (b"x,a,1", "column 'n' is a number but has 'x'"),
    (b"0x10,a,1", "column 'n' is a number but has '0x10'"),
    (b"1_000,a,1", "column 'n' is a number but has '1_000'"),
    (b"1" * 100 + b"x,a,1", "column 'n' is a number but has '1111"),
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


def test_kinds_are_decided_by_the_first_thousand_records() -> None:
    rows, bad = read(b"a,b,c,d\n" + b"1,,x,\n" * 999 + b"z,NA,1,inf\n" + b"2,3,4,5\n,x,,6\n")
    assert rows[-1] == {"a": "2", "b": 3.0, "c": "4", "d": 5.0} and len(rows) == 1001
    assert bad[0].reason == "column 'b' is a number but has 'x'"


@pytest.mark.parametrize(("late", "value"), [("word", "word"), ("1.5", 1.5), ("007", 7.0)])
@pytest.mark.parametrize("limit", [1, 700, 4096])
def test_a_column_without_a_value_among_the_first_is_settled_by_the_first(
    late: str, value: Any, limit: int
) -> None:
    body = b"1,NA\n2,\n" * 600 + b"oops,other kind\n" + f"3,{late}\n4,\n5,{late}\n".encode() * 20
    rows, bad = read(b"a,b\n" + body, limit)
    assert [record.raw for record in bad] == [b"oops,other kind"]  # a bad record settles nothing
    assert len(rows) == 1260 and [row["b"] for row in rows[1197:1203]] == [
        None,
        None,
        None,
        value,
        None,
        value,
    ]


def test_kinds_come_from_the_resume_token_when_the_file_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b"a,b\n1,\n2,\n")
    partition = CsvSource(path).open("0")
    batch = partition.next_batch(10)
    partition.close()
    assert batch is not None and batch.resume["kinds"] == ["number", None]
    with path.open("ab") as file:
        file.write(b"x,word\n3,word\n")
    rest = CsvSource(path).open("0", batch.resume)  # a fresh look would take column a for text
    more = rest.next_batch(10)
    rest.close()
    assert more is not None and more.rows.to_pylist() == [{"a": 3.0, "b": "word"}]
    assert [b.reason for b in more.bad] == ["column 'a' is a number but has 'x'"]
    with pytest.raises(SourceError, match="has 2 columns and had 1"):
        CsvSource(path).open("0", batch.resume | {"kinds": ["number"]})


def test_columns_can_be_told_to_be_text() -> None:
    assert read(b"zip,x\n007,1\n12,2\n", text=["zip"])[0] == [
        {"zip": "007", "x": 1.0},
        {"zip": "12", "x": 2.0},
    ]


def test_missing_and_numbers() -> None:
    content = b"x,w\n" + b"".join(
        v + b",t\n" for v in (b"", b"NA", b"null", b"nan", b" ", b" 1.5\t", b"+2", b"1e999", b"-inf", b"007", b'"3"')
    )  # fmt: skip
    values = [row["x"] for row in read(content)[0]]
    assert values == [None] * 5 + [1.5, 2.0, float("inf"), float("-inf"), 7.0, 3.0]


def test_a_stray_quote_costs_one_record_only() -> None:
    rows, bad = read(b'a,b\n1,x\n2,"y\n3,z\n4,"p\nq"\n5,r\n')
    assert [row["a"] for row in rows] == [1.0, 3.0, 4.0, 5.0] and rows[2]["b"] == "p\nq"
    assert [(b.position, b.raw) for b in bad] == [(1, b'2,"y')]


def test_many_stray_quotes_end_soon() -> None:
    rows, bad = read(b"a,b\n" + b'1,"\n' * 3000 + b'","\n' * 3000 + b"1,x\n")
    assert rows[-1] == {"a": 1.0, "b": "x"} and len(bad) + len(rows) > 3000


FIELD = st.sampled_from(
    ["", "1", "-2.5", "x", "NA", "nan", "NaN", "inf", " 3", "+4", "1e400", 'q"', '"', "a,b", "l\nm", "l\r\nm", "é", "nan(a)", "."]
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
    content = b"".join(_quoted(["-" + text for text in fields]) + b"\n" for fields in records)
    rows, bad = read(b"a,b\n" + b"text,text\n" + content)
    assert bad == []
    assert [list(row.values()) for row in rows[1:]] == [["-" + text for text in fields] for fields in records]


@settings(max_examples=200)
@given(st.lists(RECORD, min_size=16, max_size=24), st.sampled_from(["number", "string", None]))
def test_block_and_single_decoding_agree(records: list[bytes], kind: str | None) -> None:
    decoder, alone = (CsvDecoder({"a": kind, "b": "string"}, b",", 1000) for _ in range(2))
    rows, position, bad = decoder.decode(records, {}, 5)
    single = [alone.decode([record], {}, 5 + i) for i, record in enumerate(records)]
    assert decoder.kinds == alone.kinds
    assert str(rows.to_pylist()) == str([row for s in single for row in s[0].to_pylist()])
    assert position.tolist() == [p for s in single for p in s[1].tolist()]
    assert bad == [b for s in single for b in s[2]]


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
