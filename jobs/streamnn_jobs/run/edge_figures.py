"""What a student has come to, as plain data: for summary, page, metrics and report."""

from __future__ import annotations

from typing import Any

from .student import Student
from .worker import Worker


def edge_windows(worker: Worker) -> list[dict[str, Any]]:
    """How each publication did on the events after it; empty where there is no student.

    Returns
    -------
    list of dict
        ``event`` (labels learnt when it was published), ``to`` (when the next was), ``reason``, ``refused`` (why; empty
        if it was not), ``learning``, ``arms`` with the scores of each, and ``bytes`` and ``flip_rate`` where known.
    """
    return [] if worker.student is None else _windows(worker.student)


def edge_figures(worker: Worker) -> dict[str, Any] | None:
    """Scores in the field, and what is published; None where there is no student.

    Returns
    -------
    dict
        ``scores`` of each arm, ``published`` and ``refused`` (counts), ``event`` at which the newest artefact that is
        not refused was published, its ``bytes``, what its device is ``learning``, ``flip_rate``.
    """
    student = worker.student
    if student is None:
        return None
    windows = student.field.rows()
    good = [w for w in windows if not w["refused"]]
    newest = good[-1] if good else {}
    return {
        "scores": student.field.scores(),
        "published": len(good),
        "refused": len(windows) - len(good),
        "event": newest.get("event"),
        "bytes": newest.get("bytes"),
        "learning": newest.get("learning"),
        "flip_rate": next(
            (w["flip_rate"] for w in reversed(windows) if w.get("flip_rate") is not None), None
        ),
    }


def _windows(student: Student) -> list[dict[str, Any]]:
    rows = student.field.rows()
    ends = [*(w["event"] for w in rows), student.learnt][1:]
    return [{**w, "to": end} for w, end in zip(rows, ends, strict=True)]
