"""Sinks: the contract, and bytes that depend on the records alone."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.errors import SinkError
from streamnn_connectors import (
    CsvSink,
    CsvSource,
    JsonLinesSink,
    JsonLinesSource,
    MemorySink,
    ParquetSink,
    Sink,
    check_sink,
    open_sink,
)

FILES: dict[str, type] = {"out.jsonl": JsonLinesSink, "out.csv": CsvSink}
every_file = pytest.mark.parametrize("name", FILES)
every_sink = pytest.mark.parametrize("name", [*FILES, "out.parquet"])
RECORDS: list[dict[str, Any]] = [
    {"position": 3, "word": 'a,"b"\nc', "p": 0.1, "n": 7},
    {"position": 4, "word": "é\r\n", "p": None, "n": -1},
    {"position": 4, "word": "", "p": 1e-7, "n": 0},
    {"position": 10, "word": '"', "p": 1e22, "n": 12345678901},
]


@every_sink
def test_sinks_keep_the_contract(name: str, tmp_path: Path) -> None:
    check_sink(lambda: open_sink(tmp_path / name))


def test_memory_keeps_the_contract() -> None:
    sink = MemorySink()
    check_sink(lambda: sink)
    assert [r["position"] for r in sink.records] == [0, 1, 5, 6, 7, 9]


def test_the_protocol_is_met() -> None:
    for cls in (JsonLinesSink, CsvSink, ParquetSink, MemorySink):
        assert issubclass(cls, Sink)


class _Forgetful(MemorySink):
    def committed(self) -> int:
        return max(super().committed() - 1, -1)


def test_the_check_finds_a_broken_sink() -> None:
    sink = _Forgetful()
    with pytest.raises(AssertionError, match="committed 4 after flush"):
        check_sink(lambda: sink)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "word": st.none() | st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(['"', "\n", ",", "\r\n"]),
    "p": st.none() | st.floats(),
    "n": st.integers(-(2**60), 2**60),
}  # fmt: skip
BATCHES = st.lists(
    st.lists(st.fixed_dictionaries({"gap": st.integers(0, 3), **VALUES}), max_size=4), min_size=1, max_size=5
).map(lambda batches: _numbered(batches))


def _numbered(batches: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    at = 0
    numbered: list[list[dict[str, Any]]] = []
    for batch in batches:
        numbered.append([])
        for record in batch:
            at += record["gap"]
            numbered[-1].append({"position": at, **{name: record[name] for name in VALUES}})
    return numbered


def columns_of(batch: list[dict[str, Any]]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: [record[name] for record in batch] for name in batch[0]}
    columns["position"] = np.array(columns["position"])
    if None not in columns["p"]:
        columns["p"] = np.array(columns["p"])
    columns["word"] = np.array([*columns["word"], None], object)[:-1]
    return columns


@every_file
@settings(max_examples=60)
@given(batches=BATCHES)
def test_bytes_depend_on_the_records_alone(name: str, batches: list[list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, cut, columns = (Path(folder, kind + name) for kind in ("whole", "cut", "columns"))
        sink = open_sink(whole)
        sink.write([record for batch in batches for record in batch])
        sink.close()
        for batch in batches:
            sink = open_sink(cut)
            for record in batch:
                sink.write([record])
            sink.close()
            assert sink.committed() == (batch[-1]["position"] if batch else sink.committed())
        sink = open_sink(columns)
        for batch in batches:
            if batch:
                sink.write_columns(columns_of(batch))
            sink.flush()
        sink.close()
        assert whole.read_bytes() == cut.read_bytes() == columns.read_bytes()


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    records = [{**r, "p": r["p"] or 0.5} for r in RECORDS]
    for name, source in (("out.jsonl", JsonLinesSource), ("out.csv", CsvSource)):
        sink = open_sink(tmp_path / name)
        sink.write(records)
        sink.close()
        partition = source(tmp_path / name).open("0")
        batch = partition.next_batch(100)
        partition.close()
        assert batch is not None and batch.bad == []
        wanted = [{**r, "word": r["word"] or None} if "csv" in name else r for r in records]
        assert batch.rows.to_pylist() == wanted


def test_json_values(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "o.jsonl")
    sink.write(
        [{"position": np.int64(1), "v": [1, {"a": np.float64(0.1)}], "x": math.inf, "a": np.arange(2)}]
    )
    sink.write_columns({"position": [2], "f": np.array([0.5], np.float32), "b": np.array([True])})
    with pytest.raises(SinkError, match=r"near position 3 can't be written as JSON.*object"):
        sink.write([{"position": 3, "v": object()}])
    sink.write([{"position": 3}])
    sink.close()
    assert (tmp_path / "o.jsonl").read_text().splitlines() == [
        '{"position":1,"v":[1,{"a":0.1}],"x":null,"a":[0,1]}',
        '{"position":2,"f":0.5,"b":true}',
        '{"position":3}',
    ]


def test_csv_values_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    sink = CsvSink(path, columns=["position", "v", "w"])
    sink.write(
        [{"position": np.int64(1), "w": True}, {"position": 2, "v": np.float32(0.5), "w": np.bool_(False)}]
    )
    for record, message in (
        ({"position": 3, "z": 1}, "'z' is not in the header"),
        ({"position": 3, "v": [1]}, "list"),
    ):
        with pytest.raises(SinkError, match=message):
            sink.write([record])
    sink.close()
    assert path.read_text() == "position,v,w\n1,,true\n2,0.5,false\n"
    with pytest.raises(SinkError, match="its columns are position, v, w"):
        CsvSink(path, columns=["position", "v"])
    with pytest.raises(SinkError, match="different names"):
        CsvSink(tmp_path / "p.csv", columns=["v", "v"])


@every_sink
def test_wrong_columns_are_refused_and_leave_no_trace(name: str, tmp_path: Path) -> None:
    sink = open_sink(tmp_path / name)
    for columns, message in (
        ({"p": [1]}, "'position' is missing"),
        ({"position": [1, 2], "p": [1]}, "'p' has 1 values"),
        ({"position": [2, 1], "p": [1, 2]}, "position 1 comes after a later one"),
        ({"position": np.array([0.5]), "p": [1]}, "no integer 'position'"),
        ({"position": [True], "p": [1]}, "no integer 'position'"),
    ):
        with pytest.raises(SinkError, match=message):
            sink.write_columns(columns)  # type: ignore[arg-type]
    sink.write_columns({"position": [], "p": []})
    sink.flush()
    assert sink.committed() == -1
    sink.write([{"position": 0, "q": 1.0}])
    sink.close()
    assert sink.committed() == 0
    with pytest.raises(SinkError, match="closed"):
        sink.write([{"position": 1, "q": 1.0}])


@every_sink
def test_a_path_that_can_not_be_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="can't be written: No such file"):
        open_sink(tmp_path / "none" / name)
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="can't be written: Not a directory"):
        open_sink(tmp_path / "file" / name)


def test_suffixes(tmp_path: Path) -> None:
    kinds = {"a.json": JsonLinesSink, "a.ndjson": JsonLinesSink, "a.CSV": CsvSink, "a.pq": ParquetSink}
    for name, cls in kinds.items():
        sink = open_sink(tmp_path / name)
        assert type(sink) is cls
        sink.close()
    assert isinstance(open_sink(f"{tmp_path}/parts/"), ParquetSink)
    assert isinstance(open_sink(tmp_path), ParquetSink)
    with pytest.raises(SinkError, match="suffix says no format"):
        open_sink(tmp_path / "o.txt")


def test_memory_after_a_power_cut() -> None:
    sink = MemorySink()
    sink.write_columns({"position": np.array([0, 1]), "p": [0.5, None]})
    sink.flush()
    sink.write([{"position": 2}])
    assert sink.committed() == 2
    sink.lose_unflushed()
    assert sink.records == [{"position": 0, "p": 0.5}, {"position": 1, "p": None}]


def test_json_lines_are_plain_json(tmp_path: Path) -> None:
    make: Callable[[], Sink] = lambda: JsonLinesSink(tmp_path / "o.jsonl")  # noqa: E731
    check_sink(make)
    positions = [json.loads(line)["position"] for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert positions == [0, 1, 5, 6, 7, 9]
