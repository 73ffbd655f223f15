"""What a student has come to, as plain data: for summary, page, metrics and report."""

from __future__ import annotations

from typing import Any

from .student import Student
from .worker import Worker


def edge_windows(worker: Worker) -> list[dict[str, Any]]:
    """How each publication did on the events after it; empty where there is no student."""
    return [] if worker.student is None else worker.student.field()


def edge_figures(worker: Worker) -> dict[str, Any] | None:
    """Scores in the field, and what is published; None where there is no student.

    Returns
    -------
    dict
        ``scores`` of each arm, ``published`` and ``refused`` (counts of windows that began so), ``event`` at which the
        newest artefact that is not refused was published, its ``bytes``, what it is ``learning``, ``flip_rate``.
    """
    student = worker.student
    return None if student is None else _figures(student)


def _figures(student: Student) -> dict[str, Any]:
    windows = student.field()
    refused = [w for w in windows if w.get("refused")]
    good = [w for w in windows if not w.get("refused") and w.get("published") is not None]
    newest = good[-1] if good else {}
    artefact = student.artefact
    return {
        "scores": student.scores(),
        "published": len(good),
        "refused": len(refused),
        "event": newest.get("published"),
        "bytes": newest.get("bytes"),
        "learning": None if artefact is None else artefact.learning,
        "flip_rate": next(
            (w["flip_rate"] for w in reversed(windows) if w.get("flip_rate") is not None), None
        ),
    }
