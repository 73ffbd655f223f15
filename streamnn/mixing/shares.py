"""Exponential weights with fixed share, where the share is learnt too."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..regret.bounds import fixed_share_bound, interval_bound

SHARES = (0.00005, 0.0005, 0.005)
"""Rates of fixed share (Herbster and Warmuth 1998, Tracking the best expert): the part of its weight that
each expert gives up at a label, and that all experts get by their prior. Three rates, for experts that are
best for about 20,000, 2,000 and 200 labels on end; weights over the rates find the best of them
(docs/decisions.md, "The fixed share is learnt")."""
STALENESS_STEP = 0.01
"""Least step of the running mean of the staleness, a label; before 100 labels it is their plain mean."""


@leaf
def rate_under_delay(stale, late, labels):
    """Rate of exponential weights at label number `labels`, after `stale`, shape (1,), has followed `late`.

    `late` is how many labels came between the event and its own, itself included, and the staleness d the
    running mean of that. The rate is 1/d + 1/sqrt(labels d), at most 1: the anytime rate under delay
    (Joulani, György and Szepesvári 2013; docs/decisions.md, "The mixer's prior is not flat").
    """
    stale[0] += max(STALENESS_STEP, 1.0 / labels) * (late - stale[0])
    return min(1.0, 1.0 / stale[0] + 1.0 / np.sqrt(labels * stale[0]))


@leaf
def share_out(gain, prior, slow, v, rate, weights):
    """One label: weights of the experts and of the shares learn the likelihoods `gain`.

    `v`, shape (shares, experts), are the experts' weights under each share, `rate`, shape (shares,), the
    weights of the shares, and `weights`, shape (experts,), receives the mixture of both. Shares are divided
    by `slow`.
    """
    K, N = v.shape
    all_ = 0.0
    for k in range(K):
        total = 0.0
        for i in range(N):
            v[k, i] *= gain[i]
            total += v[k, i]
        if not 0.0 < total < np.inf:  # weights that broke begin again
            total = 0.0
            for i in range(N):
                v[k, i] = prior[i]
                total += prior[i]
        a = SHARES[k] / slow
        keep = (1.0 - a) / total
        for i in range(N):
            v[k, i] = keep * v[k, i] + a * prior[i]
        rate[k] = rate[k] * total if 0.0 < rate[k] < np.inf else total / K
        all_ += rate[k]
    for i in range(N):
        weights[i] = 0.0
    a = SHARES[0] / slow  # the weights of the shares share too, so that no past is too long to turn from
    for k in range(K):
        rate[k] = (1.0 - a) * rate[k] / all_ + a / K
        for i in range(N):
            weights[i] += rate[k] * v[k, i]


def shares_state(prior: np.ndarray) -> dict[str, np.ndarray]:
    """What :func:`share_out` keeps: weights by share, weights of the shares, and the mixture."""
    return {
        "v": np.tile(prior, (len(SHARES), 1)),
        "rate": np.full(len(SHARES), 1.0 / len(SHARES)),
        "weights": prior.copy(),
    }


def shares_bound(n: int, prior: np.ndarray, switches: int, scale: float = 1.0) -> float:
    """Largest regret over n labels to the best sequence of experts with a number of switches.

    It is the regret of the best share, and the price of finding that share.

    Examples
    --------
    >>> prior = np.full(20, 0.05)
    >>> round(shares_bound(10_000, prior, 0), 2), round(shares_bound(10_000, prior, 5), 2)
    (4.9, 62.16)
    """
    least = min(fixed_share_bound(n, 1.0 / prior.min(), a, switches, scale) for a in SHARES)
    return least + fixed_share_bound(n, len(SHARES), SHARES[0], 0, scale)


def shares_interval_bound(length: int, prior: np.ndarray, scale: float = 1.0) -> float:
    """Largest regret on any interval of `length` labels to the expert that is best there."""
    least = min(interval_bound(length, 1.0 / prior.min(), a, scale) for a in SHARES)
    return least + interval_bound(length, len(SHARES), SHARES[0], scale)
