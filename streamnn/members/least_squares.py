"""Recursive least squares with forgetting, on a piece of the row."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..stage import Stage, grown

FORGET = 0.9998
RIDGE = 1.0
MOST = 160
LARGEST = 5.0
"""Of weights in today's units, which may become tiny: a target that stood still must not leave them huge."""
_FREE = 2
"""Dimensions that are no input: the constant, and where the first target's mean lies now."""
_REACH = 3.0
"""Prior deviation of their weights: the ridge must not hold them back as it does an input's."""


@kernel
def _scan(
    op,
    slot,
    target,
    weight,
    unit,
    at,
    at_x,
    at_past,
    member,
    cov,
    w,
    where,
    n,
    past,
    trace,
    own,
    rows,
    steady,
    scale,
    p,
):
    D = len(w)
    x, g = np.zeros(D), np.zeros(D)
    x[0] = _REACH
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        for k in range(_FREE, n[0]):
            x[k] = 0.0
        for i in range(len(where)):
            a = at + i
            v = np.float64(steady[s, a - at_x] if at_x <= a < at_past else rows[s, a])
            if v == 0.0:
                continue
            if where[i] < 0 and op[e] == 1 and n[0] < D:  # an input counts from its first value on
                where[i] = n[0]
                past[n[0]] = a >= at_past
                cov[n[0], n[0]] = 1.0 / RIDGE
                trace[0] += 1.0 / RIDGE
                n[0] += 1
            if where[i] >= 0:
                x[where[i]] = v
        H = n[0]
        # weights are in units of the last label, earlier targets in today's, and so is the answer
        m, sd = (unit[e, 0], unit[e, 1]) if op[e] == 1 else (scale[s, 0], scale[s, 1])
        r = own[1] / sd if own[1] > 0.0 else 1.0
        x[1] = _REACH * (own[0] - m) / sd if own[1] > 0.0 else 0.0
        o = 0.0
        for k in range(H):
            o += (w[k] if past[k] else r * w[k]) * x[k]
        if op[e] != 1:
            p[s, member, 0] = min(max(o, -5.0), 5.0)
            continue
        if own[1] == 0.0:
            own[0] = m
        own[1] = sd
        for k in range(H):
            if not past[k]:
                w[k] = min(max(r * w[k], -LARGEST), LARGEST)
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

    Its memory is long, so it must not see units move where the world does not. It reads columns, if not their
    context, in steady units, its weights follow the target's units, and one input says where the first target's mean
    lies in these.
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
        D = min(inputs, MOST) + _FREE
        cov = np.zeros((D, D))
        for k in range(_FREE):
            cov[k, k] = 1.0 / RIDGE
        self.s = {
            "cov": cov,
            "w": np.zeros(D),
            "where": np.full(inputs, -1, np.int64),  # dimension of each input
            "n": np.full(1, _FREE, np.int64),
            "past": np.arange(D) == 1,  # in units of the target
            "trace": np.full(1, _FREE / RIDGE),
            "own": np.zeros(2),  # the target's first mean, and its deviation at the last label
        }

    def grow(self, columns: np.ndarray, inputs: int) -> None:
        """Make room; `columns` are the new places of the old inputs."""
        s = self.s
        if inputs == len(s["where"]):
            return
        where = np.full(inputs, -1, np.int64)
        where[columns] = s["where"]
        D = min(inputs, MOST) + _FREE
        s["where"], s["cov"], s["w"], s["past"] = (
            where,
            grown(s["cov"], D, D),
            grown(s["w"], D),
            grown(s["past"], D),
        )

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        unit: np.ndarray,
        start: int,
        columns: int,
        past: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Predict at OBSERVE, learn at LEARN.

        Of the row it reads what begins at `start`; the columns begin at `columns`, earlier targets at `past`.
        """
        s = self.s
        _scan(
            op,
            slot,
            target,
            weight,
            unit,
            start,
            columns,
            past,
            self.member,
            s["cov"],
            s["w"],
            s["where"],
            s["n"],
            s["past"],
            s["trace"],
            s["own"],
            store["row"],
            store["steady"],
            store["scale"],
            store["p"],
        )
