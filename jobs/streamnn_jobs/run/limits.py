"""Says once when a limit is reached: what grows no more from there on."""

from __future__ import annotations

from collections.abc import Callable

from streamnn_connectors.base import MOST_DEPTH, MOST_ELEMENTS, MOST_VALUES

from ..spec.job import JobSpec
from .worker import Worker


class LimitNotes:
    """Call it after every batch.

    Parameters
    ----------
    spec : JobSpec
    worker : Worker
        As it stands at the start; what it has reached by then was said before.
    say : callable
        Told, in words, what was reached.
    """

    def __init__(self, spec: JobSpec, worker: Worker, say: Callable[[str], None]):
        self._spec, self._worker, self._say = spec, worker, say
        self._said = self._reached()

    def __call__(self) -> None:
        fresh = self._reached() - self._said
        for name in sorted(fresh):
            self._say(f"{name}: {self._words(name)}")
        self._said |= fresh

    def _reached(self) -> set[str]:
        worker = self._worker
        found = {
            "limits.pending": worker.counters.evicted > 0,
            "limits.early_labels": worker.counters.unmatched > 0
            and worker.join.waiting >= self._spec.limits.early_labels,
            "limits.classes": worker.labels.full,
            "columns of the source": worker.columns_full,
            "learner.max_columns": worker.learner.columns_refused > 0,
        }
        return {name for name, reached in found.items() if reached} | worker.left_out

    def _words(self, name: str) -> str:
        if name == "limits.pending":
            return (
                f"{self._spec.limits.pending} events wait for their label; the oldest are given up from here "
                "on. Raise it, or set label.expire_after"
            )
        if name == "limits.early_labels":
            return (
                f"{self._spec.limits.early_labels} labels wait for their event; the oldest are given up from "
                "here on. Raise it, or set label.expire_after; labels of another stream's events would be "
                "such, too"
            )
        if name == "limits.classes":
            return (
                f"{self._spec.limits.classes} classes are known; records with further ones are dead letters "
                "from here on"
            )
        if name in self._worker.left_out:
            return (
                f"nested values more than {MOST_DEPTH} deep, {MOST_ELEMENTS} in a list or {MOST_VALUES} in all, and names "
                "beyond the limit, are left out of their records. Add it to features.ignore if it is not meant to be learnt"
            )
        known = len(self._worker.learner.columns)
        if name == "columns of the source":
            return (
                "as many as may be are known; records with further names are dead letters from here on, the "
                "reason says the limit. Raise max_columns if they are meant"
            )
        return f"{known} columns are known; values of further ones are left out from here on. Raise it"
