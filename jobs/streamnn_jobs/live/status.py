"""A job's status as plain data: the same for a running one and for its checkpoint."""

from __future__ import annotations

from typing import Any

from ..run.control import Control
from ..run.summary import plain
from ..version import VERSION
from .job_monitor import JobMonitor
from .partition_view import PartitionView

STALLED_S = 120.0
"""A job that has not finished a batch or looked for one for this time is not healthy."""


def job_status(monitor: JobMonitor, control: Control) -> dict[str, Any]:
    """What ``/status`` gives.

    Returns
    -------
    dict
        ``state`` is ``"starting"``, ``"recovering"``, ``"running"``, ``"paused"``, ``"stopping"`` or ``"over"``.
    """
    parts = dict(monitor.partitions)
    return {
        "state": state(monitor, control),
        "outcome": monitor.outcome,
        "version": VERSION,
        "started_at": monitor.began,
        "up_s": monitor.up_s,
        "silent_s": monitor.silent_s,
        "partitions": [
            {
                **partition_status(view),
                "open": not parts[view.partition].closed,
                "resumed_at": parts[view.partition].resumed_at,
                **_checkpoint(parts[view.partition], view.at),
            }
            for view in monitor.views()
        ],
    }


def state(monitor: JobMonitor, control: Control) -> str:
    """One word for how the job stands."""
    if monitor.outcome is not None:
        return "over"
    if control.stopping:
        return "stopping"
    if not monitor.begun:
        return "starting"
    if monitor.recovers:
        return "recovering"
    return "paused" if control.paused else "running"


def partition_status(v: PartitionView) -> dict[str, Any]:
    """How one partition stands, with its scores."""
    lately = v.lately()
    return {
        "partition": v.partition,
        "source": v.source,
        "task": v.task,
        "position": v.position,
        "lag": v.lag,
        "records_per_s": v.rate(),
        **v.counters.to_dict(),
        "pending": v.pending,
        "waiting": v.waiting,
        "classes": v.classes,
        "columns": v.columns,
        "surprise": lately and lately[0],
        "entropy": lately and lately[1],
        "last_alarm": v.alarms[-1] if v.alarms else None,
        "scores": plain(dict(v.scores)),
        **({} if v.edge is None else {"edge": plain(dict(v.edge))}),
    }


def healthy(monitor: JobMonitor, control: Control) -> tuple[bool, str]:
    """Whether the job's loop turns, and a word."""
    if monitor.outcome == "failed":
        return False, "failed"
    if monitor.begun and monitor.outcome is None and monitor.silent_s > STALLED_S:
        return False, f"no batch for {monitor.silent_s:.0f} s"
    return True, state(monitor, control)


def ready(monitor: JobMonitor, control: Control) -> tuple[bool, str]:
    """Whether the job learns what comes, and a word."""
    word = state(monitor, control)
    return monitor.ready and word in ("running", "paused"), word


def _checkpoint(part: Any, at: float) -> dict[str, Any]:
    if part.checkpoint is None:
        return {"checkpoint": None, "checkpoint_age_s": None, "state_bytes": None}
    path, when = part.checkpoint
    return {
        "checkpoint": path,
        "checkpoint_age_s": max(at - when, 0.0),
        "state_bytes": part.state_bytes,
    }
