"""Two mixtures for number targets: one for squared error with a proven bound, one for absolute error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf
from ..features.targets import TARGET_LIMIT
from ..stage import Stage, gathered
from ..types import EXPIRE, LEARN
from .shares import rate_under_delay, share_out, shares_bound, shares_state

STACKER_FADING = (0.999, 0.9999)
"""What remains of the least-squares stackers' memory after each label: one for a world that moves, over about
1,000 labels, and one for a world that stays. No comparison with other values is recorded."""
ABSOLUTE_SHARE = 0.0005
"""Rate of fixed share of the weights for absolute error, divided by the staleness: the middle one of
`shares.SHARES`."""
TARGET_RANGE = 4.0
"""Scaled targets and forecasts are clipped to this where squared loss is mixed, in running deviations
(docs/decisions.md, "Squared loss is mixed by the aggregating algorithm")."""
FORECAST_RANGE = TARGET_LIMIT
"""A member's forecast is clipped to this, in running deviations: as targets are where members learn them."""
STACKED_RANGE = 6.0
"""The stackers' forecasts are clipped to this, in running deviations."""
MOST_ERRORS = 20.0
"""An expert's absolute error counts as at most so many running mean errors of the pool."""
RESIDUAL_ERRORS = 4.0
"""A stacker learns from a residual of at most so many running mean errors: an outlier moves it little."""
ERROR_STEP, SMALLEST_ERROR, LARGEST_ERROR = 0.002, 1e-6, 10.0
"""Least step of the pool's running mean absolute error, a label; its least value; and the most that one error
counts, in running deviations."""
FIRST_ERROR = 0.5
"""The pool's mean absolute error before the first label. No comparison with other values is recorded."""
MIXABILITY = 2.0 * TARGET_RANGE * TARGET_RANGE
"""Squared loss on [-B, B] is mixable with scale c = 2 B^2 (Vovk 2001, Competitive on-line statistics)."""


class ValueMixerState(NamedTuple):
    """What the mixer of numbers is made of: M members, S stackers, N = M + S experts."""

    prior: np.ndarray  # (N,), fixed
    labels: np.ndarray  # (1,), int64: labels learnt
    # least squares on the members' deviations from their mean
    cov: np.ndarray  # (S, M, M): inverse curvature
    w: np.ndarray  # (S, M)
    # fixed share for squared error: see `share_out`
    u: np.ndarray  # (shares, N)
    rate: np.ndarray  # (shares,)
    weights: np.ndarray  # (N,)
    v: np.ndarray  # (N,): weights for absolute error
    # (1,): running mean of how many labels came between an event and its own, itself included
    stale: np.ndarray
    error: np.ndarray  # (1,): running mean absolute error, in scaled units
    unproven: np.ndarray  # (1,), int64: labels that were late or had weights


class ValueMixerPending(NamedTuple):
    """What the mixer of numbers reads and writes of pending events; the first axis of each is the slot."""

    p: np.ndarray  # (slots, M, 1), float32: what members say, scaled
    expert: np.ndarray  # (slots, N): what experts say, scaled
    scale: np.ndarray  # (slots, 3): location and scale of the target when the event came
    forecast: np.ndarray  # (slots, 2): for absolute error, in the target's units; for squared error, scaled
    clock: np.ndarray  # (slots,), int64: labels learnt when the event came


@leaf
def _clipped(x):
    return min(max(x, -TARGET_RANGE), TARGET_RANGE)


@leaf
def _centred(p, s, M, scaling, shift, x):
    # what members say in other units, less their mean, which is returned
    mean = 0.0
    for m in range(M):
        v = np.float64(p[s, m, 0])
        v = v * scaling + shift if np.isfinite(v) else shift  # a member that broke says the mean
        x[m] = min(max(v, -FORECAST_RANGE), FORECAST_RANGE)
        mean += x[m] / M
    for m in range(M):
        x[m] -= mean
    return mean


@leaf
def _aggregate(expert, s, weights):
    # the aggregating algorithm's forecast: no worse than the mixed loss at either end, so nowhere
    low, high = 0.0, 0.0
    for i in range(len(weights)):
        e = _clipped(expert[s, i])
        low += weights[i] * exp64(-(e + TARGET_RANGE) * (e + TARGET_RANGE) / MIXABILITY)
        high += weights[i] * exp64(-(e - TARGET_RANGE) * (e - TARGET_RANGE) / MIXABILITY)
    return _clipped(MIXABILITY * (log64(high) - log64(low)) / (4.0 * TARGET_RANGE))


@kernel
def _scan(op, slot, y, weight, unit, state: ValueMixerState, pending: ValueMixerPending, at, losses):
    prior, cov, w, u, rate, weights = state.prior, state.cov, state.w, state.u, state.rate, state.weights
    v, stale, count, error, unproven = state.v, state.stale, state.labels, state.error, state.unproven
    p, expert, scale = pending.p, pending.expert, pending.scale
    forecast, clock = pending.forecast, pending.clock
    M, S = p.shape[1], len(STACKER_FADING)
    N = M + S
    x, g, gain = np.zeros(M), np.zeros(M), np.zeros(N)
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        m0, sd = scale[s, 0], scale[s, 1]
        if op[e] != LEARN:
            mean = _centred(p, s, M, 1.0, 0.0, x)
            for m in range(M):
                expert[s, m] = x[m] + mean
            for k in range(S):
                q = mean
                for m in range(M):
                    q += w[k, m] * x[m]
                expert[s, M + k] = min(max(q, -STACKED_RANGE), STACKED_RANGE) if np.isfinite(q) else mean
            q = 0.0
            for i in range(N):
                q += v[i] * expert[s, i]
            forecast[s, 0] = m0 + sd * (q if np.isfinite(q) else mean)
            q = _aggregate(expert, s, weights)
            forecast[s, 1] = q if np.isfinite(q) else _clipped(mean)
            clock[s] = count[0]
            continue
        # all in today's units; with labels at once they are those of the prediction
        scaling, shift = sd / unit[e, 1], (m0 - unit[e, 0]) / unit[e, 1]
        t = (y[e] - unit[e, 0]) / unit[e, 1]
        c = _clipped(t)
        mean = _centred(p, s, M, scaling, shift, x)
        late = count[0] - clock[s] + 1.0
        a = count[0] + 1
        eta = rate_under_delay(stale, late, a) * weight[e]
        share = ABSOLUTE_SHARE / stale[0]
        if not 0.0 < error[0] < np.inf:
            error[0] = FIRST_ERROR
        q = (forecast[s, 0] - unit[e, 0]) / unit[e, 1]
        total = 0.0
        d = _clipped(forecast[s, 1] * scaling + shift) - c
        losses[e, at + N] = d * d
        for i in range(N):
            z = expert[s, i] * scaling + shift
            d = _clipped(z) - c
            losses[e, at + i] = d * d
            gain[i] = exp64(-eta * d * d / MIXABILITY)
            v[i] *= exp64(-eta * min(abs(z - t) / error[0], MOST_ERRORS))
            total += v[i]
        share_out(gain, prior, stale[0], u, rate, weights)
        if not 0.0 < total < np.inf:  # weights that broke begin again
            v[:] = 1.0
            total = np.float64(N)
        for i in range(N):
            v[i] = (1.0 - share) * v[i] / total + share / N
            losses[e, at + N + 1 + i] = weights[i]
        if eta != 1.0 or late != 1.0:
            unproven[0] += 1  # the bound is proven for rate 1 and labels at once only
        error[0] = max(
            error[0] + max(ERROR_STEP, 1.0 / (a + 1)) * (min(abs(q - t), LARGEST_ERROR) - error[0]),
            SMALLEST_ERROR,
        )
        for k in range(S):
            d = t - mean
            for m in range(M):
                d -= w[k, m] * x[m]
            d = min(max(d, -RESIDUAL_ERRORS * error[0]), RESIDUAL_ERRORS * error[0]) * weight[e]
            den, trace = STACKER_FADING[k], 0.0
            # recursive least squares; `stackers.newton_step` says why not those of `members.least_squares`
            for i in range(M):
                g[i] = 0.0
            for i in range(M):
                for j in range(M):
                    g[j] += cov[k, i, j] * x[i]
                trace += cov[k, i, i]
            for i in range(M):
                den += x[i] * g[i]
            if not (den > 0.0 and abs(d) + trace + den < np.inf):  # it broke, and begins again
                w[k, :] = 0.0
                cov[k, :, :] = 0.0
                for i in range(M):
                    cov[k, i, i] = 1.0
                continue
            grow = 1.0 / STACKER_FADING[k] if trace < M else 1.0
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

          loss(pool) <= loss(any expert i) + 2 B^2 (ln 1/prior_i - n ln(1 - share) + ln K - n ln(1 - least
          share));

    - exponential weights on |error| over the running error: the forecast for absolute error.

    Late labels slow both as in :class:`streamnn.mixing.mixer.Mixer`; then the bound is not proven.
    """

    def __init__(self, members: int):
        super().__init__("mixer")
        S = len(STACKER_FADING)
        self.experts = members + S
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
            "error": np.full(1, FIRST_ERROR),
            "unproven": np.zeros(1, np.int64),
        }

    stackers = tuple(f"stack-{s:g}" for s in STACKER_FADING)

    def grow(self, values: int) -> None:
        """A number is one value wide for ever."""

    def make_room(self, op: np.ndarray) -> bool:
        """Nothing here waits for a label."""
        return False

    @property
    def regret_bound(self) -> float:
        """Largest regret in squared loss to any expert, in scaled units; infinite once labels came late."""
        return self.bound(0)

    def bound(self, switches: int) -> float:
        """The same to the best sequence of experts with a number of switches."""
        if self.s["unproven"][0]:
            return float("inf")
        return shares_bound(max(int(self.s["count"][0]), 1), self.prior, switches, MIXABILITY)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        unit: np.ndarray,
        store: dict[str, np.ndarray],
        at: int,
        losses: np.ndarray,
    ) -> None:
        """Mix at OBSERVE into ``store["forecast"]``; learn at LEARN, and write `losses` from column `at`."""
        state, pending = (
            gathered(ValueMixerState, self.s, self.prior, self.s["count"]),
            gathered(ValueMixerPending, store),
        )
        _scan(op, slot, y, weight, unit, state, pending, at, losses)
