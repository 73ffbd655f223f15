"""What a job needs of a student, and how one is made: it learns beside the pool what leaves for a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np

from streamnn.errors import SpecError
from streamnn.types import Chunk, Output

from ..spec.job import JobSpec
from .learner import Learner


class Publication(Protocol):
    """An artefact as it was published, or refused."""

    @property
    def event(self) -> int:
        """Labels learnt until then."""

    @property
    def reason(self) -> str:
        """``"schedule"``, or ``"alarm: "`` and its cause."""

    @property
    def refused(self) -> str | None:
        """Why it must not leave; None where it may."""

    @property
    def artefact(self) -> Any:
        """A :class:`streamnn.edge.Artefact`."""

    @property
    def scores(self) -> Mapping[str, Any]:
        """By which it was judged."""


class Student(Protocol):
    """The student's side of the contract; see :class:`streamnn.edge.Student`."""

    @property
    def artefact(self) -> Any: ...
    def run(self, chunk: Chunk, output: Output, schema: Any, classes: list[Any]) -> list[Publication]: ...
    def field(self) -> list[dict[str, Any]]: ...
    def scores(self) -> dict[str, Any]: ...
    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]: ...
    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None: ...


def make_student(spec: JobSpec, task: str, learner: Learner) -> Student | None:
    """The student of a spec; None where it has no ``[edge]``.

    Raises
    ------
    SpecError
        When an option does not fit, or the learner is one of somebody else's that says nothing of its columns.
    """
    if spec.edge is None:
        return None
    from streamnn import edge

    schema_of(learner)
    try:
        options = edge.StudentOptions(**spec.edge.options())
        return cast(Student, edge.Student(task == "classification", options))
    except (TypeError, ValueError) as e:
        raise SpecError(f"edge: {e}") from e


def schema_of(learner: Learner) -> Any:
    """The columns that a learner knows.

    Raises
    ------
    SpecError
        When it does not say.
    """
    found = getattr(learner, "schema", None)
    if found is None:
        raise SpecError(
            f"edge: a student needs the columns of its learner, and {type(learner).__name__} has no `schema`: "
            "leave [edge] out"
        )
    return found


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
