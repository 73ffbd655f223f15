"""What each signal of a family did between the estimated beginning of a change and an alarm."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from ._columns import SHIFTED
from ._layout import BLOCK_VALUES, COARSE, RING

_BEFORE = 500
"""Values before a change that are compared with those after it, at most."""
_FEWEST_BEFORE = 100
"""Values a signal must have had before the change to have an opinion."""
_LATEST = 256
"""Values of the mean that says what the signal has come to."""
_TAGGED, _LEAST_TAGS, _STEADY = 16, 3, 56
"""Latest values whose tags are counted, how many must agree, and how many of all since the change."""


class Evidence(NamedTuple):
    """A signal's values since a change began, compared with those before."""

    location: float  # standard errors that ranks lie above (or below) the past
    scale: float  # the same of their distance from the middle
    before: float | None  # mean of up to 500 values before
    after: float | None  # mean of the values since
    late: float  # mean of the last 256 values
    tag: int  # the most frequent of the last 16 values, of at least 3 (or of all, 56); 0: none


NOTHING = Evidence(0.0, 0.0, None, None, 0.0, 0)


def evidence(s: np.void, v: np.void, began: int, op: int, whole: bool = False) -> Evidence:
    """Compare a signal's values of operations began..op with those before; later ones are not looked at.

    Parameters
    ----------
    s, v : elements of SIGNAL and VIEW
    began, op : int
        Operations of the change and of the alarm.
    whole : bool
        Whether the tags of all values since the change count, not of the latest only: by the time of a review a
        column may have settled in its new distribution.
    """
    taken = int(s["taken"])
    if taken == 0:
        return NOTHING
    last = np.arange(max(1, taken - RING + 1), taken + 1)
    n = int(last[0]) - 1 + int(np.searchsorted(s["op"][last % RING], op, "right"))
    # as many as are remembered wherever within a block the scan stands now
    near = np.arange(max(1, n - RING + BLOCK_VALUES + 1), n + 1)
    far = np.arange(max(1, n // BLOCK_VALUES - COARSE + 2), n // BLOCK_VALUES + 1)
    near_op, far_op = s["op"][near % RING], s["far_op"][far % COARSE]

    def sums(number: int) -> tuple[int, np.ndarray]:
        """Sums up to that value, or to the last one before it that is remembered, and which it is."""
        if near.size and number >= near[0]:
            return number, s["sums"][number % RING]
        j = number // BLOCK_VALUES
        if j < 1 or not far.size:
            return 0, np.zeros(3)
        j = max(j, int(far[0]))
        return j * BLOCK_VALUES, s["far_sums"][j % COARSE]

    i = int(np.searchsorted(near_op, began - 1, "right"))
    j = int(np.searchsorted(far_op, began - 1, "right"))
    m, there = sums(int(near[i - 1]) if i else int(far[j - 1]) * BLOCK_VALUES if j else 0)
    _, here = sums(n)
    count = n - m
    if count < 1:
        return NOTHING
    lrv = v["lrv_was" if s["refreshed"] > op else "lrv"]
    known = m >= _FEWEST_BEFORE
    location, scale = (
        float((here[k] - there[k]) / np.sqrt(lrv[k - 1] * count * (1.0 + count / max(m, 1))))
        if known
        else 0.0
        for k in (1, 2)
    )
    k, start = sums(max(0, m - _BEFORE))
    before = float((there[0] - start[0]) / (m - k)) if m > k else None
    k, start = sums(max(0, n - _LATEST))
    late = float(here[0] - start[0]) / max(n - k, 1)
    tags = s["tag"][near[max(0, min(i, near.size - _TAGGED)) if whole else -_TAGGED :] % RING]
    tag = _common(tags, _STEADY if whole else _LEAST_TAGS)
    return Evidence(location, scale, before, float((here[0] - there[0]) / count), late, tag)


def _common(tags: np.ndarray, least: int) -> int:
    """The most frequent tag, of another kind than SHIFTED if its column has one often enough; 0: none is."""
    count = Counter(tags[tags != 0].tolist())
    often = [tag for tag, n in count.most_common() if n >= least]
    of_column = [tag for tag in often if tag // 4 == often[0] // 4]
    return next((tag for tag in of_column if tag % 4 != SHIFTED), often[0] if often else 0)
