"""Jobs with torch networks: batches, crashes and kills change nothing; checkpoints score; on every road."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from script import disks, outcome, run, stream

from streamnn_connectors import CRASH
from streamnn_jobs.cli.app import main
from streamnn_jobs.data.flights import SHIPPED

pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")
pytestmark = pytest.mark.slow

ROADS = ("lowered", "traced", "eager")
RECORDS, KILLS, EVERY = 6000, 10, 250
OUTPUTS = ("predictions.jsonl", "dead_letters.jsonl", "alarms.jsonl")


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
    """Flights as JSON lines, with a broken line here and there."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("source") / "flights.jsonl"
    with path.open("w") as f:
        for row in pq.read_table(SHIPPED).slice(0, RECORDS).to_pylist():
            f.write(json.dumps(row) + "\n")
            if rng.random() < 0.01:
                f.write('{"month": 1, "day"\n')
    return path


def arguments(source: Path, folder: Path) -> list[str]:
    settings = [
        "label.time=t_label_min", "source.event_time=t_event_min", "source.time_unit=min", "label.expire_after=2 days",
        "label.missing=[-1]", 'features.ignore=["arr_delay", "dep_delay"]', "run.batch_records=250", "learner.rows=context",
    ]  # fmt: skip
    return [
        "replay", str(source), "--label", "y", "--json", "--report", "none", "--torch", "streamnn_jobs.examples:mlp",
        "--checkpoint", str(folder / "state"), "--checkpoint-every", str(EVERY), "--output", str(folder / "out"),
        *[part for s in settings for part in ("--set", s)],
    ]  # fmt: skip


def command(source: Path, folder: Path) -> list[str]:
    return [
        sys.executable,
        "-c",
        "import sys; from streamnn_jobs.cli.app import main; sys.exit(main())",
        *arguments(source, folder),
    ]


def finish(source: Path, folder: Path) -> dict[str, Any]:
    done = subprocess.run(command(source, folder), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def place(folder: Path) -> int:
    """Position of the newest checkpoint."""
    names = [p.name for p in (folder / "state").glob("checkpoint-*.safetensors")]
    return max((int(n[11:23]) for n in names), default=-1)


def test_ten_kills_change_nothing(source: Path, tmp_path: Path) -> None:
    want = finish(source, tmp_path / "whole")
    assert want["pending"] + want["expired"] + want["unlabelled"] > 0 and want["dead_letters"] > 20
    rng = np.random.default_rng(1)
    folder, last, kills = tmp_path / "killed", RECORDS - 4 * EVERY, 0
    for target in np.sort(rng.integers(0, last, KILLS)):
        process = subprocess.Popen(
            command(source, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while place(folder) < target and process.poll() is None:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0.0, 0.02)))
        kills += process.poll() is None
        process.kill()
        process.wait()
    got = finish(source, folder)
    assert kills == KILLS
    assert got["resumed_at"] > 0 and got["state_hash"] == want["state_hash"]
    for name in OUTPUTS:
        assert (folder / "out" / name).read_bytes() == (tmp_path / "whole" / "out" / name).read_bytes(), name


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
