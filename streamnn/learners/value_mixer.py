"""Exponential weights on the absolute error over members and stackers, for number targets."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import njit_options
from .._math import exp64
from ..stage import Stage

FORGETS = (0.999, 0.9999)
"""Forgetting of the least-squares stackers."""
SHARE = 0.0005


@njit(**njit_options)
def _centred(p, s, M, x):
    mean = 0.0
    for m in range(M):
        v = np.float64(p[s, m, 0])
        x[m] = v if np.isfinite(v) else 0.0  # a member that broke says the mean
        mean += x[m] / M
    for m in range(M):
        x[m] -= mean
    return mean


@njit(**njit_options)
def _scan(
    op, slot, y, weight, forgets, cov, w, v, stale, count, error, p, expert, scale, forecast, clock, at, book
):
    M, S = p.shape[1], len(forgets)
    N = M + S
    x, g = np.zeros(M), np.zeros(M)
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        m0, sd = scale[s, 0], scale[s, 1]
        mean = _centred(p, s, M, x)
        if op[e] != 1:
            for m in range(M):
                expert[s, m] = x[m] + mean
            for k in range(S):
                q = mean
                for m in range(M):
                    q += w[k, m] * x[m]
                expert[s, M + k] = min(max(q, -6.0), 6.0)
            q = 0.0
            for i in range(N):
                q += v[i] * expert[s, i]
            forecast[s] = m0 + sd * q
            clock[s] = count[0]
            continue
        t = (y[e] - m0) / sd
        late = count[0] - clock[s] + 1.0
        a = count[0] + 1
        stale[0] += max(0.01, 1.0 / a) * (late - stale[0])
        eta = min(1.0, 1.0 / stale[0] + 4.0 / a) * weight[e]
        share = SHARE / stale[0]
        q = (forecast[s] - m0) / sd
        total = 0.0
        book[e, at + N] = abs(forecast[s] - y[e])
        for i in range(N):
            l = abs(expert[s, i] - t)
            book[e, at + i] = l * sd
            v[i] *= exp64(-eta * min(l / error[0], 20.0))
            total += v[i]
        for i in range(N):
            v[i] = (1.0 - share) * v[i] / total + share / N
            book[e, at + N + 1 + i] = v[i]
        error[0] = max(error[0] + max(0.002, 1.0 / (a + 1)) * (min(abs(q - t), 10.0) - error[0]), 1e-6)
        for k in range(S):
            d = t - mean
            for m in range(M):
                d -= w[k, m] * x[m]
            d = min(max(d, -4.0 * error[0]), 4.0 * error[0]) * weight[e]
            den, trace = forgets[k], 0.0
            for i in range(M):
                g[i] = 0.0
            for i in range(M):
                for j in range(M):
                    g[j] += cov[k, i, j] * x[i]
                trace += cov[k, i, i]
            for i in range(M):
                den += x[i] * g[i]
            grow = 1.0 / forgets[k] if trace < M else 1.0
            for i in range(M):
                w[k, i] += d * g[i] / den
                for j in range(M):
                    cov[k, i, j] = (cov[k, i, j] - (g[i] * g[j]) / den) * grow
        count[0] += 1


class ValueMixer(Stage):
    """The pool's point prediction.

    Stackers are least squares on the members' deviations from their mean. Exponential weights with fixed share
    run on |error| over the running error; late labels slow them as in :class:`streamnn.learners.mixer.Mixer`.
    """

    regret_bound = float("inf")

    def __init__(self, members: int):
        super().__init__("mixer")
        S = len(FORGETS)
        self.experts = members + S
        self._forgets = np.array(FORGETS)
        self.s = {
            "cov": np.tile(np.eye(members), (S, 1, 1)),
            "w": np.zeros((S, members)),
            "v": np.full(self.experts, 1.0 / self.experts),
            "stale": np.ones(1),
            "count": np.zeros(1, np.int64),
            "error": np.full(1, 0.5),
        }

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        store: dict[str, np.ndarray],
        at: int,
        book: np.ndarray,
    ) -> None:
        """Mix at OBSERVE into ``store["forecast"]``; learn at LEARN and fill the book from column `at` on."""
        s = self.s
        _scan(
            op,
            slot,
            y,
            weight,
            self._forgets,
            s["cov"],
            s["w"],
            s["v"],
            s["stale"],
            s["count"],
            s["error"],
            store["p"],
            store["expert"],
            store["scale"],
            store["forecast"],
            store["clock"],
            at,
            book,
        )
