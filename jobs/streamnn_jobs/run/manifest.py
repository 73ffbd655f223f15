"""What a checkpoint says beside its arrays: one manifest for recorded and Kafka jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamnn.errors import SourceError, SpecError, StateError

from ..spec.fingerprint import differences, goes_on, learning_fields, spec_hash
from ..spec.job import JobSpec
from ..stores import Saved
from ..version import VERSION

HEAD_BYTES = 1 << 16
ANOTHER_FOLDER = "name another checkpoint folder"


def make_manifest(
    spec: JobSpec,
    origin: tuple[str, str],
    resume: Mapping[str, Any],
    worker: Mapping[str, Any],
    outputs: Mapping[str, Any],
    **own: Any,
) -> dict[str, Any]:
    """The manifest of a job's checkpoint.

    Parameters
    ----------
    spec : JobSpec
    origin : tuple of (str, str)
        Names of source and partition.
    resume : Resume
        Token of the place of the next record.
    worker : dict
        What the worker's ``state_dict`` gave beside its arrays.
    outputs : dict
        How far each output is written.
    **own
        What only this kind of job has: ``file``, or ``resume_labels`` and ``merge_log``.
    """
    source, partition = origin
    return {
        "version": VERSION,
        "spec_hash": spec_hash(spec),
        "spec": learning_fields(spec),
        "source": source,
        "partition": partition,
        "resume": resume,
        "outputs": outputs,
        "worker": worker,
        **own,
    }


def require_keys(manifest: Mapping[str, Any], path: Saved, *names: str) -> None:
    """StateError unless a manifest has all of `names`."""
    missing = set(names) - set(manifest)
    if missing:
        raise StateError(f"{path}: is no checkpoint of a job: its manifest has no {sorted(missing)[0]!r}")


def check_manifest(
    manifest: Mapping[str, Any],
    path: Saved,
    spec: JobSpec,
    source: str,
    partition: str | None = None,
    otherwise: str = ANOTHER_FOLDER,
) -> None:
    """See that a checkpoint is one of this job.

    Parameters
    ----------
    manifest : dict
    path : Saved
    spec : JobSpec
    source : str
    partition : str, optional
        Where a job has several.
    otherwise : str
        What to do for a job that is meant to differ.

    Raises
    ------
    StateError
        When it is no checkpoint of a job.
    SpecError
        When it was written for another source, or by a job with another spec.
    """
    require_keys(manifest, path, "spec_hash", "spec", "source", "worker", "resume", "outputs")
    found, wanted = str(manifest["source"]), source
    if partition is not None:
        found, wanted = f"{found}/{manifest.get('partition', '0')}", f"{wanted}/{partition}"
    if found != wanted:
        raise SpecError(f"{path}: was written for {found}, not for {wanted}: {ANOTHER_FOLDER}")
    fields, learnt = learning_fields(spec), manifest["worker"].get("encoder", {}).get("kinds", {})
    if manifest["spec_hash"] != spec_hash(spec) and not goes_on(manifest["spec"], fields, learnt):
        lines = "\n  ".join(differences(manifest["spec"], fields))
        raise SpecError(
            f"{path}: was written by a job with another spec:\n  {lines}\nset it back, or {otherwise}"
        )


def file_identity(path: str | Path, head_bytes: int = HEAD_BYTES) -> dict[str, Any]:
    """Size of a file and a hash of its beginning: what tells it from another one of the same name.

    Raises
    ------
    SourceError
        When it can't be read.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(head_bytes)
        size = Path(path).stat().st_size
    except OSError as e:
        raise SourceError(f"{path}: can't be read: {e.strerror or e}") from e
    return {"bytes": size, "head_bytes": len(head), "head_sha256": hashlib.sha256(head).hexdigest()}


def is_another_file(path: str | Path, saved: Mapping[str, Any]) -> bool:
    """Whether a file is another one than when `saved` was its identity. One that has grown at its end is the same."""
    now = file_identity(path, saved["head_bytes"])
    return now["bytes"] < saved["bytes"] or now["head_sha256"] != saved["head_sha256"]
