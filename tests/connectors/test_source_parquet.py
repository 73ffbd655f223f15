"""Parquet and tables: types handed on, metadata, and damaged files."""

from __future__ import annotations

import datetime
import decimal
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn.errors import SourceError
from streamnn_connectors import MemorySource, ParquetSource, Source, check_source
from streamnn_connectors.wanted import Wanted

DAY = datetime.date(2013, 1, 2)
NOON = datetime.datetime(2013, 1, 1, 12)
COLUMNS: dict[str, tuple[pa.Array, str, Any]] = {
    "f32": (pa.array([1.5, None], pa.float32()), "double", 1.5),
    "f16": (pa.array([1.5, None], pa.float16()), "double", 1.5),
    "i8": (pa.array([3, None], pa.int8()), "int8", 3),
    "u64": (pa.array([2**53, None], pa.uint64()), "uint64", 2**53),
    "wide u64": (pa.array([2**63, None], pa.uint64()), "string", str(2**63)),
    "wide i64": (pa.array([-(2**53) - 1, None], pa.int64()), "string", "-9007199254740993"),
    "wide decimal": (pa.array([decimal.Decimal(10**20 + 1), None]), "string", "100000000000000000001"),
    "bool": (pa.array([True, None]), "bool", True),
    "string": (pa.array(["a", None]), "string", "a"),
    "large": (pa.array(["a", None], pa.large_string()), "string", "a"),
    "dictionary": (pa.array(["a", None]).dictionary_encode(), "string", "a"),
    "codes": (pa.array([7, None]).dictionary_encode(), "int64", 7),
    "decimal": (pa.array([decimal.Decimal("1.25"), None]), "double", 1.25),
    "null": (pa.nulls(2), "double", None),
    "seconds": (
        pa.array([NOON, None], pa.timestamp("s")),
        "timestamp[s, tz=UTC]",
        NOON.replace(tzinfo=datetime.UTC),
    ),
    "zoned": (
        pa.array([NOON, None], pa.timestamp("ms", "Asia/Tokyo")),
        "timestamp[ms, tz=UTC]",
        NOON.replace(tzinfo=datetime.UTC),
    ),
    "date": (
        pa.array([DAY, None]),
        "timestamp[us, tz=UTC]",
        datetime.datetime(2013, 1, 2, tzinfo=datetime.UTC),
    ),
    "date64": (
        pa.array([DAY, None], pa.date64()),
        "timestamp[us, tz=UTC]",
        datetime.datetime(2013, 1, 2, tzinfo=datetime.UTC),
    ),
    "time": (pa.array([datetime.time(0, 1), None], pa.time32("s")), "double", 60.0),
    "fine time": (pa.array([datetime.time(0, 1, 0, 500_000), None], pa.time64("us")), "double", 60.5),
    "elapsed": (pa.array([datetime.timedelta(seconds=2.5), None], pa.duration("ms")), "double", 2.5),
}
DROPPED = {
    "binary": pa.array([b"a", None]),
    "image": pa.array([b"ab", None], pa.binary(2)),
}


def file_source(table: pa.Table, folder: Path) -> Source:
    pq.write_table(table, folder / "t.parquet")
    return ParquetSource(folder / "t.parquet")


@pytest.mark.parametrize("where", ["memory", "file"])
@pytest.mark.parametrize("name", COLUMNS)
def test_types(name: str, where: str, tmp_path: Path) -> None:
    array, kind, value = COLUMNS[name]
    if where == "file":
        kind = kind.replace("[s,", "[ms,")  # Parquet has no unit of seconds
    table = pa.table({name: array, "other": [1, 2]})
    source = MemorySource(table) if where == "memory" else file_source(table, tmp_path)
    batch = source.open("0").next_batch(5)
    assert batch is not None
    assert str(batch.rows.schema.field(name).type) == kind
    assert batch.rows.column(name).to_pylist() == [value, None]


@pytest.mark.parametrize("where", ["memory", "file"])
def test_binary_columns_are_dropped_and_named(where: str, tmp_path: Path) -> None:
    table = pa.table({**DROPPED, "x.y": [1.0, 2.0]})
    source = MemorySource(table) if where == "memory" else file_source(table, tmp_path)
    assert list(source.info().metadata["dropped"]) == list(DROPPED)
    check_source(lambda: source, [{"x.y": 1.0}, {"x.y": 2.0}])


@pytest.mark.parametrize("where", ["memory", "file"])
def test_structs_and_lists_become_columns(where: str, tmp_path: Path) -> None:
    nested = {
        "cart": [{"price": 2.5, "tags": ["a"]}, None],
        "x": [[1.0, 2.0], [3.0]],
        "meta": [{"id": 1}] * 2,
    }
    wanted = Wanted(ignore=["meta"])
    pq.write_table(pa.table(nested), tmp_path / "t.parquet")
    at = tmp_path / "t.parquet"
    source = (
        MemorySource(pa.table(nested), wanted=wanted)
        if where == "memory"
        else ParquetSource(at, wanted=wanted)
    )
    check_source(
        lambda: source,
        [
            {"cart.price": 2.5, "cart.tags[0]": "a", "x[0]": 1.0, "x[1]": 2.0},
            {"cart.price": None, "cart.tags[0]": None, "x[0]": 3.0, "x[1]": None},
        ],
    )


def test_metadata(tmp_path: Path) -> None:
    notes = {"streamnn": json.dumps({"labels": ["DOWN", "UP"]}), "origin": "a survey", "deep": "[" * 100_000}
    table = pa.table({"x": [1]}).replace_schema_metadata(notes)
    metadata = file_source(table, tmp_path).info().metadata
    assert metadata["labels"] == ["DOWN", "UP"] and metadata["origin"] == "a survey"
    assert "dropped" not in metadata


def test_tables_that_can_not_be_used(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no columns"):
        MemorySource(pa.table({}))
    with pytest.raises(SourceError, match="only binary, which are binary"):
        file_source(pa.table({"binary": DROPPED["binary"]}), tmp_path)
    with pytest.raises(SourceError, match="'x' more than once"):
        MemorySource(pa.table([[1], [2]], names=["x", "x"]))


@pytest.mark.parametrize("where", ["memory", "file"])
def test_no_rows(where: str, tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([], pa.float64())})
    source = MemorySource(table) if where == "memory" else file_source(table, tmp_path)
    assert source.open("0").next_batch(5) is None
    assert source.info().records == 0


def test_chunked_tables_and_row_groups_are_one_stream(tmp_path: Path) -> None:
    table = pa.concat_tables([pa.table({"x": [i, i + 1]}) for i in range(0, 40, 2)])
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=7)
    rows = table.to_pylist()
    check_source(lambda: MemorySource(table), rows)
    check_source(lambda: ParquetSource(tmp_path / "t.parquet"), rows)


def test_strings_that_are_not_utf8_are_bad_records(tmp_path: Path) -> None:
    words = pa.array([b"good", b"b\xffd", None, b"fine"], pa.binary())
    words = pa.Array.from_buffers(pa.string(), 4, words.buffers())
    source = file_source(pa.table({"n": [1, 2, 3, 4], "word": words}), tmp_path)
    batch = source.open("0").next_batch(5)
    assert batch is not None
    assert batch.rows.to_pylist() == [
        {"n": 1, "word": "good"}, {"n": 3, "word": None}, {"n": 4, "word": "fine"},
    ]  # fmt: skip
    assert batch.position.tolist() == [0, 2, 3]
    (bad,) = batch.bad
    assert (bad.position, bad.reason, bad.raw) == (1, "column 'word' is not valid UTF-8", b'{"n":2,"word":"b\\\\xffd"}')  # fmt: skip
    check_source(lambda: source, batch.rows.to_pylist())


def test_truncated_and_overwritten_files(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [float(i * i % 977) for i in range(5000)], "w": ["word"] * 5000}), path)
    whole = path.read_bytes()
    for size in (1, 3, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"can't be read as Parquet.*Is it whole"):
            ParquetSource(path)
    failed = 0
    for at in range(4, len(whole) - 8, len(whole) // 40):
        path.write_bytes(whole[:at] + b"\xff" * 16 + whole[at + 16 :])
        try:
            partition = ParquetSource(path).open("0")
            while partition.next_batch(1000) is not None:
                pass
        except SourceError:
            failed += 1
    assert failed > 0


def test_maps_bring_columns_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamnn_connectors._arrow.MAX_COLUMNS", 4)
    cells = [[(f"k{i}", float(i)), ("k0", 0.5)] for i in range(1, 9)]
    table = pa.table({"x": range(8), "m": pa.array(cells, pa.map_(pa.string(), pa.float64()))})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    partition, left = ParquetSource(tmp_path / "t.parquet").open("0"), Counter[str]()
    while (batch := partition.next_batch(100)) is not None:
        assert not batch.bad and set(batch.columns) <= {"x", "m.k0", "m.k1", "m.k2"}
        left += batch.left_out
    assert left == {f"m.k{i}": 1 for i in range(3, 9)}
