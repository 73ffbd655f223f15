"""Makes the golden checkpoint: what this release writes, and what it makes of the rest of the stream.

    python tests/jobs/golden/make.py          # of the pool
    python tests/jobs/golden/make.py torch    # of a network of one's own

Only for a new format, or when what is learnt changes on purpose (before a release; say so in CHANGELOG.md).
Files of a released format are never made again: a later release has to read them as they are.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

from golden_run import FOLDER, NAME, STOP, TORCH, TORCH_FOLDER, golden_job, sink_lists  # noqa: E402
from script import stream  # noqa: E402


def main() -> None:
    """The stream is written with the pool's; a network of one's own goes over the one that is there."""
    if sys.argv[1:] == ["torch"]:
        keep(TORCH_FOLDER, TORCH)
        return
    lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in stream()]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "stream.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    keep(FOLDER, None)


def keep(made: Path, learner: dict[str, Any] | None) -> None:
    """Stop at STOP, keep the checkpoint, go on to the end, keep what came out."""
    made.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        before = sink_lists()
        golden_job(folder, before, learner=learner, until_records=STOP).run()
        data = (Path(folder) / NAME).read_bytes()
        (made / f"{NAME}.xz").write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
        result = golden_job(folder, before, learner=learner).run()
    end = {
        "state_hash": result.worker.learner.state_hash(),
        "counters": result.worker.counters.to_dict(),
        "outputs": {
            name: [r for r in sink.records if r["position"] >= STOP] for name, sink in before.items()
        },
    }
    (made / "end.json.xz").write_bytes(lzma.compress(json.dumps(end, sort_keys=True).encode()))


if __name__ == "__main__":
    main()
