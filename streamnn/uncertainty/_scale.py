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


class Scale(NamedTuple):
    """All that is known; columns are the latent's dimensions, padded to PARTIAL_SUMS with zeros."""

    mean: np.ndarray  # float64[columns]
    var: np.ndarray  # float64[columns]
    unit: np.ndarray  # float64[columns], 1 / deviation when last renewed
    weight: np.ndarray  # float64[columns], of the latent in units of its deviation
    bias: np.ndarray  # float64[1]
    base: np.ndarray  # float64[1], mean squared error
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
        if n == 0.0:
            state.base[0] = max(square, LEAST_ERROR)
        else:
            move = step * (1.0 - min(square / (state.base[0] * exp64(ratio)), OUTLIER_VARIANCES))
            for i in range(h.size):
                state.weight[i] -= move * h[i]
            state.bias[0] -= move
            most = OUTLIER_MEANS * state.base[0]
            state.base[0] = max(state.base[0] + g * (min(square, most) - state.base[0]), LEAST_ERROR)
        for i in range(hidden):
            d = latent[e, i] - state.mean[i]
            state.mean[i] += g * d
            state.var[i] += g * ((1.0 - g) * d * d - state.var[i])
        state.seen[0] += 1
        if n < 32.0 or state.seen[0] % 8 == 0:
            for i in range(hidden):
                state.unit[i] = 1.0 / np.sqrt(state.var[i] + 1e-4)
