"""What a checkpoint says beside its arrays: one manifest for recorded and Kafka jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamnn.errors import SpecError, StateError

from ..spec.fingerprint import differences, learning_fields, spec_hash
from ..spec.job import JobSpec
from ..stores import Saved
from ..version import VERSION

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
    if manifest["spec_hash"] != spec_hash(spec):
        lines = "\n  ".join(differences(manifest["spec"], learning_fields(spec)))
        raise SpecError(
            f"{path}: was written by a job with another spec:\n  {lines}\nset it back, or {otherwise}"
        )
