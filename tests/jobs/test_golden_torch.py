"""Upgrades with a network of one's own: its checkpoint goes on under the code of today, to the same bits."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest
from golden_run import NAME, STOP, TORCH, TORCH_FOLDER, golden_job, sink_lists
from test_golden import MEANT, close

pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")
pytestmark = pytest.mark.slow


def test_it_goes_on_and_ends_where_it_did(tmp_path: Path) -> None:
    expected = json.loads(lzma.decompress((TORCH_FOLDER / "end.json.xz").read_bytes()))
    (tmp_path / NAME).write_bytes(lzma.decompress((TORCH_FOLDER / f"{NAME}.xz").read_bytes()))
    sinks, said = sink_lists(), list[str]()
    result = golden_job(tmp_path, sinks, said, learner=TORCH).run()
    assert f"going on from {NAME}" in said and result.resumed_at == STOP
    assert result.worker.counters.to_dict() == expected["counters"]
    for name, sink in sinks.items():
        late = [r for r in json.loads(json.dumps(sink.records)) if r["position"] >= STOP]
        assert len(late) > 2 or name == "alarms"
        assert close(late, expected["outputs"][name]), f"{name}: {MEANT}"
    assert result.worker.learner.state_hash() == expected["state_hash"], MEANT
