"""What is in a checkpoint, without running anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from streamnn.errors import StateError
from streamnn.state import FORMAT, state_hash

from ..run.checkpoint import CheckpointStore, read_checkpoint
from ..run.joined_worker import new_worker
from ..run.manifest import require_keys
from ..run.worker import Worker
from ..spec.fingerprint import spec_of_fields
from ..stores import Saved, join_place, open_store
from ..stores.opening import is_url, split_place

Arrays = dict[str, np.ndarray]
_MOST_NAMED = 12
"""Most columns or classes that are named."""


def open_checkpoint(target: str | Path, say: Callable[[str], None]) -> tuple[Arrays, dict[str, Any], Saved]:
    """Arrays, manifest and path of a checkpoint file, or of the newest valid one of a folder.

    Raises
    ------
    StateError
        When there is none, or it is damaged.
    """
    if _is_one(target):
        try:
            arrays, manifest, path = read_checkpoint(target)
        except OSError as e:
            raise StateError(f"{target}: can't be read: {e.strerror or e}") from e
    else:
        found = CheckpointStore(target, warn=say).load()
        if found is None:
            raise StateError(f"{target}: has no checkpoint: {_which(target)}")
        arrays, manifest, path = found
    require_keys(manifest, path, "spec", "worker", "source", "resume")
    return arrays, manifest, path


def learnt_kinds(directory: str | None) -> dict[str, str] | None:
    """Columns and kinds that the newest checkpoint of a folder has learnt; None where there is none."""
    found = None if directory is None else CheckpointStore(directory).load()
    if found is None:
        return None
    kinds: dict[str, str] = found[1]["worker"]["encoder"]["kinds"]
    return kinds


def checkpoint_folders(target: str | Path) -> list[str]:
    """The places with checkpoints that are meant: the target itself, or those of partitions within it."""
    if _is_one(target) or CheckpointStore(target).files():
        return [str(target)]
    return partition_folders(target) or [str(target)]


def partition_folders(target: str | Path) -> list[str]:
    """The places with checkpoints within a place."""
    inner = [join_place(target, name) for name in open_store(target).folders()]
    return [place for place in inner if CheckpointStore(place).files()]


def _is_one(target: str | Path) -> bool:
    """Whether a checkpoint is meant, not a place of them."""
    return str(target).endswith(".safetensors") if is_url(target) else not Path(target).is_dir()


def _which(target: str | Path) -> str:
    inner = [split_place(place)[1] for place in partition_folders(target)]
    return (
        f"name one of its partitions: {', '.join(inner)}"
        if inner
        else "name the folder of a job's checkpoints"
    )


def open_worker(arrays: Arrays, manifest: dict[str, Any]) -> Worker:
    """The worker as it stood when the checkpoint was written."""
    spec, task = spec_of_fields(manifest["spec"]), manifest["worker"]["task"]
    source, partition = manifest["source"], manifest.get("partition", "0")
    worker = new_worker(spec, task, None, source, partition)
    worker.load_state_dict(arrays, manifest["worker"])
    return worker


def describe(arrays: Arrays, manifest: dict[str, Any], path: Saved) -> dict[str, Any]:
    """All there is to say of a checkpoint, as plain data."""
    worker = manifest["worker"]
    c = worker["counters"]
    return {
        "path": str(path),
        "bytes": path.size_bytes,
        "format": FORMAT,
        "version": manifest.get("version"),
        "hash": state_hash(arrays, manifest),
        "source": manifest["source"],
        "partition": manifest.get("partition", "0"),
        "position": int(manifest["resume"]["position"]),
        "task": worker["task"],
        "counters": c,
        "pending": c["predicted"] - c["learnt"] - c["expired"] - c["unlabelled"],
        "columns": worker["encoder"]["kinds"],
        "classes": worker["encoder"]["labels"].get("values"),
        "alarms": worker["alarms"]["recent"][-5:],
        "outputs": manifest.get("outputs", {}),
        "file": manifest.get("file"),
        "spec_hash": manifest.get("spec_hash"),
        "spec": manifest["spec"],
        "arrays": {
            name: {"dtype": str(a.dtype), "shape": list(a.shape), "bytes": int(a.nbytes)}
            for name, a in sorted(arrays.items())
        },
    }


def lines(about: dict[str, Any]) -> list[str]:
    """The same for a person."""
    c = about["counters"]
    kinds = about["columns"]
    out = [
        f"{about['path']}: {about['bytes']:,} bytes, whole; format {about['format']}, streamnn "
        f"{about['version']}",
        f"{about['task']} of {about['spec'].get('label.column')!r} in {about['source']}, "
        f"partition {about['partition']}; goes on at position {about['position']:,}",
        f"records {c['records']:,}: learnt {c['learnt']:,}, pending {about['pending']:,}, expired "
        f"{c['expired']:,}, without label {c['unlabelled']:,}; dead letters {c['dead']:,}; alarms "
        f"{c['alarms']:,}",
        f"columns {len(kinds):,}: {_few(sorted(kinds))}",
    ]
    if about["task"] == "classification":
        out.append(f"classes {len(about['classes'] or ()):,}: {_few(about['classes'] or ())}")
    for name, place in about["outputs"].items():
        out.append(f"output {name}: written up to position {place['last']:,}")
    set_fields = {k: v for k, v in about["spec"].items() if v not in (None, [], {}, "auto")}
    out.append("spec " + ", ".join(f"{k} = {v!r}" for k, v in set_fields.items()))
    total: dict[str, tuple[int, int]] = {}
    for name, a in about["arrays"].items():
        part = "/".join(name.split("/")[:2]) if "/" in name else name
        count, size = total.get(part, (0, 0))
        total[part] = (count + 1, size + a["bytes"])
    rows = sorted(total.items(), key=lambda item: (-item[1][1], item[0]))
    out.append(f"arrays {len(about['arrays']):,}, {sum(s for _, s in total.values()):,} bytes:")
    out += [f"  {part:<28} {count:>4} {size:>13,}" for part, (count, size) in rows]
    return out


def _few(values: Any) -> str:
    words = [str(v) for v in values]
    return ", ".join(words[:_MOST_NAMED]) + (
        f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    )
