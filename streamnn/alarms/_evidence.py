"""What each signal of a family did between the estimated beginning of a change and an alarm."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from ._layout import BLOCK, COARSE, RING

_BEFORE = 500
"""Values before a change that are compared with those after it, at most."""
_YOUNGEST = 100
"""Values a signal must have had before the change to have an opinion."""
_LATE = 256
_TAGGED, _TELLING = 16, 3
"""Latest values whose tags are counted, and how many must agree."""


class Evidence(NamedTuple):
    """A signal's values since a change began, compared with those before."""

    place: float  # standard errors that ranks lie above (or below) the past
    spread: float  # the same of their distance from the middle
    before: float | None  # mean of up to 500 values before
    after: float | None  # mean of the values since
    late: float  # mean of the last 256 values
    tag: int  # the most frequent of the last 16 values, of at least 3; 0: none


NOTHING = Evidence(0.0, 0.0, None, None, 0.0, 0)


def evidence(s: np.void, v: np.void, began: int, op: int) -> Evidence:
    """Compare a signal's values of operations began..op with those before; later ones are not looked at.

    Parameters
    ----------
    s, v : elements of SIGNAL and VIEW
    began, op : int
        Operations of the change and of the alarm.
    """
    taken = int(s["taken"])
    near = np.arange(max(1, taken - RING + 1), taken + 1)
    far = np.arange(max(1, taken // BLOCK - COARSE + 1), taken // BLOCK + 1)
    near_op, far_op = s["op"][near % RING], s["far_op"][far % COARSE]

    def until(at: int) -> tuple[int, np.ndarray]:
        """Values taken up to operation `at`, and their sums."""
        i = int(np.searchsorted(near_op, at, "right"))
        if i > 0:
            return int(near[i - 1]), s["sums"][near[i - 1] % RING]
        j = int(np.searchsorted(far_op, at, "right"))
        if j > 0:
            return int(far[j - 1]) * BLOCK, s["far_sums"][far[j - 1] % COARSE]
        if len(far) and far[0] > 1:  # forgotten: from the first that is remembered
            return int(far[0]) * BLOCK, s["far_sums"][far[0] % COARSE]
        return 0, np.zeros(3)

    n, here = until(op)
    m, there = until(began - 1)
    count = n - m
    if count < 1:
        return NOTHING
    lrv = v["lrv_was" if s["refreshed"] > op else "lrv"]
    known = m >= _YOUNGEST
    place, spread = (
        float((here[k] - there[k]) / np.sqrt(lrv[k - 1] * count * (1.0 + count / max(m, 1))))
        if known
        else 0.0
        for k in (1, 2)
    )
    k, start = until(int(near_op[0]) if m == 0 else _op_of(s, taken, max(0, m - _BEFORE)))
    before = float((there[0] - start[0]) / (m - k)) if m > k else None
    latest = min(_LATE, len(near) - 1)
    late = float(s["sums"][taken % RING, 0] - s["sums"][(taken - latest) % RING, 0]) / max(latest, 1)
    tags = s["tag"][near[near_op <= op][-_TAGGED:] % RING]
    common = Counter(tags[tags != 0].tolist()).most_common(1)
    tag = common[0][0] if common and common[0][1] >= _TELLING else 0
    return Evidence(place, spread, before, float((here[0] - there[0]) / count), late, tag)


def _op_of(s: np.void, taken: int, number: int) -> int:
    """Operation of that value, or of the next one remembered before it; -1 before the first."""
    if number < 1:
        return -1
    if number > taken - RING:
        return int(s["op"][number % RING])
    j = max(number // BLOCK, taken // BLOCK - COARSE + 1)
    return int(s["far_op"][j % COARSE]) if j > 0 else -1
