"""Two mixtures for number targets: one for squared error with a proven bound, one for absolute error."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf_options
from ..stage import Stage
from .shares import SHARES, share_out, shares_bound, shares_state

FORGETS = (0.999, 0.9999)
"""Forgetting of the least-squares stackers."""
SHARE = 0.0005
"""Of the weights for absolute error."""
RANGE = 4.0
"""Scaled targets and forecasts are clipped to this where squared loss is mixed."""
RATE = 2.0 * RANGE * RANGE
"""Squared loss on [-B, B] is mixable with c = 2 B^2 (Vovk 2001)."""


@njit(**leaf_options)
def _clipped(x):
    return min(max(x, -RANGE), RANGE)


@njit(**leaf_options)
def _centred(p, s, M, x):
    mean = 0.0
    for m in range(M):
        v = np.float64(p[s, m, 0])
        x[m] = v if np.isfinite(v) else 0.0  # a member that broke says the mean
        mean += x[m] / M
    for m in range(M):
        x[m] -= mean
    return mean


@njit(**leaf_options)
def _aggregate(expert, s, weights):
    # the aggregating algorithm's forecast: no worse than the mixed loss at either end, so nowhere
    low, high = 0.0, 0.0
    for i in range(len(weights)):
        e = _clipped(expert[s, i])
        low += weights[i] * exp64(-(e + RANGE) * (e + RANGE) / RATE)
        high += weights[i] * exp64(-(e - RANGE) * (e - RANGE) / RATE)
    return _clipped(RATE * (log64(high) - log64(low)) / (4.0 * RANGE))


@kernel
def _scan(
    op,
    slot,
    y,
    weight,
    unit,
    forgets,
    prior,
    cov,
    w,
    u,
    rate,
    weights,
    shares,
    v,
    stale,
    count,
    error,
    unproven,
    p,
    expert,
    scale,
    forecast,
    clock,
    at,
    book,
):
    M, S = p.shape[1], len(forgets)
    N = M + S
    x, g, gain = np.zeros(M), np.zeros(M), np.zeros(N)
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
            forecast[s, 0] = m0 + sd * q
            forecast[s, 1] = _aggregate(expert, s, weights)
            clock[s] = count[0]
            continue
        # all in today's units; with labels at once they are those of the prediction
        scaling, shift = sd / unit[e, 1], (m0 - unit[e, 0]) / unit[e, 1]
        t = (y[e] - unit[e, 0]) / unit[e, 1]
        c = _clipped(t)
        for m in range(M):
            x[m] *= scaling
        mean = mean * scaling + shift
        late = count[0] - clock[s] + 1.0
        a = count[0] + 1
        stale[0] += max(0.01, 1.0 / a) * (late - stale[0])
        eta = min(1.0, 1.0 / stale[0] + 1.0 / np.sqrt(a * stale[0])) * weight[e]
        share = SHARE / stale[0]
        q = (forecast[s, 0] - unit[e, 0]) / unit[e, 1]
        total = 0.0
        d = _clipped(forecast[s, 1] * scaling + shift) - c
        book[e, at + N] = d * d
        for i in range(N):
            z = expert[s, i] * scaling + shift
            d = _clipped(z) - c
            book[e, at + i] = d * d
            gain[i] = exp64(-eta * d * d / RATE)
            v[i] *= exp64(-eta * min(abs(z - t) / error[0], 20.0))
            total += v[i]
        share_out(gain, shares, prior, stale[0], u, rate, weights)
        for i in range(N):
            v[i] = (1.0 - share) * v[i] / total + share / N
            book[e, at + N + 1 + i] = weights[i]
        if eta != 1.0 or late != 1.0:
            unproven[0] += 1  # the bound is proven for rate 1 and labels at once only
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
    """The pool's forecasts of a number.

    Stackers are least squares on the members' deviations from their mean. Over members and stackers run

    - the aggregating algorithm for squared loss (Vovk 2001) with fixed share, on clipped targets in units of
      their running scale: the forecast of the mean. With labels at once, on every sequence,

          loss(pool) <= loss(any expert i) + 2 B^2 (ln 1/prior_i - n ln(1 - share) + ln K - n ln(1 - least share));

    - exponential weights on |error| over the running error: the forecast for absolute error.

    Late labels slow both as in :class:`streamnn.mixing.mixer.Mixer`; then the bound is not proven.
    """

    def __init__(self, members: int):
        super().__init__("mixer")
        S = len(FORGETS)
        self.experts = members + S
        self._forgets, self._shares = np.array(FORGETS), np.array(SHARES)
        # half of the prior is the stackers'
        self.prior = np.concatenate([np.full(members, 0.5 / members), np.full(S, 0.5 / S)])
        sums = shares_state(self.prior)
        self.s = {
            "cov": np.tile(np.eye(members), (S, 1, 1)),
            "w": np.zeros((S, members)),
            "u": sums["v"],
            "rate": sums["rate"],
            "weights": sums["weights"],
            "v": np.full(self.experts, 1.0 / self.experts),
            "stale": np.ones(1),
            "count": np.zeros(1, np.int64),
            "error": np.full(1, 0.5),
            "unproven": np.zeros(1, np.int64),
        }

    stackers = tuple(f"stack-{s:g}" for s in FORGETS)

    def grow(self, values: int) -> None:
        """A number is one value wide for ever."""

    def make_room(self, op: np.ndarray) -> bool:
        """Nothing here waits for a label."""
        return False

    @property
    def regret_bound(self) -> float:
        """What the pool's squared loss may exceed any expert's by, in scaled units; infinite once labels came late."""
        return self.bound(0)

    def bound(self, switches: int) -> float:
        """The same to the best sequence of experts with so many switches."""
        if self.s["unproven"][0]:
            return float("inf")
        return shares_bound(max(int(self.s["count"][0]), 1), self.prior, switches, RATE)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        unit: np.ndarray,
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
            unit,
            self._forgets,
            self.prior,
            s["cov"],
            s["w"],
            s["u"],
            s["rate"],
            s["weights"],
            self._shares,
            s["v"],
            s["stale"],
            s["count"],
            s["error"],
            s["unproven"],
            store["p"],
            store["expert"],
            store["scale"],
            store["forecast"],
            store["clock"],
            at,
            book,
        )
