"""Recursive least squares with forgetting, on a piece of the row."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import njit_options
from ..stage import Stage

FORGET = 0.9998
RIDGE = 1.0
MOST = 160
"""Inputs beyond this are left out: the cost is quadratic."""


@njit(**njit_options)
def _scan(op, slot, target, weight, at, member, cov, w, alive, trace, rows, p):
    H = len(w)
    x, g = np.zeros(H), np.zeros(H)
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        o = w[H - 1]
        for i in range(H - 1):
            x[i] = rows[s, at + i]
            o += w[i] * x[i]
        x[H - 1] = 1.0
        if op[e] != 1:
            p[s, member, 0] = min(max(o, -5.0), 5.0)
            continue
        n = 0
        for j in range(H):
            g[j] = 0.0
            if (
                not alive[j] and x[j] != 0.0
            ):  # an input counts from its first value on, so growth leaves no trace
                alive[j] = True
                trace[0] += cov[j, j]
            n += alive[j]
        for i in range(H):
            v = x[i]
            if v != 0.0:
                for j in range(H):
                    g[j] += v * cov[i, j]
        den = FORGET / max(np.float64(weight[e]), 1e-6)
        for j in range(H):
            den += x[j] * g[j]
        r = 1.0 / den
        grow = min(1.0, n / (RIDGE * trace[0])) / FORGET  # the trace is held at its start
        t = 0.0
        for i in range(H):
            if not alive[i]:
                continue
            for j in range(H):
                cov[i, j] = (cov[i, j] - (g[i] * g[j]) * r) * grow  # symmetric to the last bit
            t += cov[i, i]
        trace[0] = t
        d = (min(max(np.float64(target[e]), -5.0), 5.0) - o) * r
        for j in range(H):
            w[j] += d * g[j]


class LeastSquares(Stage):
    """A linear member that needs no step size.

    Parameters
    ----------
    inputs : int
    member : int
        Its place among the pool's predictions.
    """

    def __init__(self, inputs: int, member: int):
        super().__init__("least_squares")
        self.member = member
        H = min(inputs, MOST) + 1
        self.s = {
            "cov": np.eye(H) / RIDGE,
            "w": np.zeros(H),
            "alive": np.zeros(H, np.bool_),
            "trace": np.zeros(1),
        }

    def grow(self, columns: np.ndarray, inputs: int) -> None:
        """Make room; `columns` are the new places of the old inputs. Bounded by ``MOST``."""
        s, old = self.s, len(self.s["w"]) - 1
        H = min(inputs, MOST) + 1
        where = columns[:old]
        if old + 1 == H and (where == np.arange(old)).all():
            return
        fits = np.append(where < H - 1, True)
        where = np.append(where, H - 1)[fits]
        cov, w, alive = np.eye(H) / RIDGE, np.zeros(H), np.zeros(H, np.bool_)
        cov[np.ix_(where, where)] = s["cov"][np.ix_(fits, fits)]
        w[where], alive[where] = s["w"][fits], s["alive"][fits]
        trace = 0.0
        for i in np.flatnonzero(alive):
            trace += cov[i, i]
        s["cov"], s["w"], s["alive"], s["trace"] = cov, w, alive, np.full(1, trace)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        start: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan(
            op,
            slot,
            target,
            weight,
            start,
            self.member,
            s["cov"],
            s["w"],
            s["alive"],
            s["trace"],
            store["row"],
            store["p"],
        )
