"""Kernel of the scale of a target given the latent: log variance, linear in the latent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf
from ..types import EXPIRE, LEARN
from ._density import FARTHEST, PARTIAL_SUMS, fold

UNIT_STEP, JOINT_STEP = 0.001, 0.064
"""Step size of each unit's weight; and of all units together, at most."""
OUTLIER_VARIANCES = 5.0
"""A squared error counts as at most this multiple of the variance forecast for it."""
OUTLIER_MEANS = 20.0
"""In the mean squared error a squared error counts as at most this multiple of that mean."""
LOG_RANGE = 8.0
"""The log variance stays within this distance of the mean's."""
ENTROPY = 1.4189385332046727
"""Entropy of a Gaussian of deviation 1, in nats."""
LEAST_ERROR = 1e-200
"""Least mean squared error."""
FIRST_ERRORS, FIRST_MEDIANS = 20, 44.0
"""Squared errors from which the mean squared error starts, each counted as at most so many times their median, which
for a Gaussian is .455 of their mean (docs/decisions.md, "A robust look at the first values", as the next)."""
LARGER_ERRORS = 8
"""So many errors in a row that are too large to count in full are no outliers: the mean starts again."""
HELD, TOO_LARGE, FIRST_SQUARE = range(3)
"""Places in `Scale.first`: squared errors held, those too large in a row, and where the ones held begin."""


class Scale(NamedTuple):
    """All that is known; columns are the latent's dimensions, padded to PARTIAL_SUMS with zeros."""

    mean: np.ndarray  # float64[columns]
    var: np.ndarray  # float64[columns]
    unit: np.ndarray  # float64[columns], 1 / deviation when last renewed
    weight: np.ndarray  # float64[columns], of the latent in units of its deviation
    bias: np.ndarray  # float64[1]
    base: np.ndarray  # float64[1], mean squared error
    first: np.ndarray  # float64[FIRST_SQUARE + FIRST_ERRORS]: the squared errors that the mean starts from
    seen: np.ndarray  # int64[1], targets learnt


@leaf
def _log_ratio(latent: np.ndarray, row: int, s: Scale, h: np.ndarray, lane: np.ndarray) -> float:
    """Log of the variance over the mean squared error; h receives the standardised latent."""
    for i in range(latent.shape[1]):
        x = float(latent[row, i])
        x = x if x > -FARTHEST else -FARTHEST
        x = ((x if x < FARTHEST else FARTHEST) - s.mean[i]) * s.unit[i]
        h[i] = min(max(x, -5.0), 5.0)
    for l in range(PARTIAL_SUMS):
        lane[l] = 0.0
    for i in range(0, h.size, PARTIAL_SUMS):
        for l in range(PARTIAL_SUMS):
            lane[l] += h[i + l] * s.weight[i + l]
    return min(max(fold(lane) + s.bias[0], -LOG_RANGE), LOG_RANGE)


@leaf
def _start(first: np.ndarray) -> float:
    """Mean of the squared errors held, none counted as far more than the median of those that are not 0."""
    n, middle, total = int(first[HELD]), 0.0, 0.0
    positive = 0
    for i in range(n):
        positive += 1 if first[FIRST_SQUARE + i] > 0.0 else 0
    for i in range(n):
        below, upto, v = 0, 0, first[FIRST_SQUARE + i]
        for j in range(n):
            u = first[FIRST_SQUARE + j]
            below += 1 if 0.0 < u < v else 0
            upto += 1 if 0.0 < u <= v else 0
        if 2 * below < positive <= 2 * upto:
            middle = v
    for i in range(n):
        total += min(first[FIRST_SQUARE + i], FIRST_MEDIANS * middle)
    return max(total / n, LEAST_ERROR)


@leaf
def _take_error(square: float, g: float, s: Scale) -> None:
    """The mean squared error takes in one more."""
    most, base, first = OUTLIER_MEANS * s.base[0], s.base, s.first
    if first[HELD] == FIRST_ERRORS and square > most:
        first[TOO_LARGE] += 1.0
        if first[TOO_LARGE] == LARGER_ERRORS:
            first[HELD], first[TOO_LARGE] = 0.0, 0.0
    else:
        first[TOO_LARGE] = 0.0
    if first[HELD] < FIRST_ERRORS:
        first[FIRST_SQUARE + int(first[HELD])] = square
        first[HELD] += 1.0
        base[0] = _start(first)
    else:
        base[0] = max(base[0] + g * (min(square, most) - base[0]), LEAST_ERROR)


@kernel
def scan(
    state: Scale,
    op: np.ndarray,
    error: np.ndarray,
    latent: np.ndarray,
    memory: float,
    deviation: np.ndarray,
    entropy: np.ndarray,
) -> None:
    """Operations in their order; deviation and entropy are written at OBSERVE."""
    h, lane = np.zeros(state.mean.size), np.zeros(PARTIAL_SUMS)
    hidden = latent.shape[1]
    step = min(UNIT_STEP, JOINT_STEP / hidden)
    for e in range(op.size):
        if op[e] == EXPIRE:
            continue
        if op[e] != LEARN:
            if state.seen[0] > 0:
                variance = state.base[0] * exp64(_log_ratio(latent, e, state, h, lane))
                deviation[e] = np.sqrt(variance)
                entropy[e] = ENTROPY + 0.5 * log64(variance)
            continue
        square, sane = error[e] * error[e], True
        for i in range(hidden):
            sane = sane and np.abs(latent[e, i]) < FARTHEST
        if not (sane and square < np.inf):
            continue
        n = np.float64(state.seen[0])
        ratio = _log_ratio(latent, e, state, h, lane)
        g = 1.0 / min(n + 1.0, memory)
        if n > 0.0:
            move = step * (1.0 - min(square / (state.base[0] * exp64(ratio)), OUTLIER_VARIANCES))
            for i in range(h.size):
                state.weight[i] -= move * h[i]
            state.bias[0] -= move
        _take_error(square, g, state)
        for i in range(hidden):
            d = latent[e, i] - state.mean[i]
            state.mean[i] += g * d
            state.var[i] += g * ((1.0 - g) * d * d - state.var[i])
        state.seen[0] += 1
        if n < 32.0 or state.seen[0] % 8 == 0:
            for i in range(hidden):
                state.unit[i] = 1.0 / np.sqrt(state.var[i] + 1e-4)
