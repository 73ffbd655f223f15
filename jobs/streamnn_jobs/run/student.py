"""What a job needs of a student, and how one is made: it learns beside the pool what leaves for a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np

from streamnn.types import Chunk, Output

from ..spec.job import JobSpec


class Publication(Protocol):
    """An artefact as it was published, or refused."""

    @property
    def event(self) -> int:
        """Labels learnt until then."""

    @property
    def reason(self) -> str:
        """``"schedule"``, or the cause of an alarm."""

    @property
    def refused(self) -> str:
        """Why it must not leave; empty where it may."""

    @property
    def artefact(self) -> Any:
        """A :class:`streamnn.edge.Artefact`."""

    @property
    def scores(self) -> Mapping[str, Any]:
        """Of the artefact before it, in the field."""


class Field(Protocol):
    """What was published, and how it did on the events after it."""

    def rows(self) -> list[dict[str, Any]]: ...
    def scores(self) -> dict[str, Any]: ...


class Student(Protocol):
    """The student's side of the contract; see :class:`streamnn.edge.Student`."""

    @property
    def field(self) -> Field: ...
    @property
    def artefact(self) -> Any: ...
    @property
    def learnt(self) -> int: ...
    def run(self, chunk: Chunk, output: Output, classes: Sequence[Any]) -> Sequence[Publication]: ...
    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]: ...
    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None: ...


def make_student(spec: JobSpec, task: str) -> Student | None:
    """The student of a spec; None where it has no ``[edge]``.

    Raises
    ------
    SpecError
        When an option does not fit.
    """
    if spec.edge is None:
        return None
    from streamnn import edge

    options = edge.StudentOptions(**spec.edge.options())
    return cast(Student, edge.Student(task == "classification", options))


def since(chunk: Chunk, ticket: int) -> Chunk:
    """The operations on events from `ticket` on: what a student that began there knows of.

    Examples
    --------
    >>> chunk = Chunk({}, np.array([1, 1], np.int8), np.array([4, 9]), np.array(["a", "b"], object))
    >>> since(chunk, 5).label.tolist()
    ['b']
    """
    keep = chunk.ticket >= ticket
    if keep.all():
        return chunk
    weight, time = (None if v is None else v[keep] for v in (chunk.weight, chunk.time))
    return Chunk(chunk.columns, chunk.op[keep], chunk.ticket[keep], chunk.label[keep], weight, time)


def student_note(spec: JobSpec, saved: Mapping[str, Any]) -> str | None:
    """What a person should know where a checkpoint and its job do not both have a student.

    Parameters
    ----------
    spec : JobSpec
    saved : mapping
        What the worker's ``state_dict`` gave beside its arrays.
    """
    if spec.edge is not None and "edge" not in saved:
        return "edge: the checkpoint has no student: one begins here, and has seen nothing of what was before"
    if spec.edge is None and "edge" in saved:
        return "edge: the checkpoint has a student, and the spec no [edge]: it is dropped with the next checkpoint"
    return None
