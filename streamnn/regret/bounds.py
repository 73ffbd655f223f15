"""How large regret can be at most, whatever the sequence: to be drawn beside what was measured.

Losses are in nats with scale 1. For another loss the scale is c, where exp(-loss / c) is concave in the
prediction (or the loss mixable at 1 / c): c = 8 B**2 for the squared loss of predictions and targets in [-B, B].
Where experts start with different weights, one over the least of them takes the place of their number N.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import SpecError


def static_bound(experts: int, scale: float = 1.0) -> float:
    """Regret of exponential weights without sharing to the best of so many experts, on every prefix.

    Examples
    --------
    >>> round(static_bound(20), 3), round(static_bound(20, scale=8 * 1.5**2), 1)
    (2.996, 53.9)
    """
    return fixed_share_bound(1, experts, 0.0, scale=scale)


def fixed_share_bound(n: int, experts: float, share: float, switches: int = 0, scale: float = 1.0) -> float:
    """Regret of fixed share over n events to the best sequence of experts with so many switches.

    After each event every weight gives up the part `share`, which all experts get alike; an expert keeps
    ``1 - share + share / N`` and hands on ``share / N``:

        ln N + switches * ln(N / share) - (n - 1 - switches) * ln(1 - share + share / N)

    Parameters
    ----------
    n : int
        Events.
    experts : float
    share : float
        From 0 (then no switches) to 1.
    switches : int
        At most n - 1 count.
    scale : float
        See the module.

    Examples
    --------
    >>> round(fixed_share_bound(10_000, 20, 0.0005), 2), round(fixed_share_bound(10_000, 20, 0.0005, 5), 2)
    (7.75, 60.73)
    """
    if n < 1 or experts < 1 or not 0.0 <= share <= 1.0 or switches < 0:
        raise SpecError(
            f"bound: {n} events, {experts} experts, share {share}, {switches} switches make no sense"
        )
    m = min(switches, n - 1)
    if m and not share:
        return math.inf
    stay = 1.0 - share + share / experts
    total = math.log(experts) - (n - 1 - m) * math.log(stay)
    if m:
        total += m * math.log(experts / share)
    return scale * total


def best_share(n: int, switches: int) -> float:
    """The share that makes :func:`fixed_share_bound` least for so many switches, to first order.

    Examples
    --------
    >>> best_share(10_001, 5)
    0.0005
    """
    return min(1.0, switches / max(n - 1, 1))


def interval_bound(length: int, experts: float, share: float, scale: float = 1.0) -> float:
    """Regret of fixed share on any interval of so many events to the expert that is best there.

    When the interval begins, no weight is under share / N.

    Examples
    --------
    >>> round(interval_bound(1000, 20, 0.0005), 2)
    11.07
    """
    if not share:
        return math.inf
    return fixed_share_bound(length, experts, share, scale=scale) + scale * math.log(1.0 / share)


def weak_bound(n: int, experts: int, reach: float) -> float:
    """Regret of the weak aggregating algorithm over n events, for convex losses in [0, reach].

    Weights are ``exp(-loss / sqrt(t))``: sqrt(n) * ln N from the last rate, and reach**2 / 8 times the sum of
    the rates, which is at most 2 sqrt(n).

    Examples
    --------
    >>> round(weak_bound(10_000, 20, 1.0))
    325
    """
    return math.sqrt(n) * (math.log(experts) + reach * reach / 4.0)


def linear_bound(x: np.ndarray, weights: np.ndarray, reach: float, ridge: float = 1.0) -> float:
    """Regret of the Vovk-Azoury-Warmuth forecaster to one linear model, under squared loss.

    ``ridge * |weights|**2 + reach**2 * ln det(I + x' x / ridge)``: it grows with the logarithm of the events.

    Parameters
    ----------
    x : ndarray of float64, shape (n, d)
        Rows, with the column of ones if the model has one.
    weights : ndarray of float64, shape (d,)
        The comparator.
    reach : float
        Targets lie in [-reach, reach].
    ridge : float
        The forecaster's.

    Examples
    --------
    >>> import numpy as np
    >>> round(linear_bound(np.ones((1000, 1)), np.array([0.5]), 1.0), 2)
    7.16
    """
    volume = np.linalg.slogdet(np.eye(x.shape[1]) + x.T @ x / ridge)[1]
    return float(ridge * (weights @ weights) + reach * reach * volume)
