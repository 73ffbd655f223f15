"""What is counted of one partition while it is learnt, and its latest view."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..outputs.dead_letters import reason_word
from ..run.edge_figures import edge_figures, edge_windows
from ..run.worker import Step, Worker
from .partition_view import PartitionView, Sample

KEPT_S = 600
"""Samples kept, one a second."""
NETWORKS_S = 10.0
ASKED_S = 60.0
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets of durations."""


class PartitionMonitor:
    """Counts since this process took the partition on; written by the job's thread only.

    Parameters
    ----------
    worker : Worker
    resumed_at : int or None
        Position of the checkpoint it went on from.
    at : float
        Unix time.
    """

    def __init__(self, worker: Worker, resumed_at: int | None, at: float):
        self.resumed_at = resumed_at
        from prometheus_client import Histogram  # slow to import, and most jobs are not served

        self.batches = Histogram("batch", "Durations of batches.", registry=None, buckets=BUCKETS_S)
        self.commits = Histogram("commit", "Durations of commits.", registry=None, buckets=BUCKETS_S)
        self.dead: Counter[str] = Counter()
        self.alarms: Counter[str] = Counter()
        self.published: Counter[str] = Counter()
        self.checkpoints = 0
        self.checkpoint: tuple[str, float] | None = None
        self.state_bytes: int | None = None
        self.asked_s = float("-inf")
        self._worker: Worker | None = worker
        self._alarmed = worker.alarms.count
        self._samples: deque[Sample] = deque(maxlen=KEPT_S)
        self._surprise = self._entropy = 0.0
        self._events = 0
        self._position = resumed_at or 0
        self.lag: int | None = None
        self._changed = False
        self._stale = True
        self.networks_s = float("-inf")
        self.slopes_s = float("-inf")
        self._functions: Sequence[Mapping[str, Any]] = ()
        self._slopes: Sequence[Mapping[str, Any]] = ()
        self._shown: tuple[int, int, Sequence[Mapping[str, Any]], Any] = (0, 0, (), None)
        now = replace(worker.counters)
        scores, missing = worker.learner.scores(), worker.learner.missing()
        self.view = PartitionView(
            version=0,
            partition=worker.partition,
            source=worker.source,
            task=worker.task,
            at=at,
            position=self._position,
            lag=None,
            counters=now,
            start=now,
            pending=worker.join.pending,
            waiting=worker.join.waiting,
            scores=scores,
            start_scores=scores,
            history=worker.learner.history(),
            missing=missing,
            start_missing=missing,
            edge=edge_figures(worker),
            edge_windows=edge_windows(worker),
        )

    @property
    def closed(self) -> bool:
        """Whether the partition was given up; its last view stays."""
        return self._worker is None

    def close(self, up_s: float, at: float) -> None:
        """Make the last view, and let go of the learner: it may be large, and the partition another's by now."""
        if not self.closed:
            self.refresh(up_s, at)
            self._worker = None

    def step(self, step: Step, position: int, seconds: float, lag: int | None) -> None:
        """A batch was learnt."""
        self.batches.observe(seconds)
        self._position, self.lag = position, lag
        self._surprise += step.surprise
        self._entropy += step.entropy
        self._events += step.events
        assert self._worker is not None
        for bad in (*step.bad, *step.bad_labels):
            self.dead[reason_word(bad.reason)] += 1
        for each in step.publications:
            self.published["refused" if each.refused else "published"] += 1
        fresh = self._worker.alarms.count - self._alarmed
        if fresh:
            self._alarmed += fresh
            for alarm in self._worker.alarms.recent[-fresh:]:
                self.alarms[alarm["cause"]] += 1
        self._changed = True

    def save(self, path: str | None, size_bytes: int | None, seconds: float, at: float) -> None:
        """Outputs are safe; with `path` there is a checkpoint."""
        self.commits.observe(seconds)
        if path is not None:
            self.checkpoints += 1
            self.checkpoint = (path, at)
            self.state_bytes = size_bytes

    def wants_networks(self, now_s: float) -> bool:
        """Whether somebody asks, and what there is of the networks is old."""
        asked, old = now_s - self.asked_s <= ASKED_S, now_s - self.networks_s >= NETWORKS_S
        return asked and old and (self._stale or not self._functions)

    def look_at_networks(self, now_s: float) -> Callable[[], list[dict[str, Any]]] | None:
        """Functions for the next views; what makes the slopes comes back, for another thread."""
        self.networks_s, self._stale = now_s, False
        assert self._worker is not None
        snapshot = getattr(self._worker.learner, "snapshot", None)
        if snapshot is None:  # a learner of somebody else's
            self._functions = self._worker.learner.networks()
            return None
        found = snapshot()
        self._functions = found.functions()
        slopes: Callable[[], list[dict[str, Any]]] = found.slopes
        return slopes

    def take_slopes(self, slopes: list[dict[str, Any]]) -> None:
        """Slopes for the next views; called by another thread."""
        self._slopes = slopes

    def _networks(self) -> Sequence[Mapping[str, Any]]:
        """What there is of the networks; the same object as before when nothing is new."""
        if self._shown[:2] != (id(self._functions), id(self._slopes)):
            now = self._functions, self._slopes
            more = now[1] if len(now[1]) == len(now[0]) else [{}] * len(now[0])
            both = [{**f, **s} for f, s in zip(now[0], more, strict=True)]
            self._shown = (id(now[0]), id(now[1]), both, now)
        return self._shown[2]

    def refresh(self, up_s: float, at: float) -> None:
        """Make the next view; the learner is asked only when something has changed."""
        w, old = self._worker, self.view
        assert w is not None
        c = w.counters
        self._samples.append(
            Sample(
                up_s,
                c.records,
                c.dead + c.label_dead,
                w.join.pending,
                self.lag,
                self._surprise,
                self._entropy,
                self._events,
            )
        )
        learnt: dict[str, Any] = {}
        if self._changed or old.version == 0:
            learnt = {
                "scores": w.learner.scores(),
                "history": w.learner.history(),
                "missing": w.learner.missing(),
                "alarms": tuple(w.alarms.recent),
                "columns": len(w.learner.columns),
                "classes": len(w.learner.classes) if w.task == "classification" else None,
                "edge": edge_figures(w),
                "edge_windows": edge_windows(w),
            }
            self._changed, self._stale = False, True
        self.view = replace(
            old,
            version=old.version + 1,
            at=at,
            position=self._position,
            lag=self.lag,
            counters=replace(c),
            pending=w.join.pending,
            waiting=w.join.waiting,
            networks=self._networks(),
            samples=tuple(self._samples),
            **learnt,
        )
