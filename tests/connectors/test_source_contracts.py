"""Every source keeps the contract, and the checks catch sources that do not."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn.errors import SourceError
from streamnn_connectors import (
    CRASH,
    IDLE,
    Batch,
    CsvSource,
    JsonLinesSource,
    MemorySource,
    ParquetSource,
    Resume,
    ScriptedSource,
    Source,
    check_source,
    open_source,
)

ROWS: list[dict[str, Any]] = [
    {"x": 1.5, "word": "a"},
    {"x": math.nan, "word": None},
    {"x": -2.0, "word": 'b,\n"c"'},
    {"x": math.inf},
    {"word": "é"},
    {"x": 0.1, "word": "d", "late": 3.0},
    {"late": 4.0},
] * 3
TABLE = pa.table({name: [row.get(name) for row in ROWS] for name in ("x", "word", "late")})
JSON = b"""{"x": 1.5, "word": "a"}
{"x": NaN, "word": null}
{"x": oops}
{"x": -2.0, "word": "b,\\n\\"c\\""}
{"x": Infinity}

{"word": "\xc3\xa9"}
{"x": 0.1, "word": "d", "late": 3}
{"late": 4}
""" * 3  # fmt: skip
CSV = b"x,word,late\n" + b"""1.5,a,
nan,NA,null
-2,"b,\n""c""\",
inf,,

,\xc3\xa9,
0.1,d,3,and more
0.1,d,3
,"\xff",
,,4
""" * 3  # fmt: skip
SCRIPT = JSON.splitlines()


def write(path: Path, content: bytes) -> Path:
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(content)
        return path
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def opening(path: Path, content: bytes) -> Callable[[], Source]:
    return partial(open_source, write(path, content))


MAKE: dict[str, Callable[[Path], Callable[[], Source]]] = {
    "memory dicts": lambda _: lambda: MemorySource(ROWS),
    "memory table": lambda _: lambda: MemorySource(TABLE),
    "scripted": lambda _: lambda: ScriptedSource([IDLE, *SCRIPT[:4], IDLE, *SCRIPT[4:], IDLE]),
    "json": lambda folder: opening(folder / "s.jsonl", JSON),
    "json.gz": lambda folder: opening(folder / "s.jsonl.gz", JSON),
    "csv": lambda folder: opening(folder / "s.csv", CSV),
    "csv.gz": lambda folder: opening(folder / "s.csv.gz", CSV),
    "csv.zst": lambda folder: opening(folder / "s.csv.zst", CSV),
    "parquet": lambda folder: partial(open_source, parquet(folder)),
    "parts of json": lambda folder: partial(open_source, parts(folder / "json", ".jsonl", b"", JSON)),
    "parts of csv": lambda folder: partial(open_source, parts(folder / "csv", ".csv.gz", CSV[:12], CSV[12:])),
    "parts of parquet": lambda folder: partial(open_source, tables(folder / "tables")),
}
every_source = pytest.mark.parametrize("kind", MAKE)


def parquet(folder: Path) -> Path:
    pq.write_table(TABLE, folder / "s.parquet", row_group_size=8)
    return folder / "s.parquet"


def parts(folder: Path, suffix: str, header: bytes, content: bytes) -> Path:
    """A folder with the content in three files, one of them without a record, and one that is none."""
    folder.mkdir(exist_ok=True)
    (folder / "_SUCCESS").touch()
    third = len(content) // 3
    for n, piece in (
        (1, content[:third]),
        (2, b""),
        (9, content[third : 2 * third]),
        (10, content[2 * third :]),
    ):
        write(folder / f"part-{n}{suffix}", header + piece)
    return folder


def tables(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for n, at in ((1, 0), (2, 7), (10, 14)):
        pq.write_table(TABLE.slice(at, 7), folder / f"part-{n}.parquet", row_group_size=3)
    return folder


@every_source
def test_sources_keep_the_contract(kind: str, tmp_path: Path) -> None:
    check_source(MAKE[kind](tmp_path), ROWS)


@every_source
def test_a_token_with_the_position_alone_is_enough(kind: str, tmp_path: Path) -> None:
    make = MAKE[kind](tmp_path)
    whole = make().open("0")
    batches = [whole.next_batch(1) or whole.next_batch(1) for _ in range(8)]
    at = batches[-1].resume["position"]  # type: ignore[union-attr]
    rest = whole.next_batch(4)
    again = make().open("0", {"position": at}).next_batch(4)
    assert rest is not None and again is not None
    assert again.position.tolist() == rest.position.tolist()
    assert again.bad == rest.bad and again.resume == rest.resume
    whole.close()


@every_source
def test_a_wrong_token_or_partition_is_a_source_error(kind: str, tmp_path: Path) -> None:
    source = MAKE[kind](tmp_path)()
    with pytest.raises(SourceError, match="no partition '1'"):
        source.open("1")
    with pytest.raises(SourceError, match="has no position"):
        source.open("0", {})
    with pytest.raises(SourceError, match="has changed"):
        source.open("0", {"position": 1000})


@every_source
def test_a_closed_partition_says_so(kind: str, tmp_path: Path) -> None:
    partition = MAKE[kind](tmp_path)().open("0")
    partition.close()
    with pytest.raises(SourceError, match="closed"):
        partition.next_batch(1)


def test_info_counts_records_where_that_is_cheap(tmp_path: Path) -> None:
    assert {kind: make(tmp_path)().info().records for kind, make in MAKE.items()} == {
        "memory dicts": 21, "memory table": 21, "scripted": 27, "parquet": 21,
        "json": None, "json.gz": None, "csv": None, "csv.gz": None, "csv.zst": None,
        "parts of json": None, "parts of csv": None, "parts of parquet": 21,
    }  # fmt: skip
    assert MAKE["csv.gz"](tmp_path)().info().name == "s"


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl", "csv.gz"])
def test_missing_and_empty_files(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source(tmp_path / f"none.{suffix}")
    (tmp_path / f"empty.{suffix}").touch()
    with pytest.raises(SourceError, match="is empty"):
        open_source(tmp_path / f"empty.{suffix}")
    (tmp_path / f"folder.{suffix}").mkdir()
    with pytest.raises(SourceError, match="the folder has no files"):
        open_source(tmp_path / f"folder.{suffix}")


@pytest.mark.parametrize("suffix", ["csv.gz", "jsonl.gz"])
def test_a_packed_file_that_is_cut_off(suffix: str, tmp_path: Path) -> None:
    lines = b"".join(b'{"x": %d}\n' % i if "j" in suffix else b"%d\n" % i for i in range(100_000))
    content = b"x\n" + lines if "csv" in suffix else lines
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(gzip.compress(content)[:-20])
    partition = open_source(path).open("0")
    seen = 0
    with pytest.raises(SourceError, match="can't be read near byte"):
        while (batch := partition.next_batch(1000)) is not None:
            seen += len(batch.position)
    partition.close()
    assert seen > 50_000  # what comes before the damage is read


def test_a_file_that_changed_is_not_resumed_into(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", JSON)
    partition = open_source(path).open("0")
    batch = partition.next_batch(3)
    assert batch is not None
    partition.close()
    path.write_bytes(b" " + JSON)
    with pytest.raises(SourceError, match="not the start of a line"):
        open_source(path).open("0", batch.resume)
    path.write_bytes(JSON[:20])
    with pytest.raises(SourceError, match="ends before byte"):
        open_source(path).open("0", batch.resume)


def test_options_go_to_the_source(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", b"x;y\n1;2\n")
    partition = open_source(path, delimiter=";").open("0")
    assert read(partition) == [{"x": 1.0, "y": 2.0}]
    with pytest.raises(SourceError, match="says a format"):
        open_source(write(tmp_path / "s.avro", b"Obj\x01\x04\x14avro"))


def read(partition: Any) -> list[dict[str, Any]]:
    rows = []
    while (batch := partition.next_batch(100)) is not None:
        rows += batch.rows.to_pylist()
    partition.close()
    return rows


def test_crashes_happen_once_and_lose_nothing() -> None:
    source = ScriptedSource([CRASH, {"x": 1}, {"x": 2}, CRASH, CRASH, {"x": 3}, CRASH])
    resume: Resume | None = None
    seen: list[Any] = []
    crashes = 0
    while True:
        partition = source.open("0", resume)
        try:
            while (batch := partition.next_batch(10)) is not None:
                seen += batch.rows.column("x").to_pylist()
                resume = batch.resume
            break
        except BaseException as crash:
            assert type(crash).__name__ == "Crash" and not isinstance(crash, Exception)
            crashes += 1
    assert (seen, crashes) == ([1.0, 2.0, 3.0], 4)


def test_a_scripted_batch_has_the_columns_of_its_rows() -> None:
    partition = ScriptedSource([{"a": 1}, {"b": "x"}, {"a": 2, "c": None}]).open("0")
    names = []
    while (batch := partition.next_batch(2)) is not None:
        names.append(batch.rows.schema.names)
    assert names == [["a", "b"], ["a"]]


class _Lossy:
    """Breaks the contract in one way."""

    def __init__(self, inner: Source, fault: str):
        self.inner, self.fault = inner, fault

    def info(self) -> Any:
        return self.inner.info()

    def partitions(self) -> list[str]:
        return self.inner.partitions()

    def open(self, partition: str, resume: Resume | None = None) -> Any:
        if self.fault == "resume" and resume:
            resume = {"position": min(resume["position"] + 1, 21)}
        opened = self.inner.open(partition, resume)
        fault = self.fault

        class Partition:
            closed = False

            def next_batch(self, limit: int) -> Batch | None:
                batch = opened.next_batch(limit + (fault == "limit"))
                if batch is not None and fault == "position":
                    batch.position = batch.position * 0
                if batch is not None and fault == "cut" and limit == 7:
                    batch.rows = batch.rows.slice(0, 0)
                    batch.position = batch.position[:0]
                return batch

            def close(self) -> None:
                if fault == "close" and self.closed:
                    raise ValueError("closed twice")
                self.closed = True

        return Partition()


@pytest.mark.parametrize("fault", ["resume", "limit", "position", "cut", "close"])
def test_the_check_finds_a_broken_source(fault: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_source(lambda: _Lossy(MemorySource(ROWS), fault), ROWS)


def test_the_protocol_is_met() -> None:
    for cls in (ParquetSource, CsvSource, JsonLinesSource, MemorySource, ScriptedSource):
        assert issubclass(cls, Source)
