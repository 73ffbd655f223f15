"""Recursive least squares with forgetting, on a piece of the row."""

from __future__ import annotations

import numpy as np

from .._jit import kernel
from ..stage import Stage, grown

FORGET = 0.9998
RIDGE = 1.0
MOST = 160


@kernel
def _scan(op, slot, target, weight, at, member, cov, w, where, n, trace, rows, p):
    D = len(w)
    x, g = np.zeros(D), np.zeros(D)
    x[0] = 1.0
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        for k in range(1, n[0]):
            x[k] = 0.0
        for i in range(len(where)):
            v = np.float64(rows[s, at + i])
            if v == 0.0:
                continue
            if where[i] < 0 and op[e] == 1 and n[0] < D:  # an input counts from its first value on
                where[i] = n[0]
                cov[n[0], n[0]] = 1.0 / RIDGE
                trace[0] += 1.0 / RIDGE
                n[0] += 1
            if where[i] >= 0:
                x[where[i]] = v
        o = 0.0
        for k in range(n[0]):
            o += w[k] * x[k]
        if op[e] != 1:
            p[s, member, 0] = min(max(o, -5.0), 5.0)
            continue
        H = n[0]
        for j in range(H):
            g[j] = 0.0
        for i in range(H):
            v = x[i]
            if v != 0.0:
                for j in range(H):
                    g[j] += v * cov[i, j]
        den = FORGET / max(np.float64(weight[e]), 1e-6)
        for j in range(H):
            den += x[j] * g[j]
        r = 1.0 / den
        grow = min(1.0, H / (RIDGE * trace[0])) / FORGET  # the trace is held at its start
        t = 0.0
        for i in range(H):
            for j in range(H):
                cov[i, j] = (cov[i, j] - (g[i] * g[j]) * r) * grow  # symmetric to the last bit
            t += cov[i, i]
        trace[0] = t
        d = (min(max(np.float64(target[e]), -5.0), 5.0) - o) * r
        for j in range(H):
            w[j] += d * g[j]


class LeastSquares(Stage):
    """A linear member that needs no step size.

    It takes inputs in the order in which they first have a value, at most 160: the cost is quadratic.

    Parameters
    ----------
    inputs : int
    member : int
        Its place among the pool's predictions.
    """

    def __init__(self, inputs: int, member: int):
        super().__init__("least_squares")
        self.member = member
        D = min(inputs, MOST) + 1
        cov = np.zeros((D, D))
        cov[0, 0] = 1.0 / RIDGE  # the constant
        self.s = {
            "cov": cov,
            "w": np.zeros(D),
            "where": np.full(inputs, -1, np.int64),  # dimension of each input
            "n": np.ones(1, np.int64),
            "trace": np.full(1, 1.0 / RIDGE),
        }

    def grow(self, columns: np.ndarray, inputs: int) -> None:
        """Make room; `columns` are the new places of the old inputs."""
        s = self.s
        if inputs == len(s["where"]):
            return
        where = np.full(inputs, -1, np.int64)
        where[columns] = s["where"]
        D = min(inputs, MOST) + 1
        s["where"], s["cov"], s["w"] = where, grown(s["cov"], D, D), grown(s["w"], D)

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
            s["where"],
            s["n"],
            s["trace"],
            store["row"],
            store["p"],
        )
