"""Intervals that hold the target as often as asked, along the stream."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..types import EXPIRE, LEARN
from ._coverage import LEVEL_RATE, Coverage, Levels, note
from ._window import slide

_MOST_DOUBLINGS = 40  # doublings at most, once the widest error seen is not enough


@kernel
def _scan(op, slot, y, centre, deviation, interval, levels: Levels):
    # interval: low, high, centre, deviation; ring: errors in deviations
    miss, level, window, record = levels
    ring, order, taken = window
    for e in range(len(op)):
        s = slot[e]
        if op[e] != LEARN:
            if op[e] == EXPIRE:
                continue
            n = min(taken[0], len(ring))
            m, sd = centre[s], deviation[e]
            interval[s, 2], interval[s, 3] = m, sd
            if n == 0 or not sd > 0.0:
                interval[s, 0], interval[s, 1] = -np.inf, np.inf
                continue
            for side in range(2):
                k = min(int(np.floor(level[side] * (n + 1.0))), n)  # errors of the window that lie beyond
                if k >= 1:
                    q = order[k - 1] if side == 0 else order[n - k]
                else:  # beyond the widest, doubled with every further miss
                    twice = np.float64(np.int64(1) << np.int64(1.0 - min(level[side], 0.0) / LEVEL_RATE))
                    q = order[0] if side == 0 else order[n - 1]
                    q += (q - order[n // 2]) * (twice - 1.0)
                interval[s, side] = m + sd * q
            if interval[s, 0] > interval[s, 1]:
                interval[s, 0] = interval[s, 1] = 0.5 * (interval[s, 0] + interval[s, 1])
            continue
        low, high, sd = interval[s, 0], interval[s, 1], interval[s, 3]
        covered = 1.0 if low <= y[e] <= high else 0.0
        note(covered, high - low if high < np.inf else 0.0, record)
        level[0] += LEVEL_RATE * (miss - (1.0 if y[e] < low else 0.0))
        level[1] += LEVEL_RATE * (miss - (1.0 if y[e] > high else 0.0))
        for side in range(2):
            level[side] = min(max(level[side], -LEVEL_RATE * _MOST_DOUBLINGS), 1.0)
        if sd > 0.0:
            slide(window, (y[e] - interval[s, 2]) / sd)


class PredictionIntervals(Coverage):
    """A low and a high end that targets rarely pass, by adaptive conformal prediction.

    The ends are quantiles of the last 1024 errors, each in units of the deviation forecast for its event, times the
    deviation forecast for this one: wide where the noise is. Either end keeps its own level a, half of the share
    that may be missed, which moves with every target: a <- a + .005 (miss wanted - miss seen). When a falls below
    what 1024 errors can say, the widest error is doubled with every further miss. So the share of targets missed
    comes to the one wanted on any sequence. About .3 us an event.

    Parameters
    ----------
    coverage : float, default .9
        Share of the targets that the intervals shall hold.

    Raises
    ------
    SpecError
        When the share is below .5 or not below 1.

    References
    ----------
    Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.types import LEARN, OBSERVE
    >>> y = np.random.default_rng(0).standard_normal(4000)
    >>> intervals = PredictionIntervals(coverage=0.9)
    >>> slot, centre, out = np.arange(4000), np.zeros(4000), np.zeros((4000, 4))
    >>> op, twice = np.tile(np.int8([OBSERVE, LEARN]), 4000), slot.repeat(2)
    >>> intervals.scan(op, twice, y[twice], centre, np.ones(8000), out)
    >>> round(intervals.summary()["covered"], 2), out[-1, :2].round().tolist()
    (0.9, [-2.0, 2.0])
    """

    unit = "width"

    def __init__(self, coverage: float = 0.9) -> None:
        super().__init__("prediction_intervals", coverage, 2)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        centre: np.ndarray,
        deviation: np.ndarray,
        interval: np.ndarray,
    ) -> None:
        """Draw intervals where events are observed; learn from targets.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
        slot : ndarray of int64, shape (m,)
        y : ndarray of float64, shape (m,)
        centre : ndarray of float64, shape (slots,)
            Forecast.
        deviation : ndarray of float64, shape (m,)
            Its standard deviation, at operations that observe.
        interval : ndarray of float64, shape (slots, 4)
            Receives low, high, centre and deviation; infinite ends while nothing is known.
        """
        _scan(op, slot, y, centre, deviation, interval, self._levels())
