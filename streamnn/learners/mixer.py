"""Exponential weights with learnt fixed share over members and stackers of them, for late labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from .._jit import kernel, leaf_options
from .._math import exp64, log32, log64, softmax
from ..stage import Stage, grown
from .shares import SHARES, share_out, shares_bound, shares_state

f4 = np.float32
STACKERS = (0.001, 0.003, 0.01)
"""Step sizes of the stackers, in units of each weight's running root mean square gradient."""
MEMORY = 500.0
"""Of those mean squares, in labels."""
FLOOR = 1e-7
"""No member's probability of the label counts as less."""


@njit(**leaf_options)
def _stack(s, k, logs, w, b, o):
    M, C = logs.shape[1], logs.shape[2]
    for c in range(C):
        x = b[k, c]
        for m in range(M):
            x += w[k, m] * logs[s, m, c]
        o[c] = x
    softmax(o)


@njit(**leaf_options)
def _logs32(x):
    # loops over one array by itself: they run in lanes
    for i in range(len(x)):
        x[i] = log32(x[i])


@njit(**leaf_options)
def _logs64(x):
    for i in range(len(x)):
        x[i] = log64(x[i])


@njit(**leaf_options)
def _follow(w, w_2, k, g, rate, step):
    for m in range(len(g)):
        w_2[k, m] += rate * (g[m] * g[m] - w_2[k, m])
    for m in range(len(g)):
        w[k, m] -= step * g[m] / (np.sqrt(w_2[k, m]) + f4(1e-3))


@kernel
def _scan(
    op,
    slot,
    y,
    weight,
    open_,
    steps,
    prior,
    w,
    w_2,
    b,
    v,
    rate,
    weights,
    shares,
    stale,
    count,
    unproven,
    p,
    logs,
    expert,
    mixed,
    reserve,
    clock,
    at,
    book,
):
    M, C, S = p.shape[1], p.shape[2], len(steps)
    N = M + S
    o, g, each, loss = np.zeros(C, f4), np.zeros(M, f4), np.zeros(M * C, f4), np.zeros(N)
    gain = np.zeros(N)
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        if op[e] != 1:
            for m in range(M):
                t = f4(0.0)
                for c in range(C):
                    t += p[s, m, c]
                good = np.isfinite(t) and t > f4(0.5)
                for c in range(C):
                    x = p[s, m, c] if good else f4(1.0) / f4(C)  # a member that broke says nothing
                    expert[s, m, c] = x
                    each[m * C + c] = max(x, f4(1e-4))
            _logs32(each)
            for m in range(M):
                mean = f4(0.0)
                for c in range(C):
                    mean += each[m * C + c]
                mean /= f4(C)
                for c in range(C):
                    logs[s, m, c] = each[m * C + c] - mean
            for k in range(S):
                _stack(s, k, logs, w, b, o)
                for c in range(C):
                    expert[s, M + k, c] = o[c]
            for c in range(C):
                q = 0.0
                for i in range(N):
                    q += weights[i] * max(np.float64(expert[s, i, c]), FLOOR)
                mixed[s, c] = q
            # kept back for a class never seen so far, which grows less likely with every label
            reserve[s, 0] = 1.0 / ((count[0] + 1.0) * (count[0] + 2.0)) if open_ else 0.0
            reserve[s, 1] = C
            clock[s] = count[0]
            continue
        a = count[0] + 1
        late = count[0] - clock[s] + 1.0
        stale[0] += max(0.01, 1.0 / a) * (late - stale[0])
        eta = min(1.0, 1.0 / stale[0] + 1.0 / np.sqrt(a * stale[0])) * weight[e]
        unseen = y[e] - np.int64(
            reserve[s, 1]
        )  # this was a class of which nobody could know: says nothing of anyone
        if unseen >= 0:
            kept = -log64(max(reserve[s, 0] / np.float64(np.int64(1) << min(unseen + 1, 30)), FLOOR))
        else:
            kept = -log64(1.0 - reserve[s, 0])
            book[e, at + N] = -log64(max(np.float64(mixed[s, y[e]]), FLOOR))
        for i in range(N):
            loss[i] = max(np.float64(expert[s, i, y[e]]), FLOOR) if unseen < 0 else 1.0
            gain[i] = loss[i]
        _logs64(loss)
        for i in range(N):
            if eta != 1.0:
                gain[i] = exp64(eta * loss[i])
            book[e, at + i] = kept - loss[i]
        share_out(gain, shares, prior, stale[0], v, rate, weights)
        book[e, at + N] += kept
        for i in range(N):
            book[e, at + N + 1 + i] = weights[i]
        if eta != 1.0 or late != 1.0:
            unproven[0] += 1  # the bound is proven for rate 1 and labels at once only
        root = np.sqrt(stale[0])
        for k in range(S if unseen < 0 else 0):
            if late == 1.0:  # nothing has moved since
                for c in range(C):
                    o[c] = expert[s, M + k, c]
            else:
                _stack(s, k, logs, w, b, o)
            o[y[e]] -= f4(1.0)
            step = f4(steps[k] / root) * weight[e]
            for m in range(M):
                x = f4(0.0)
                for c in range(C):
                    x += o[c] * logs[s, m, c]
                g[m] = x
            _follow(w, w_2, k, g, max(f4(1.0 / MEMORY), f4(1.0) / f4(a)), step)
            for c in range(C):
                b[k, c] -= step * f4(0.1) * o[c]
        count[0] += 1


class Mixer(Stage):
    """The pool's prediction (Uziel 2020, with log loss, which is mixable).

    Stackers mix the members in the logit space. Exponential weights with fixed share run over members *and*
    stackers, so that with labels at once, on every sequence,

        loss(pool) <= loss(any expert i) + ln 1/prior_i - n ln(1 - share) + ln K - n ln(1 - least share),

    for each of K shares: weights run for all of them, and weights of the shares find the best.

    Unless the classes are `closed`, a share 1 / ((n + 1) (n + 2)) after n labels is kept back for classes never
    seen, halved from one to the next; it costs less than a nat in all and is the same for every expert.

    Late labels slow the weights by the measured staleness d: at label a rate 1/d + 1/sqrt(a d), the anytime rate under
    delay (Joulani et al. 2013), shares/d, stackers' steps / sqrt(d). Then the bound is not proven.

    Parameters
    ----------
    members, classes : int
    closed : bool
        No other classes will come.
    odds : sequence of float
        Prior odds of the members and then of the stackers; all alike if none are given.
    """

    def __init__(self, members: int, classes: int, closed: bool = False, odds: Sequence[float] = ()):
        super().__init__("mixer")
        self._open = not closed
        S = len(STACKERS)
        self.experts = members + S
        self._steps, self._shares = np.array(STACKERS), np.array(SHARES)
        weights = np.array(odds if len(odds) else [1.0] * self.experts)
        self.prior = weights / weights.sum()
        self.s = {
            "w": np.full((S, members), min(1.0, 2.0 / members), f4),
            "w_2": np.zeros((S, members), f4),
            "b": np.zeros((S, classes), f4),
            **shares_state(self.prior),
            "stale": np.ones(1),
            "count": np.zeros(1, np.int64),
            "unproven": np.zeros(1, np.int64),
        }

    def grow(self, classes: int) -> None:
        """Make room for classes."""
        self.s["b"] = grown(self.s["b"], len(STACKERS), classes)

    @property
    def regret_bound(self) -> float:
        """What the pool's loss may exceed its best expert's by, in nats; infinite once labels came late."""
        return self.bound(0)

    def bound(self, switches: int) -> float:
        """The same to the best sequence of experts with so many switches."""
        if self.s["unproven"][0]:
            return float("inf")
        return shares_bound(max(int(self.s["count"][0]), 1), self.prior, switches)

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
        """Mix at OBSERVE into ``store["mixed"]``; learn at LEARN.

        From column `at` on, `book` receives the losses of the experts and of the pool, then the experts' weights.
        """
        s = self.s
        _scan(
            op,
            slot,
            y,
            weight,
            self._open,
            self._steps,
            self.prior,
            s["w"],
            s["w_2"],
            s["b"],
            s["v"],
            s["rate"],
            s["weights"],
            self._shares,
            s["stale"],
            s["count"],
            s["unproven"],
            store["p"],
            store["logs"],
            store["expert"],
            store["mixed"],
            store["reserve"],
            store["clock"],
            at,
            book,
        )
