"""Peers' results, kept as small files with versions in results/, and how to run one anew."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import _data
import _peers_features
import _peers_models
import _prequential
from _ranking import FED

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PYTHON = Path(os.environ.get("STREAMNN_PEERS", HERE.parent / ".peers")) / "bin" / "python"
LIMIT = 900.0
"""CPU seconds a peer may take for a stream; after that it has seen the stream's first events only."""
EXPIRE_MIN = 2880
PROMPT = "at once"


def log_of(stream: _data.Stream, delay: str) -> _prequential.Log:
    """The order of events and labels: at once, after a number of events, or at the stream's true times."""
    if delay == "true":
        event, label = stream.extras["t_event_min"], stream.extras["t_label_min"]
        return _prequential.at_times(event, label, stream.y >= 0, EXPIRE_MIN)
    return _prequential.after(stream.y, 1 if delay == PROMPT else int(delay))


def key(stream: str, delay: str = PROMPT) -> str:
    """Name of a run in a file of results."""
    return stream if delay == PROMPT else f"{stream}@{delay}"


def digest(stream: str) -> str:
    """First digits of the stream's check-sum."""
    return hashlib.sha256((_data.folder() / f"{stream}.parquet").read_bytes()).hexdigest()[:16]


def load() -> dict[str, dict[str, Any]]:
    """Every result kept: peer (with ``+features`` where it is fed ours), then run."""
    return {p.stem: json.loads(p.read_text())["runs"] for p in sorted(RESULTS.glob("*.json"))}


def keep(peer: str, run: str, record: dict[str, Any]) -> None:
    """Add a result to the peer's file; a reader never sees half of it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{peer}.json"
    runs = json.loads(path.read_text())["runs"] if path.is_file() else {}
    runs[run] = record
    lines = [f"  {json.dumps(k)}: {json.dumps(runs[k])}" for k in sorted(runs)]
    text = f'{{"peer": {json.dumps(peer)}, "runs": {{\n' + ",\n".join(lines) + "\n}}\n"
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def refresh(
    peer: str, stream: _data.Stream, delay: str = PROMPT, limit: float = LIMIT
) -> dict[str, Any] | None:
    """Run a peer in a process of its own and keep what it found; None where it can't be run, which is said."""
    name = peer.removesuffix(FED)
    kind = "cls" if stream.classify else "reg"
    if name not in _peers_models.PEERS:
        sys.exit(f"{peer!r} is no peer: there are {', '.join(_peers_models.PEERS)}, each also with {FED}")
    what = _peers_models.PEERS[name]
    if kind not in what.kinds:
        return None
    if not PYTHON.is_file():
        sys.exit(
            f"no peers in {PYTHON.parents[1]}: run `make peers`, or set STREAMNN_PEERS to where they are"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.npz"
        _peers_features.save(path, stream, log_of(stream, delay), what, peer != name)
        command = [str(PYTHON), str(HERE / "_peers_run.py"), name, str(path), f"{limit:g}"]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"CAPYMOA_JVM_ARGS": "-Xmx6g -Xss10M -XX:+UseSerialGC"}
        start = time.monotonic()
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=folder, check=False
        )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines or "missing" in (record := json.loads(lines[-1])):
        reason = (done.stdout + done.stderr).strip().splitlines()[-3:]
        print(
            f"{peer} on {key(stream.name, delay)} failed: {' / '.join(reason)}", file=sys.stderr, flush=True
        )
        return None
    record |= {
        "wall_s": round(time.monotonic() - start, 1),
        "limit_cpu_s": limit,
        "digest": digest(stream.name),
        "date": date.today().isoformat(),
        "command": f"accuracy.py --refresh {peer} --streams {stream.name}"
        + ("" if delay == PROMPT else f" --delays {delay}"),
    }
    keep(peer, key(stream.name, delay), record)
    return record
