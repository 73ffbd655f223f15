"""What the label join hands to a learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(slots=True)
class LabelCounts:
    """What became of labels, and of the events they are of.

    Parameters
    ----------
    labels : int
        Labels that came with the events, or will come later.
    learnt, expired, unlabelled : int
        Tickets closed: by a label, given up, known never to get one.
    evicted : int
        Those among `expired` that went because too many were pending.
    late : int
        Labels dropped because their ticket had expired before they came.
    duplicates, unmatched : int
        Labels, coming apart from their events, of an event that had one, or given up before their event came.
    closed : int
        Those among `unlabelled` that a message said so of.
    """

    labels: int = 0
    learnt: int = 0
    expired: int = 0
    unlabelled: int = 0
    evicted: int = 0
    late: int = 0
    duplicates: int = 0
    unmatched: int = 0
    closed: int = 0


@dataclass(slots=True, kw_only=True)
class Operations(LabelCounts):
    """Operations in their order, with the counts of their labels.

    Parameters
    ----------
    op : ndarray of int8, shape (m,)
        OBSERVE, LEARN or EXPIRE.
    ticket : ndarray of int64, shape (m,)
    label : ndarray of float64, shape (m,)
        Target or code of the class at LEARN, NaN elsewhere.
    time : ndarray of float64, shape (m,), or None
        Event time at OBSERVE, label time at LEARN; None where labels have no times.
    """

    op: np.ndarray
    ticket: np.ndarray
    label: np.ndarray
    time: np.ndarray | None = None


def joined(parts: Sequence[Operations]) -> Operations:
    """Operations one after the other; all have times, or none has."""
    counts = {f.name: sum(getattr(part, f.name) for part in parts) for f in fields(LabelCounts)}
    times = [part.time for part in parts if part.time is not None]
    return Operations(
        op=np.concatenate([part.op for part in parts]),
        ticket=np.concatenate([part.ticket for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        time=np.concatenate(times) if times else None,
        **counts,
    )
