"""Bounds and comparators that no learner of ours needs, for tests that hold them against algorithms written out."""

from __future__ import annotations

import math

import numpy as np

from streamnn.errors import SpecError
from streamnn.regret.bounds import fixed_share_bound
from streamnn.regret.comparators import Interval, best_expert


def static_bound(experts: int, scale: float = 1.0) -> float:
    """Largest regret of exponential weights without sharing to the best of a number of experts, on every prefix."""
    return fixed_share_bound(1, experts, 0.0, scale=scale)


def best_share(n: int, switches: int) -> float:
    """The share that makes :func:`fixed_share_bound` least for a number of switches, to first order."""
    return min(1.0, switches / max(n - 1, 1))


def weak_bound(n: int, experts: int, reach: float) -> float:
    """Regret of the weak aggregating algorithm over n events, for convex losses in [0, reach].

    Weights are ``exp(-loss / sqrt(t))``: sqrt(n) * ln N from the last rate, and reach**2 / 8 times the sum of
    the rates, which is at most 2 sqrt(n).
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
    """
    volume = np.linalg.slogdet(np.eye(x.shape[1]) + x.T @ x / ridge)[1]
    return float(ridge * (weights @ weights) + reach * reach * volume)


def interval_regret(pool: np.ndarray, losses: np.ndarray, start: int, stop: int) -> Interval:
    """Regret on one interval.

    Raises
    ------
    SpecError
        When the interval is empty or reaches outside the events.
    """
    if not 0 <= start < stop <= len(losses):
        raise SpecError(f"comparator: interval {start} to {stop} does not lie within {len(losses)} events")
    i, best = best_expert(losses[start:stop])
    return Interval(start, stop, float(pool[start:stop].sum()) - best, i)
