"""Whether the operations of a chunk may come in their order."""

from __future__ import annotations

import numpy as np

from ..errors import LimitError, SchemaError
from .pending import Pending


def check_order(
    op: np.ndarray, ticket: np.ndarray, seen: np.ndarray, events: int, pending: Pending | None, limit: int
) -> None:
    """Every LEARN and EXPIRE must name an event that is pending at that point, and not too many may be.

    Raises
    ------
    SchemaError, LimitError
        Names the event.
    """
    most = (len(pending) if pending is not None else 0) + int(
        np.cumsum(2 * seen.astype(np.int64) - 1).max(initial=0)
    )
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
    if old.any() and (pending is None or (pending.find(t[old]) < 0).any()):
        raise SchemaError(
            f"event {int(t[old][0])} or a later one is not pending: learnt, expired or never observed"
        )
    before = events + np.cumsum(seen)[done]
    if (t >= before).any():
        raise SchemaError(f"event {int(t[t >= before][0])} is learnt or expired before it is observed")
