"""What becomes of the label join's operations when too many events are pending."""

from __future__ import annotations

import numpy as np


def evict_oldest(
    n: int,
    held: int,
    limit: int,
    learn: np.ndarray,
    learn_at: np.ndarray,
    expire: np.ndarray,
    expire_at: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Go through the slots one by one and give up the oldest wherever too many would be pending.

    Parameters
    ----------
    n : int
        Slots: events of the piece.
    held : int
        Events pending before it; rows are these and then the new ones.
    limit : int
        Most events pending.
    learn, expire : ndarray of int64
        Rows that would be learnt or given up, in the order of their slots.
    learn_at, expire_at : ndarray of int64, shape (held + n,)
        Slot of each row.

    Returns
    -------
    tuple
        `learn`, `learn_at`, `expire`, `expire_at` as they are now, and how many were evicted.
    """
    settle: list[list[int]] = [[] for _ in range(n)]
    for order, at in ((learn, learn_at), (expire, expire_at)):
        for row in order.tolist():
            settle[at[row]].append(row)
    gone = bytearray(held + n)
    evicted_at: list[tuple[int, int]] = []
    oldest, pending = 0, held
    for slot in range(n):
        for row in settle[slot]:
            if not gone[row]:
                gone[row] = 1
                pending -= 1
        while pending >= limit:
            while gone[oldest]:
                oldest += 1
            gone[oldest] = 1
            pending -= 1
            evicted_at.append((oldest, slot))
        pending += 1
    out = {row for row, _ in evicted_at}
    learn = np.array([r for r in learn.tolist() if r not in out], np.int64)
    expire_at = expire_at.copy()
    for row, slot in evicted_at:
        expire_at[row] = slot
    kept = [r for r in expire.tolist() if r not in out] + [row for row, _ in evicted_at]
    # by age and by number alike: within a slot in the order of tickets
    kept.sort(key=lambda r: (int(expire_at[r]), r))
    return learn, learn_at, np.array(kept, np.int64), expire_at, len(evicted_at)
