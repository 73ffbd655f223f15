"""Messages to rows: the fast way gives what the careful one gives; Arrow messages, hostile ones among them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SinkError
from streamnn_connectors._rows import RowDecoder
from streamnn_connectors.kafka import Encoding
from streamnn_connectors.kafka._arrow_values import ArrowValues
from streamnn_connectors.kafka._json_values import JsonValues
from streamnn_connectors.kafka.contract import ROW_BITS
from streamnn_connectors.table import Table

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just([1]), st.just('"\\')
)
OBJECTS = st.fixed_dictionaries({}, optional=dict.fromkeys(("a", "b", 'c"', "é"), VALUES)).map(
    lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
)
PLAIN = st.tuples(
    st.floats(allow_nan=False, allow_infinity=False), st.one_of(st.none(), st.text(max_size=3))
).map(
    lambda cells: json.dumps({"a": cells[0], "b": cells[1]}, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
)
TWICE = st.tuples(PLAIN, PLAIN).map(lambda pair: pair[0][:-1] + b"," + pair[1][1:])
GARBAGE = st.binary(max_size=8).filter(lambda value: value[:1] != b"\0")  # a registry's frame is told by it
MESSAGES = st.lists(st.one_of(PLAIN, PLAIN, PLAIN, OBJECTS, TWICE, GARBAGE), max_size=30)


@settings(max_examples=300)
@given(MESSAGES, st.integers(1, 6))
def test_the_fast_way_and_the_careful_one_agree(messages: list[bytes], size: int) -> None:
    fast, careful = JsonValues(Table(), 1000, 50), RowDecoder(Table(), 1000, 50)
    for start in range(0, len(messages), size):
        cut = messages[start : start + size]
        offsets = 10 + 3 * np.arange(start, start + len(cut))
        rows, position, bad = fast.decode(cut, offsets)
        rows_slow, position_slow, bad_slow = careful.records(cut, 0)
        assert rows.schema == rows_slow.schema and str(rows.to_pylist()) == str(rows_slow.to_pylist())
        assert position.tolist() == offsets[position_slow].tolist()
        assert [(b.position, b.reason, b.stage, b.raw) for b in bad] == [
            (offsets[b.position], b.reason, b.stage, cut[b.position]) for b in bad_slow
        ]
    assert fast.table.state() == careful.table.state()


def test_the_fast_way_is_taken() -> None:
    values = JsonValues(Table(), 1000, 50)
    messages = [b'{"x":%d,"w":"a%d"}' % (i, i) for i in range(5)]
    at = np.arange(5)
    for _ in range(2):  # the first time the columns are new
        values.decode(messages, at)
    fast = values._fast(messages)
    assert fast is not None and fast.to_pylist()[4] == {"x": 4.0, "w": "a4"}
    # every doubt leads to the careful way
    for unusual in (
        b'{"x":1,"w":"a","w":"b"}',
        b'{"x":1}',
        b'{"x":1,"w":"\\u0061"}',
        b'{"x":[1],"w":"a"}',
        b'{"x":1,"w":"a","n":1}',
    ):
        assert values._fast([*messages, unusual]) is None
        values._skip = 0


def test_names_without_end_stop_at_the_limit() -> None:
    values = JsonValues(Table(), 1000, 8)
    dead = 0
    for start in range(0, 2000, 100):
        messages = [b'{"x":1,"n%d":2}' % i for i in range(start, start + 100)]
        rows, _, bad = values.decode(messages, np.arange(start, start + 100))
        dead += len(bad)
        assert rows.num_columns == 8 and all("too many columns" in b.reason for b in bad)
    assert dead == 2000 - 7 and len(values.table.columns) == 8


@pytest.mark.parametrize(
    ("message", "reason", "stage"),
    [
        (b"[1]", "an array of 1 values, 2 columns are declared", "schema"),
        (b'{"a":1}', "not an array", "decode"),
        (b'1,"x":[2]', "not an array", "decode"),
        (b"[1,", "malformed JSON", "decode"),
        (b"[1,2],[3,4]", "malformed JSON", "decode"),
        (b"", "malformed JSON", "decode"),
    ],
)  # fmt: skip
def test_arrays_of_declared_columns(message: bytes, reason: str, stage: str) -> None:
    values = JsonValues(Table(), 1000, 50, ("a", "b"))
    good = [b'[1,"u"]', b"[null, null]", b'[2.5,"w"]']
    for _ in range(2):  # the second time by the fast way, where it can be
        rows, position, bad = values.decode([*good, message, *good], np.arange(7) * 2)
        assert rows.to_pylist() == [{"a": 1.0, "b": "u"}, {"a": None, "b": None}, {"a": 2.5, "b": "w"}] * 2
        assert position.tolist() == [0, 2, 4, 8, 10, 12]
        assert bad[0].reason.startswith(reason) and (bad[0].position, bad[0].stage, bad[0].raw) == (
            6,
            stage,
            message,
        )
    values.decode(good, np.arange(3))
    assert values._fast(good) is not None


def stream(table: pa.Table, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)
    ) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_arrow_messages(compression: Any) -> None:
    table = pa.table(
        {"x": pa.array([1, 2, 3], pa.int8()), "w": pa.array(["a", None, "b"]).dictionary_encode()}
    )
    block = ArrowValues(Table(), 10).decode(stream(table, compression), 5)
    assert block.rows.to_pylist() == [{"x": 1, "w": "a"}, {"x": 2, "w": None}, {"x": 3, "w": "b"}]
    assert (
        block.position.tolist() == [5 << ROW_BITS, (5 << ROW_BITS) + 1, (5 << ROW_BITS) + 2] and not block.bad
    )


def test_arrow_messages_that_do_not_fit_are_one_bad_record_each() -> None:
    values = ArrowValues(Table(), 2)
    good = stream(pa.table({"x": [1.0]}))
    assert not values.decode(good, 0).bad
    for raw, reason in [
        (stream(pa.table({"y": [1], "z": [2]})), "too many columns"),
        (stream(pa.table({"n": pa.array([b"1"])})), "binary"),
        (b"", "no Arrow IPC stream"),
        (b'{"x":1', "malformed JSON"),
        (good[: len(good) // 2], "no Arrow IPC stream"),
    ]:
        block = values.decode(raw, 7)
        assert len(block.position) == 0 and reason in block.bad[0].reason
        assert block.bad[0].position == 7 << ROW_BITS and block.bad[0].raw == raw
    assert {name: column.kind for name, column in values.table.columns.items()} == {"x": "number"}


def test_an_object_among_arrow_messages_is_a_row() -> None:
    values = ArrowValues(Table(), 2)
    assert values.decode(stream(pa.table({"x": [1.0]})), 0).rows.to_pylist() == [{"x": 1.0}]
    block = values.decode(b'{"x":2}', 7)
    assert block.rows.to_pylist() == [{"x": 2.0}] and block.position.tolist() == [7 << ROW_BITS]
    # a cell of another kind is missing, in an object as in a table
    for value in (b'{"x":"text"}', stream(pa.table({"x": ["text"]}))):
        assert values.decode(value, 8).rows.to_pylist() == [{"x": None}]
    assert values.decode(b'{"x":', 8).bad[0].position == 8 << ROW_BITS


@settings(max_examples=200)
@given(st.data())
def test_damaged_arrow_messages_never_crash(data: st.DataObject) -> None:
    raw = bytearray(stream(pa.table({"x": [1.0, 2.0], "w": ["ab", "c"]})))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=6)):
        raw[at] = data.draw(st.integers(0, 255))
    block = ArrowValues(Table(), 10).decode(bytes(raw), 1)
    assert block.bad or block.rows.num_rows == len(block.position)
    block.rows.to_pylist()


def columns(n: int, width: int = 10) -> dict[str, Any]:
    return {
        "position": np.arange(n),
        "p": np.linspace(0, 1, n),
        "label": np.array([None, "a\nb"] * n, object)[:n],
        "s": ["x" * width] * n,
    }


def test_one_row_a_message() -> None:
    encoded = Encoding().encode(columns(3))
    assert [json.loads(v) for v in encoded.values] == [
        {"position": i, "p": i / 2, "label": [None, "a\nb"][i % 2], "s": "x" * 10} for i in range(3)
    ]
    assert encoded.last == [0, 1, 2] and Encoding().encode(columns(0)).values == []


@given(st.integers(1, 60), st.integers(1, 40), st.sampled_from(["json", "arrow"]), st.integers(300, 3000))
def test_packed_messages_hold_every_row_once_and_stay_small(
    n: int, rows: int, format: Any, largest: int
) -> None:
    encoded = Encoding(format, rows, largest).encode(columns(n))
    found = []
    for value in encoded.values:
        part = json.loads(value) if format == "json" else pa.ipc.open_stream(value).read_all().to_pylist()
        part = part if isinstance(part, list) else [part]
        assert len(part) <= rows
        found += [row["position"] for row in part]
        assert len(value) <= largest or encoded.oversize
    assert found == list(range(n)) and encoded.last[-1] == n - 1


@pytest.mark.parametrize(("format", "rows"), [("json", 1), ("json", 4), ("arrow", 4)])
def test_a_row_over_the_limit_becomes_an_error_record(format: Any, rows: int) -> None:
    data = columns(5)
    data["s"][3] = "y" * 5000
    encoded = Encoding(format, rows, 2000).encode(data)
    assert encoded.oversize == [3] and max(map(len, encoded.values)) <= 2000
    (value,) = [v for v in encoded.values if b"the limit is 2000" in v]
    text = (
        value if format == "json" else json.dumps(pa.ipc.open_stream(value).read_all().to_pylist()).encode()
    )
    assert b'"position"' in text and b"yyy" not in text


def test_what_has_no_form_is_a_sink_error() -> None:
    with pytest.raises(SinkError, match="near position 0"):
        Encoding().encode({"position": [0], "x": [object()]})
    with pytest.raises(SinkError, match="one type"):
        Encoding("arrow", 2).encode({"position": [0, 1], "x": [1, "a"]})
