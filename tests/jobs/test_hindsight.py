"""What would have been best in hindsight stands in the summary and the report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamnn.errors import LimitError
from streamnn.regret.processes import process
from streamnn_jobs.ask import hindsight
from streamnn_jobs.cli.run import replay_spec, run_job
from streamnn_jobs.run.plan import Plan, make_plan

N = 600


def table(classify: bool) -> pa.Table:
    """A text column shifts the label; numbers have holes; the label of every tenth record is missing."""
    rng = np.random.default_rng(0)
    a, shop = rng.standard_normal(N), rng.choice(["north", "south", "west"], N)
    signal = 2.0 * a + (shop == "south")
    noise = rng.standard_normal(N)
    y = (signal + noise > 0).astype(float) if classify else signal + noise
    gone = np.arange(N) % 10 == 0
    kind = pa.int64() if classify else pa.float64()
    return pa.table(
        {
            "a": pa.array(a, mask=np.arange(N) % 7 == 0),
            "shop": shop,
            "y": pa.array(y, mask=gone).cast(kind),
        }
    )


def plan_of(tmp_path: Path, classify: bool) -> Plan:
    pq.write_table(table(classify), tmp_path / "s.parquet")
    changes = {"label.column": "y", "learner.task": "classification" if classify else "regression"}
    return make_plan(replay_spec(str(tmp_path / "s.parquet"), changes, None, [], False))


def rows(records: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns by hand: standardised with holes at the mean, and an indicator a shop; labels; which have one."""
    t = table(False).slice(0, records)
    keep = ~np.isnan(t["y"].to_numpy())
    a = t["a"].to_numpy()[keep]
    a = np.nan_to_num((a - np.nanmean(a)) / np.nanstd(a))
    shop = np.array(t["shop"].to_pylist())[keep]
    ones = np.column_stack([shop == s for s in ("north", "south", "west")]).astype(float)
    return np.column_stack([a, ones]), t["y"].to_numpy()[keep], keep


@pytest.mark.parametrize("records", [100, N])
def test_least_squares_of_what_was_read(tmp_path: Path, records: int) -> None:
    x, y, _ = rows(records)
    x1 = np.column_stack([x, np.ones(len(x))])
    error = x1 @ np.linalg.lstsq(x1, y, rcond=None)[0] - y
    found = hindsight.best_fixed_linear(plan_of(tmp_path, False), records)
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert found["mae"] == pytest.approx(np.abs(error).mean())


def test_logistic_regression_of_what_was_read(tmp_path: Path) -> None:
    found = hindsight.best_fixed_linear(plan_of(tmp_path, True), N)
    x, _, keep = rows(N)
    y = table(True)["y"].to_numpy()[keep]
    x1 = np.column_stack([x, np.ones(len(x))])
    w = np.zeros(x1.shape[1])
    for _ in range(4000):  # another way to the same place
        w -= 2.0 / len(y) * x1.T @ (1 / (1 + np.exp(-x1 @ w)) - y)
    loss = np.log1p(np.exp(-(2 * y - 1) * (x1 @ w))).mean()
    assert found["log_loss"] == pytest.approx(loss, abs=1e-5) and loss < 0.5
    assert found["accuracy"] == pytest.approx(((x1 @ w > 0) == y).mean(), abs=0.01)


def test_what_can_not_be_held_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hindsight, "MOST_CELLS", 100)
    with pytest.raises(LimitError, match="--until"):
        hindsight.best_fixed_linear(plan_of(tmp_path, False), N)


def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, *changes: str) -> dict[str, Any]:
    fields = {"report.path": str(tmp_path / "r.html"), "report.hindsight": True, "run.until_records": 400}
    assert run_job(replay_spec(target, fields, None, list(changes), False), True) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_process_is_held_against_what_is_best_possible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, capsys, "process/parity")
    best = process("parity", 1).best_loss(400, log=True)
    assert found["best_possible"] == {"log_loss": pytest.approx(best)}
    linear, possible = found["regrets"][-2:]
    assert possible["comparator"] == "best possible forecast" and possible["loss"] == pytest.approx(
        400 * best
    )
    assert possible["regret"] == pytest.approx(400 * (found["log_loss"] - best)) and possible["regret"] > 0
    assert linear["loss"] == pytest.approx(400 * found["linear_in_hindsight"]["log_loss"])
    page = (tmp_path / "r.html").read_text()
    assert "best possible forecast" in page and "best fixed linear model, in hindsight" in page


def test_numbers_are_held_against_both_in_their_own_unit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, capsys, "process/tent")
    assert found["best_possible"]["rmse"] == pytest.approx(math.sqrt(process("tent", 1).best_loss(400)))
    assert found["best_possible"]["rmse"] < found["rmse"]
    assert set(found["linear_in_hindsight"]) == {"mae", "rmse"}
    assert all("linear" not in r["comparator"] for r in found["regrets"])
