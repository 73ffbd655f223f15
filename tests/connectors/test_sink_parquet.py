"""Parquet parts: one a flush, whole or not at all."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn.errors import SinkError
from streamnn_connectors import ParquetSink


def part_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_parquet_parts(tmp_path: Path) -> None:
    folder = tmp_path / "o.parquet"
    sink = ParquetSink(folder)
    sink.write([{"position": 0, "p": 0.5, "late": None}, {"position": 2, "p": 1.0, "word": "a"}])
    sink.write_columns({"position": np.array([3, 4]), "p": np.array([0.25, math.nan])})
    sink.flush()
    sink.flush()
    (folder / "part-x.parquet.writing").write_bytes(b"torn")
    (folder / "notes.txt").touch()
    sink = ParquetSink(folder)
    assert sink.committed() == 4
    sink.write([{"position": 4, "p": None, "word": None}])
    sink.close()
    assert ParquetSink(folder).committed() == 4
    first = "part-0000000000000000000.parquet"
    again = "part-0000000000000000004.parquet"
    assert part_names(folder) == ["notes.txt", first, again]
    table, later = pq.read_table(folder / first), pq.read_table(folder / again)
    assert table.column("position").to_pylist() == [0, 2, 3, 4]
    assert table.column("word").to_pylist() == [None, "a", None, None]
    assert later.schema.field("word").type == pa.string() and later.schema.field("p").type == pa.float64()
    sink = ParquetSink(folder)
    sink.write([{"position": 4, "p": 1.0}])
    sink.close()
    assert part_names(folder)[1:] == [first, again.replace(".", "-1."), again]
    assert ParquetSink(folder).committed() == 4


def test_parquet_cut_of_writes_does_not_show(tmp_path: Path) -> None:
    records = [{"position": i, "x": None if i < 3 else i / 2, "n": i} for i in range(8)]
    one, many = ParquetSink(tmp_path / "one"), ParquetSink(tmp_path / "many")
    one.write(records)
    for record in records:
        many.write([record])
    one.close()
    many.close()
    (part,) = part_names(tmp_path / "one")
    assert (tmp_path / "one" / part).read_bytes() == (tmp_path / "many" / part).read_bytes()


def test_parquet_refuses_what_it_can_not_store(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path / "o")
    sink.write([{"position": 0, "x": 1.0}, {"position": 1, "x": "a"}])
    with pytest.raises(SinkError, match="field 'x': values of different types"):
        sink.flush()
    assert part_names(tmp_path / "o") == []
    (tmp_path / "o" / "part-0000000000000000000.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(SinkError, match="can't be continued"):
        ParquetSink(tmp_path / "o")
