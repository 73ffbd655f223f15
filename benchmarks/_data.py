"""Recorded streams for the benchmarks, from the folder that STREAMNN_DATA names."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

CLASSIFICATION = (
    *("electricity", "noaa_weather", "covertype_first100k", "airlines_first200k", "sea_50k"),
    *("moving_squares_100k", "souza_2cdt", "phishing_11k", "internet_ads", "image_segments"),
    *("iotid20_1pct", "nycflights13"),
)
REGRESSION = (
    *("bike_sharing_hour", "metro_traffic", "household_power_hourly", "etth1", "exchange_rate", "fried"),
    *("california_housing", "uci_bostonhousing", "uci_concrete", "uci_energy", "uci_kin8nm"),
    *("uci_power_plant", "uci_wine_quality_red", "uci_yacht"),
)
EXTRAS = frozenset(
    (
        *("y", "t", "day_index", "series", "run", "changepoint", "test_mask"),
        *("arr_delay", "dep_delay", "t_event_min", "t_label_min"),
    )
)
"""Columns that are never features."""
CLIP = 5.0


@dataclass(frozen=True, slots=True)
class Stream:
    """A recorded stream.

    Parameters
    ----------
    name : str
    columns : dict of str to ndarray of float64
        Features, NaN is missing.
    y : ndarray
        int64 classes, -1 where a label never comes, or float64 targets.
    classify : bool
    extras : dict of str to ndarray
        Columns that are no features, such as times.
    """

    name: str
    columns: dict[str, np.ndarray]
    y: np.ndarray
    classify: bool
    extras: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.y)


def folder() -> Path:
    """The folder of recorded streams; ends the program with advice where there is none."""
    name = os.environ.get("STREAMNN_DATA", "")
    if not name or not Path(name).is_dir():
        sys.exit(
            f"STREAMNN_DATA is {name!r}, which is no folder: set it to the folder that holds the recorded "
            "streams (electricity.parquet, ...; benchmarks/README.md says how they are made)"
        )
    return Path(name)


def present(names: tuple[str, ...] | list[str]) -> list[str]:
    """Those of the streams that are there; the others are named on standard error."""
    here = [n for n in names if (folder() / f"{n}.parquet").is_file()]
    if len(here) < len(names):
        print("not there:", ", ".join(n for n in names if n not in here), file=sys.stderr)
    return here


def load(name: str, events: int | None = None) -> Stream:
    """Read a stream, or its first events."""
    path = folder() / f"{name}.parquet"
    if not path.is_file():
        sys.exit(f"{path.name} is not in the folder that STREAMNN_DATA names")
    table = pq.read_table(path)
    if events is not None:
        table = table.slice(0, events)
    kind = json.loads((table.schema.metadata or {}).get(b"streamnn", b"{}")).get("kind")
    if kind not in ("cls", "reg"):
        sys.exit(f"{path.name} is of kind {kind!r}: the benchmarks take tables of kind cls or reg")
    every = {c: table[c].to_numpy() for c in table.column_names}
    return Stream(
        name,
        {c: v.astype(np.float64) for c, v in every.items() if c not in EXTRAS},
        every["y"].astype(np.int64 if kind == "cls" else np.float64),
        kind == "cls",
        {c: v for c, v in every.items() if c in EXTRAS and c != "y"},
    )


def standardised(stream: Stream) -> np.ndarray:
    """Rows less their running mean over their running deviation, the row included, clipped: float32."""
    x = np.nan_to_num(np.column_stack(list(stream.columns.values())))
    count = np.arange(1, len(x) + 1)[:, None]
    x = x - x[0]
    mean = np.cumsum(x, 0) / count
    deviation = np.sqrt(np.maximum(np.cumsum(x * x, 0) / count - mean * mean, 0.0))
    z = np.divide(x - mean, deviation, out=np.zeros_like(x), where=deviation > 1e-6)
    return np.ascontiguousarray(np.clip(z, -CLIP, CLIP), np.float32)
