"""The student of a checkpoint, with where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamnn.errors import StateError
from streamnn.state import state_hash

from ..ask.checkpoints import open_checkpoint, open_worker
from ..run.worker import Worker


@dataclass(frozen=True, slots=True)
class SavedStudent:
    """A student as it stood when a checkpoint was written.

    Parameters
    ----------
    worker : Worker
        It belongs to.
    student : Student
        A :class:`streamnn.edge.Student`; what it is made of is read, too.
    path : str
        Of the checkpoint.
    position : int
        Of the next record.
    hash : str
        Of the whole checkpoint.
    spec : dict
        Fields of the job's spec.
    """

    worker: Worker
    student: Any
    path: str
    position: int
    hash: str
    spec: dict[str, Any]

    @property
    def refused(self) -> str:
        """Why the newest publication was refused; empty if it was not."""
        rows = self.student.field.rows()
        return str(rows[-1]["refused"]) if rows else ""


def open_student(target: str, say: Callable[[str], None]) -> SavedStudent:
    """The student of a checkpoint file, or of the newest valid one of a folder.

    Raises
    ------
    StateError
        When there is no checkpoint, it has no student, or nothing of it may leave yet.
    """
    arrays, manifest, path = open_checkpoint(target, say)
    if "edge" not in manifest["worker"]:
        raise StateError(
            f"{path}: has no student: the job has no [edge]. Add an empty section [edge] to its spec and run it on, or run "
            "`streamnn replay STREAM --edge --checkpoint DIR`"
        )
    worker = open_worker(arrays, manifest)
    student: Any = worker.student
    found = SavedStudent(
        worker, student, str(path), int(manifest["resume"]["position"]), state_hash(arrays, manifest),
        manifest["spec"],
    )  # fmt: skip
    if student.artefact is None:
        why = f"the newest was refused, {found.refused}" if found.refused else "nothing was published yet"
        raise StateError(
            f"{path}: has no artefact that may leave: {why}, after {student.learnt:,} labels. Learn more of the stream, "
            "or set edge.first to publish earlier"
        )
    return found
