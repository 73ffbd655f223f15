"""SIGKILL of a real `streamnn replay`: nothing lost, nothing twice, the same final hash."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from killed import OUTPUTS, finish, flights, kill, replay, same_outputs

pytestmark = pytest.mark.slow

RECORDS, KILLS, EVERY = 24_000, 20, 500


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    source = flights(tmp_path / "flights.jsonl", RECORDS)
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    want = finish(replay(source, whole, EVERY))
    rng = np.random.default_rng(1)
    # most fall on a random place of the stream, some on a random moment of the start
    last = RECORDS - 4 * EVERY
    moments = [(int(target), np.inf) for target in np.sort(rng.integers(0, last, KILLS))]
    moments[4::5] = [(last, float(within_s)) for within_s in rng.uniform(0.05, 1.5, KILLS // 5)]
    arguments = replay(source, folder, EVERY)
    assert kill(arguments, folder, moments, rng.uniform(0.0, 0.02, KILLS).tolist()) == KILLS
    got = finish(arguments)
    assert got["resumed_at"] > 0 and got["state_hash"] == want["state_hash"]
    for key in ("events", "labelled", "pending", "expired", "dead_letters", "alarms", "accuracy", "log_loss"):
        assert got[key] == want[key], key
    same_outputs(folder, whole)
    lines = [line for name in OUTPUTS[:2] for line in (folder / "out" / name).read_text().splitlines()]
    positions = [json.loads(line)["position"] for line in lines]
    assert sorted(positions) == list(range(len(positions))) and len(positions) > RECORDS
