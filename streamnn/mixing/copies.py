"""Interleaved copies: exponential weights whose bound is proven however late labels come.

Each event takes a copy of the weights that waits for no label, and gives it back, having learnt, with its own
label. So every copy plays a game without delay, and the regret is at most that of one game times the number
of copies, which is the largest number of events that ever waited (Joulani, György and Szepesvári 2013, *Online
learning under delayed feedback*). What they mix is a mixer that is good in practice and its top, with most of
the weight, and its experts.
"""

from __future__ import annotations

import math

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import leaf
from ..regret.bounds import fixed_share_bound, interval_bound
from ..types import LOOK, OBSERVE

TRUST = 0.45
"""Weight that a copy gives the mixer, and the stacker at its top; its experts share the rest by their prior.
It costs ln 2 nats more than .9 for the mixer alone (docs/decisions.md, "Stackers by online Newton steps")."""
COPY_SHARE = 0.0001
"""Rate of fixed share of the copies, a label of a copy's own: no past is too long to turn from (the same
decision; .0005 before)."""


@leaf
def next_copy(free, used):
    """The copy that the next event will take: the one last given back, or a new one."""
    return free[used[1] - 1] if used[1] else used[0]


@leaf
def take_copy(copies, fresh, free, used):
    """Take that copy for an event; there is room for a new one."""
    if used[1]:
        used[1] -= 1
        return free[used[1]]
    k = used[0]
    used[0] += 1
    for i in range(len(fresh)):
        copies[k, i] = fresh[i]
    return k


@leaf
def free_copy(free, used, k):
    """Give copy k back: its event waits no longer."""
    free[used[1]] = k
    used[1] += 1


@leaf
def mixed_by(weights, expert, floor, out):
    """Mixture of the rows of `expert` by the weights of a copy."""
    for c in range(len(out)):
        q = 0.0
        for i in range(len(weights)):
            q += weights[i] * max(np.float64(expert[i, c]), floor)
        out[c] = q


@leaf
def learn_copy(weights, fresh, likelihood, weight):
    """A copy learns what its experts gave to the label; a share goes back to where copies begin."""
    total = 0.0
    for i in range(len(weights)):
        gain = likelihood[i]
        if weight != np.float32(1.0):
            gain = exp64(np.float64(weight) * log64(gain))
        weights[i] *= gain
        total += weights[i]
    if not 0.0 < total < np.inf:  # weights that broke begin again
        total = 0.0
        for i in range(len(weights)):
            weights[i] = fresh[i]
            total += fresh[i]
    keep = (1.0 - COPY_SHARE) / total
    for i in range(len(weights)):
        weights[i] = keep * weights[i] + COPY_SHARE * fresh[i]


def fresh_copy(prior: np.ndarray) -> np.ndarray:
    """Weights that a copy begins with: of experts by their prior, mixer, stacker at its top."""
    return np.append((1.0 - 2.0 * TRUST) * prior, (TRUST, TRUST))


def copies_state(experts: int) -> dict[str, np.ndarray]:
    """Weights of the copies, the free ones, and how many there are and are free."""
    return {
        "copies": np.zeros((1, experts + 2)),
        "free": np.zeros(1, np.int64),
        "used": np.zeros(2, np.int64),
    }


def copies_needed(used: np.ndarray, op: np.ndarray) -> int:
    """How many copies a segment may make use of, and one more for a single event after it."""
    made, free = used.tolist()
    waiting = np.cumsum(np.where(op == OBSERVE, 1, np.where(op == LOOK, 0, -1)))
    return max(made, made - free + int(waiting.max(initial=0))) + 1


def copies_bound(copies: int, n: int, prior: np.ndarray) -> float:
    """Largest regret to the best expert over n labels of a number of copies.

    Examples
    --------
    >>> round(copies_bound(48, 10_000, np.full(20, 0.05)))
    255
    """
    least = (1.0 - 2.0 * TRUST) * prior.min()
    return max(copies, 1) * math.log(1.0 / least) - n * math.log(1.0 - COPY_SHARE + COPY_SHARE * least)


def trust_bound(n: int) -> float:
    """Largest regret of one copy to the mixer over n labels.

    Examples
    --------
    >>> round(trust_bound(10_000), 2)
    1.35
    """
    return fixed_share_bound(n, 1.0 / TRUST, COPY_SHARE)


def trust_interval_bound(length: int) -> float:
    """Largest regret of one copy to the mixer on any interval of `length` labels."""
    return interval_bound(length, 1.0 / TRUST, COPY_SHARE)
