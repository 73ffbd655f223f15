"""Kernel of the latent density: score at OBSERVE, update at LEARN, in the order of the log."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf
from ..types import EXPIRE, LEARN

PARTIAL_SUMS = 8
"""Sums over a latent are kept in this number of parts, in a fixed order that vectorises."""
LOG_2PI = 1.8378770664093453
"""log(2 pi)."""
FARTHEST = 1e9
"""Latents are cut to this, so that no square overflows."""
LEAST_SQUARE = 1e-12
"""No latent's squared length counts as less."""
RAREST = 1e-30
"""Least prior of a class that was seen."""
WIDTHS_EARLY, WIDTHS_EVERY = 32, 8
"""A class's widths are taken over into the density at each of its first 32 labels, then at every eighth."""
VARIANCE_FLOOR, VARIANCE_FLOOR_SHARE = 1e-4, 0.01
"""Least variance, in squared units of the latent; and that share of the pooled one."""


class State(NamedTuple):
    """All that is known; rows are classes, columns the latent's dimensions, padded to PARTIAL_SUMS with zeros."""

    mean: np.ndarray  # float64[classes, columns]
    var: np.ndarray  # float64[classes, columns]
    precision: np.ndarray  # float64[classes, columns], of the shrunk variance when last renewed
    constant: np.ndarray  # float64[classes], log of the density's peak when last renewed
    prior: np.ndarray  # float64[classes], faded share of the labels
    score: np.ndarray  # float64[classes], log prior + constant
    seen: np.ndarray  # int64[classes], labels learnt
    pooled: np.ndarray  # float64[columns], variance within classes
    skipped: np.ndarray  # int64[1], labelled latents that were not finite


class Settings(NamedTuple):
    """How a density learns."""

    normalise: bool  # whether latents are scaled to mean square 1
    memory: float  # labels after which an old one weighs 1 / e
    own: float  # labels the pooled variances are worth within a class
    unit: float  # labels a variance of 1 is worth within the pooled ones


@leaf(inline=True)
def fold(lane: np.ndarray) -> float:
    """The sum of the partial sums, in a fixed order."""
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]))


@leaf
def count(seen: np.ndarray) -> tuple[int, int]:
    """Labels learnt, and classes that have one."""
    labels = known = 0
    for k in range(seen.size):
        labels += seen[k]
        known += 1 if seen[k] > 0 else 0
    return labels, known


@leaf(inline=True)
def share_out(
    c: int, rate: float, prior: np.ndarray, constant: np.ndarray, score: np.ndarray, seen: np.ndarray
) -> None:
    """A label of class c moves the priors; scores are log prior + constant."""
    for k in range(seen.size):
        prior[k] += rate * ((1.0 if k == c else 0.0) - prior[k])
        if seen[k] > 0:
            score[k] = log64(max(prior[k], RAREST)) + constant[k]


@leaf
def _distance(z: np.ndarray, c: int, mean: np.ndarray, precision: np.ndarray, lane: np.ndarray) -> float:
    """Squared distance of z from the mean of class c in its own widths."""
    for l in range(PARTIAL_SUMS):
        lane[l] = 0.0
    for i in range(0, z.size, PARTIAL_SUMS):
        for l in range(PARTIAL_SUMS):
            d = z[i + l] - mean[c, i + l]
            lane[l] += d * d * precision[c, i + l]
    return fold(lane)


@leaf
def bayes(joint: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """-log p(z) and the entropy of p(y|z), from log p(z, y) of the classes seen."""
    best = -np.inf
    for c in range(seen.size):
        if seen[c] > 0:
            best = max(best, joint[c])
    if best == -np.inf:  # nothing is known yet
        return 0.0, log64(np.float64(seen.size))
    total = mixed = 0.0
    for c in range(seen.size):
        if seen[c] > 0:
            e = exp64(joint[c] - best)
            total += e
            mixed += e * (joint[c] - best)
    spread = log64(total)
    return -(best + spread), max(spread - mixed / total, 0.0)


@leaf(inline=True)
def _average(
    z: np.ndarray,
    c: int,
    n: float,
    pooled_n: float,
    memory: float,
    state: State,
) -> None:
    """Mean and variance of class c, which had n labels; averages count first, then forget over `memory` labels."""
    mean, var, pooled = state.mean, state.var, state.pooled
    g, g_var, g_pooled = (
        1.0 / min(n + 1.0, memory),
        1.0 / min(max(n, 1.0), memory),
        1.0 / min(pooled_n, memory),
    )
    if n == 0.0:  # the first label of a class says nothing of its width
        for i in range(z.size):
            mean[c, i] = z[i]
        return
    for i in range(z.size):
        d = z[i] - mean[c, i]
        square = (1.0 - g) * d * d  # unbiased: d is from a mean that is itself uncertain
        mean[c, i] += g * d
        var[c, i] += g_var * (square - var[c, i])
        pooled[i] += g_pooled * (square - pooled[i])


@leaf(inline=True)
def _renew(
    c: int,
    hidden: int,
    n: float,
    pooled_n: float,
    settings: Settings,
    state: State,
) -> float:
    """Precisions of class c: its variances, estimated from n deviations, shrunk to the pooled ones, and those to 1.

    Returns the log of the density's peak.
    """
    var, pooled, precision = state.var, state.pooled, state.precision
    own, unit = settings.own, settings.unit
    a, b = 1.0 / (n + own), 1.0 / (pooled_n + unit)
    log_det, product = 0.0, 1.0
    for i in range(hidden):
        p = (pooled_n * pooled[i] + unit) * b
        v = max((n * var[c, i] + own * p) * a, VARIANCE_FLOOR + VARIANCE_FLOOR_SHARE * p)
        precision[c, i] = 1.0 / v
        product *= v
        # one logarithm for eight: 1e-4 <= v <= 1e19, so their product is in range
        if (i + 1) % PARTIAL_SUMS == 0 or i + 1 == hidden:
            log_det += log64(product)
            product = 1.0
    return -0.5 * (log_det + hidden * LOG_2PI)


@leaf
def take(latent: np.ndarray, row: int, normalise: bool, z: np.ndarray) -> bool:
    """Copy a latent, cut to a range whose squares are finite; False when it held NaN or infinity.

    To `normalise` is to give it the mean square 1.
    """
    strange = 0
    for i in range(latent.shape[1]):
        x = float(latent[row, i])
        strange += 0 if np.abs(x) < np.inf else 1
        x = x if x > -FARTHEST else -FARTHEST
        z[i] = x if x < FARTHEST else FARTHEST
    if normalise:
        square = 0.0
        for i in range(latent.shape[1]):
            square += z[i] * z[i]
        scale = np.sqrt(latent.shape[1] / max(square, LEAST_SQUARE))
        for i in range(latent.shape[1]):
            z[i] *= scale
    return strange == 0


@kernel
def scan(
    state: State,
    op: np.ndarray,
    label: np.ndarray,
    latent: np.ndarray,
    settings: Settings,
    surprise: np.ndarray,
    entropy: np.ndarray,
) -> None:
    """Operations in their order; surprise and entropy are written at OBSERVE."""
    mean, _, precision, constant, prior, score, seen, pooled, skipped = state
    normalise, memory = settings.normalise, settings.memory
    z, lane, joint = np.zeros(pooled.size), np.zeros(PARTIAL_SUMS), np.zeros(seen.size)
    hidden = latent.shape[1]
    labels, known = count(seen)
    for i in range(op.size):
        if op[i] != LEARN and op[i] != EXPIRE:
            take(latent, i, normalise, z)
            for k in range(seen.size):
                if seen[k] > 0:
                    joint[k] = score[k] - 0.5 * _distance(z, k, mean, precision, lane)
            surprise[i], entropy[i] = bayes(joint, seen)
        elif op[i] == LEARN:
            if not take(latent, i, normalise, z):
                skipped[0] += 1
                continue
            c = label[i]
            n = np.float64(seen[c])
            labels += 1
            known += 1 if n == 0.0 else 0
            pooled_n = np.float64(labels - known)
            _average(z, c, n, pooled_n, memory, state)
            seen[c] += 1
            if seen[c] <= WIDTHS_EARLY or seen[c] % WIDTHS_EVERY == 0:
                constant[c] = _renew(c, hidden, min(n, memory), pooled_n, settings, state)
            share_out(c, 1.0 / min(np.float64(labels), memory), prior, constant, score, seen)
