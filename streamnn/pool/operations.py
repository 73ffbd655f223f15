"""Whether the operations of a chunk may come in their order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import LimitError, SchemaError
from ..types import EXPIRE, OBSERVE, Chunk
from .pending import Pending

MAX_WEIGHT = 1e6
"""Largest sample weight."""

BAD_WEIGHT = f"weights must lie between 0 and {MAX_WEIGHT:g}"


def is_weight(w: Any) -> bool:
    """Whether a sample weight is a number that is allowed.

    Examples
    --------
    >>> [is_weight(w) for w in (1, 0.5, -1.0, float("nan"), None, "1", [1.0])]
    [True, True, False, False, False, False, False]
    """
    try:
        found = 0.0 <= w <= MAX_WEIGHT
    except (TypeError, ValueError):
        return False
    return isinstance(found, bool | np.bool_) and bool(found)  # else an array


def weights_of(*w: Any) -> np.ndarray:
    """Sample weights as a column, NaN for one that is not allowed."""
    return np.array([float(v) if is_weight(v) else np.nan for v in w])


def _numbers(weight: Any) -> np.ndarray:
    """Weights as numbers; NaN, which no weight may be, for what is none."""
    found = np.asarray(weight)
    try:
        return found.astype(np.float64) if found.dtype.kind in "biufO" else np.full(found.shape, np.nan)
    except (TypeError, ValueError):
        return np.full(found.shape, np.nan)


class Operations(NamedTuple):
    """Operations of a chunk, checked: all of shape (m,)."""

    op: np.ndarray
    """int8: OBSERVE, LEARN, EXPIRE or LOOK."""
    ticket: np.ndarray
    """int64."""
    weight: np.ndarray
    """float32."""
    time: np.ndarray
    """float64, NaN for now."""

    def cut(self, start: int, stop: int) -> Operations:
        """Those from `start` to `stop`."""
        return Operations(*[a[start:stop] for a in self])


def operations(chunk: Chunk, events: int) -> Operations:
    """The operations of a chunk that comes after `events` events.

    Raises
    ------
    SchemaError
        When lengths, operations, weights or the tickets of observed events are not as they must be.
    """
    op = np.ascontiguousarray(chunk.op, np.int8)
    ticket = np.ascontiguousarray(chunk.ticket, np.int64)
    m = len(op)
    if len(ticket) != m or len(chunk.label) != m or (chunk.weight is not None and len(chunk.weight) != m):
        raise SchemaError(f"a chunk of {m} operations needs as many tickets, labels and weights")
    if not ((op >= OBSERVE) & (op <= EXPIRE)).all():
        raise SchemaError("operations are OBSERVE (0), LEARN (1) and EXPIRE (2)")
    weight = np.ones(m) if chunk.weight is None else _numbers(chunk.weight)
    if not ((weight >= 0) & (weight <= MAX_WEIGHT)).all():
        raise SchemaError(BAD_WEIGHT)
    observed = ticket[op == OBSERVE]
    if not np.array_equal(observed, np.arange(events, events + len(observed))):
        raise SchemaError(f"tickets of observed events must go on from {events}, one by one")
    time = np.full(m, np.nan) if chunk.time is None else np.ascontiguousarray(chunk.time, np.float64)
    if len(time) != m:
        raise SchemaError(f"a chunk of {m} operations has {len(time)} times")
    return Operations(op, ticket, weight.astype(np.float32), time)


def check_order(ticket: np.ndarray, seen: np.ndarray, events: int, pending: Pending, limit: int) -> None:
    """Every LEARN and EXPIRE must name an event that is pending at that point, and not too many may be.

    Raises
    ------
    SchemaError, LimitError
        Names the event.
    """
    most = len(pending) + int(np.cumsum(2 * seen.astype(np.int64) - 1).max(initial=0))
    if most > limit:
        raise LimitError(
            f"{most} events would wait for their label, the limit is {limit}: expire old ones, or raise max_pending"
        )
    done = np.flatnonzero(~seen)
    if not done.size:
        return
    t = ticket[done]
    ordered = t if (t[1:] > t[:-1]).all() else np.sort(t)
    if (ordered[1:] == ordered[:-1]).any():
        raise SchemaError("an event is learnt or expired twice in one chunk")
    old = t < events
    if old.any() and (pending.find(t[old]) < 0).any():
        raise SchemaError(
            f"event {int(t[old][0])} or a later one is not pending: learnt, expired or never observed"
        )
    before = events + np.cumsum(seen)[done]
    if (t >= before).any():
        raise SchemaError(f"event {int(t[t >= before][0])} is learnt or expired before it is observed")
