"""Jobs with torch networks: batches, crashes and kills change nothing; checkpoints score; on every road."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killed import finish, flights, kill, replay, same_outputs
from script import disks, outcome, run, stream

from streamnn_connectors import CRASH
from streamnn_jobs.cli.app import main

pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")
pytestmark = pytest.mark.slow

ROADS = ("lowered", "traced", "eager")
RECORDS, KILLS, EVERY = 6000, 10, 250


def network(road: str, name: str = "mlp", **more: Any) -> dict[str, Any]:
    return {"kind": "torch", "make": f"streamnn_jobs.examples:{name}", "road": road, **more}


LEARNERS = {
    **{road: network(road) for road in ROADS},
    "lstm": network("auto", "lstm", window=8, batch=4, optimizer="sgd"),
    "guest": {"guests": {"mine": "streamnn_jobs.examples:mlp"}},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_batches_and_crashes_change_nothing(name: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"make": None, "learner": LEARNERS[name]}
    found = disks()
    result, _ = run(stream(), tmp_path / "whole", found, every_events=1000, **options)
    whole = outcome(result, found)
    assert result.worker.counters.learnt > 150 and result.worker.counters.dead > 20
    for batch in (1, 64):
        found = disks()
        result, _ = run(
            stream(), tmp_path / f"by {batch}", found, every_events=1000, batch_records=batch, **options
        )
        assert outcome(result, found) == whole, f"batches of {batch}"
    for position in (1, 41, 83, 151, 222):
        items, found = stream(), disks()
        items.insert(position, CRASH)
        result, crashes = run(items, tmp_path / str(position), found, every_events=50, **options)
        assert crashes == 1 and outcome(result, found) == whole, f"crash at {position}"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flights(tmp_path_factory.mktemp("source") / "flights.jsonl", RECORDS)


def arguments(source: Path, folder: Path) -> list[str]:
    more = "--torch", "streamnn_jobs.examples:mlp", "--set", "learner.rows=context"
    return replay(source, folder, EVERY, *more)


def test_ten_kills_change_nothing(source: Path, tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    want = finish(arguments(source, whole))
    assert want["pending"] + want["expired"] + want["unlabelled"] > 0 and want["dead_letters"] > 20
    rng = np.random.default_rng(1)
    moments = [(int(target), np.inf) for target in np.sort(rng.integers(0, RECORDS - 4 * EVERY, KILLS))]
    sleeps_s = rng.uniform(0.0, 0.02, KILLS).tolist()
    assert kill(arguments(source, folder), folder, moments, sleeps_s) == KILLS
    got = finish(arguments(source, folder))
    assert got["resumed_at"] > 0 and got["state_hash"] == want["state_hash"]
    same_outputs(folder, whole)


def test_a_checkpoint_scores_records_and_is_not_changed(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(source, tmp_path), "--until", "2000"]) == 0
    capsys.readouterr()
    (kept, *_) = sorted((tmp_path / "state").glob("checkpoint-*2000.safetensors"))
    before = kept.read_bytes()
    out = tmp_path / "scored.jsonl"
    args = ["predict", str(source), "--checkpoint", str(tmp_path / "state"), "--output", str(out), "--json"]
    assert main([*args, "--until", "500"]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert figures["events"] == len(rows) > 450
    assert all(0.0 < row["probability"] <= 1.0 for row in rows)
    assert kept.read_bytes() == before


def test_the_ready_spec_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(Path(__file__).parents[2] / "jobs" / "torch.toml")
    changes = ["--set", f"output.directory={tmp_path}/out", "--set", f"report.path={tmp_path}/r.html"]
    assert main(["check", spec, *changes]) == 0
    assert "lowered" in capsys.readouterr().out
    changes += ["--set", f"checkpoint.directory={tmp_path}/state"]
    assert main(["run", spec, *changes, "--until", "2000", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["labelled"] > 1000 and figures["accuracy"] > 0.5
    assert figures["lipschitz_bound"]["guest"] >= figures["attacked_slope"]["guest"] > 0.0
    assert "No certified bound here" not in (tmp_path / "r.html").read_text()
