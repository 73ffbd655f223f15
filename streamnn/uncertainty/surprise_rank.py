"""Surprise as a p-value: its rank among the recent past."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..errors import SpecError
from ..stage import Stage
from ..types import EXPIRE, LEARN, OBSERVE
from ._window import Window, below, room, slide


@kernel
def _scan(op, surprise, window: Window, learnt, p):
    ring, order, taken = window
    for e in range(len(op)):
        if op[e] == LEARN:
            learnt[0] += 1
        elif op[e] != EXPIRE:
            n = min(taken[0], len(ring))
            p[e] = (1.0 + n - below(order, n, surprise[e])) / (n + 1.0)
            if op[e] == OBSERVE and learnt[0] > 0:
                slide(window, surprise[e])


class SurpriseRank(Stage):
    """How often the last events were as surprising as this one.

    With n events in the window, p = (1 + how many of them are at least as surprising) / (n + 1). If the events of
    the window and this one could be exchanged, P(p <= a) <= a for every a: the conformal p-value. On a stream
    that moves it is calibrated against the recent past. Ties count against surprise, so nothing is drawn at random.
    About .15 us an event.

    Parameters
    ----------
    window : int, default 1024
        Events compared with; a p-value is never below 1 / (window + 1). Those before the first label are not kept.

    Raises
    ------
    SpecError
        When the window is empty.

    References
    ----------
    Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> rank = SurpriseRank()
    >>> _ = rank.scan(np.int8([LEARN] + [OBSERVE] * 999), np.arange(1000.0))
    >>> rank.scan(np.int8([OBSERVE] * 3), np.array([5.5, 900.5, 5000.0])).round(3).tolist()
    [0.995, 0.1, 0.001]
    """

    def __init__(self, window: int = 1024) -> None:
        if window < 1:
            raise SpecError(f"window: {window!r} must be a number of events, at least 1")
        super().__init__("surprise_rank")
        self.s = {**room(int(window)), "learnt": np.zeros(1, np.int64)}

    def scan(self, op: np.ndarray, surprise: np.ndarray) -> np.ndarray:
        """P-values of the operations that observe or look, 0 elsewhere.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
            Only OBSERVE adds to the window.
        surprise : ndarray of float64, shape (m,)

        Returns
        -------
        ndarray of float64, shape (m,)
        """
        p = np.zeros(len(op))
        s = self.s
        _scan(op, surprise, Window(s["ring"], s["order"], s["taken"]), s["learnt"], p)
        return p
