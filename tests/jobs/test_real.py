"""The command line with the real learners, on a small piece of each task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn_jobs.cli.app import main


def replay(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert main(["replay", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_flights_with_their_true_late_labels(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    figures = replay(capsys, "flights", "--until", "4000", "--checkpoint", "state", "--output", "out")
    assert figures["events"] == 4000 and figures["labelled"] > 3000 and figures["pending"] > 0
    assert 0.3 < figures["log_loss"] < 0.7 and 0.5 < figures["accuracy"] < 1.0
    for key in ("auroc", "brier", "majority", "no_change", "best_expert", "regret_per_event"):
        assert figures[key] is not None, key
    assert figures["lipschitz_bound"] and all(b > 0 for b in figures["lipschitz_bound"].values())
    for name, slope in figures["attacked_slope"].items():
        assert slope <= figures["lipschitz_bound"][name]
    assert (tmp_path / figures["report"]).parent == tmp_path / "out" and (
        tmp_path / figures["report"]
    ).exists()
    predictions = [json.loads(line) for line in (tmp_path / "out/predictions.jsonl").read_text().splitlines()]
    assert len(predictions) == 4000 and {p["prediction"] for p in predictions[500:]} <= {0, 1}

    before = {p.name: p.read_bytes() for p in (tmp_path / "state").iterdir()}
    assert (
        main(["predict", "flights", "--checkpoint", "state", "--until", "50", "--json", "--output", "s.csv"])
        == 0
    )
    scored = json.loads(capsys.readouterr().out)
    assert scored["state_hash"] == figures["state_hash"] and scored["events"] == 50
    assert {p.name: p.read_bytes() for p in (tmp_path / "state").iterdir()} == before


def test_regression_with_few_pending(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    t = np.arange(2000.0)
    table = pa.table(
        {"x": x, "z": rng.normal(size=2000), "t": t, "known": t + 50, "y": 100 * x + rng.normal(size=2000)}
    )
    pq.write_table(table, "a.parquet")
    settings = ("--set", "label.time=known", "--set", "source.event_time=t", "--set", "limits.pending=20")
    figures = replay(capsys, "a.parquet", "--label", "y", *settings)
    assert figures["task"] == "regression" and figures["pending"] == 20 and figures["expired"] == 1980
    figures = replay(capsys, "a.parquet", "--label", "y", *settings[:4], "--report", "none")
    assert figures["labelled"] > 1900 and figures["mae"] < figures["no_change"] and figures["rmse"] > 0
