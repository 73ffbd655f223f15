"""Images in Parquet files: pixels as columns, exact wherever reading goes on, wrong ones named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn.errors import SourceError
from streamnn_connectors import ParquetSource, open_source
from streamnn_connectors import _pixels as pixels
from streamnn_connectors.checks import check_source
from streamnn_connectors.wanted import Wanted


def written(
    path: Path, images: list[Any], kind: pa.DataType, shape: list[int] | None = None, **more: Any
) -> str:
    table = pa.table({"image": pa.array(images, kind), "y": list(range(len(images))), **more})
    if shape is not None:
        about = {"streamnn": json.dumps({"kind": "image", "shape": shape})}
        table = table.replace_schema_metadata(about)
    pq.write_table(table, path, row_group_size=4)
    return str(path)


def rows_of(source: Any) -> list[dict[str, Any]]:
    batch = source.open("0").next_batch(1000)
    return [] if batch is None else batch.rows.to_pylist()


def test_the_contract_of_sources_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "READ_PIXELS", 18)  # three images at a time
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (11, 2, 3), dtype=np.uint8)
    path = written(tmp_path / "a.parquet", [i.tobytes() for i in images], pa.binary(6), [2, 3])
    expected = [
        {"y": k} | {f"p{j}": int(v) for j, v in enumerate(image.ravel())} for k, image in enumerate(images)
    ]
    check_source(lambda: ParquetSource(path), expected)
    check_source(lambda: open_source([path, path]), expected * 2)


def test_channels_come_one_after_the_other(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    path = written(tmp_path / "a.parquet", [image.tobytes()], pa.binary(12), [2, 2, 3])
    (row,) = rows_of(ParquetSource(path))
    assert [row[f"p{j}"] for j in range(12)] == np.moveaxis(image, 2, 0).ravel().tolist()
    assert [row[f"p{j}"] for j in range(4)] == [0, 3, 6, 9]  # the first channel is a plane


def test_an_image_of_another_length_is_a_dead_letter_and_none_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [b"abcd", b"abc", None, b"efgh"], pa.binary(), [2, 2])
    batch = ParquetSource(path).open("0").next_batch(10)
    assert batch is not None
    assert batch.rows.column("p0").to_pylist() == [97, None, 101] and batch.position.tolist() == [0, 2, 3]
    (bad,) = batch.bad
    assert bad.position == 1
    assert bad.reason == "column 'image' has 3 bytes; an image of 2x2 has 4"


def test_a_file_of_ones_own_says_it_by_options(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [b"abcd"], pa.binary(4))
    assert rows_of(ParquetSource(path)) == [{"y": 0}]
    assert rows_of(ParquetSource(path, image="image"))[0]["p3"] == 100
    assert rows_of(ParquetSource(path, image="image", image_shape="1x2x2"))[0]["p1"] == 99


def test_what_is_not_wanted_is_not_decoded(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [b"abcd"], pa.binary(4), [2, 2])
    assert rows_of(ParquetSource(path, wanted=Wanted(include=["y"]))) == [{"y": 0}]
    assert rows_of(ParquetSource(path, wanted=Wanted(include=["p1", "p2"]))) == [{"p1": 98, "p2": 99}]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"image": "picture"}, "has no column 'picture' of images.*image, y, p0"),
        ({"image": "y"}, "'y' is int64, not bytes"),
        ({"image": "image", "image_shape": "2x3"}, "has 4 bytes; an image of 2x3 has 6"),
        ({"image": "image", "image_shape": "large"}, "'large' is no shape.*28x28"),
        ({"image": "image", "image_shape": "4"}, "'4' is no shape"),
        ({"image_shape": "2x2"}, "goes with image"),
        ({"image": "image"}, "has a column 'p0', which is the name of a pixel"),
    ],
)
def test_what_does_not_fit_is_said(options: dict[str, str], why: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [b"abcd"], pa.binary(4), p0=[1.0])
    with pytest.raises(SourceError, match=why):
        ParquetSource(path, **options)


def test_bytes_of_any_length_need_a_shape(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [b"abcd"], pa.binary())
    with pytest.raises(SourceError, match="the shape of its images is not known"):
        ParquetSource(path, image="image")
