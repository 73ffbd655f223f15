"""Kernel of the latent density with tied or full covariance: rank-one updates, a Cholesky factor now and then.

Symmetric matrices and roots are upper triangles, row by row, so that every inner loop adds a multiple of one row
to another: it vectorises and no sum changes its order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel, leaf
from ..types import EXPIRE, LEARN
from ._density import LOG_2PI, PARTIAL_SUMS, Settings, bayes, count, fold, share_out, take

ROOTS_EARLY, ROOTS_EVERY = 64, 64
"""Roots are renewed at labels 1, 2, 4, ... 64, then at every 64th."""
ROOT_FLOOR, ROOT_FLOOR_SHARE = 1e-4, 1e-3
"""Added to every variance: in squared units of the latent, and as a share of the pooled one."""


class State(NamedTuple):
    """All that is known. Matrices are [columns, columns], of which the upper triangle is used."""

    mean: np.ndarray  # float64[classes, columns]
    covariance: np.ndarray  # float64[classes or 0, columns, columns]
    root: np.ndarray  # float64[classes or 1, columns, columns], inverse of the transposed Cholesky factor
    white: np.ndarray  # float64[classes or 0, columns], means in the root's coordinates, when tied
    constant: np.ndarray  # float64[classes], log of the density's peak
    prior: np.ndarray  # float64[classes], faded share of the labels
    score: np.ndarray  # float64[classes], log prior + constant
    seen: np.ndarray  # int64[classes], labels learnt
    pooled: np.ndarray  # float64[columns, columns], covariance within classes
    skipped: np.ndarray  # int64[1], labelled latents that were not finite


@leaf
def _whiten(root: np.ndarray, f: int, d: np.ndarray, out: np.ndarray, lane: np.ndarray) -> None:
    """Coordinates of d in which the Gaussian is round."""
    for k in range(0, d.size, PARTIAL_SUMS):
        for l in range(PARTIAL_SUMS):
            lane[l] = 0.0
        for i in range(k + PARTIAL_SUMS):
            x = d[i]
            for l in range(PARTIAL_SUMS):
                lane[l] += x * root[f, i, k + l]
        for l in range(PARTIAL_SUMS):
            out[k + l] = lane[l]


@leaf
def _square(r: np.ndarray, lane: np.ndarray) -> float:
    for l in range(PARTIAL_SUMS):
        lane[l] = 0.0
    for i in range(0, r.size, PARTIAL_SUMS):
        for l in range(PARTIAL_SUMS):
            lane[l] += r[i + l] * r[i + l]
    return fold(lane)


@leaf
def _add(s: np.ndarray, rate: float, share: float, d: np.ndarray, hidden: int) -> None:
    """Covariance s moves towards share * d d'."""
    for i in range(hidden):
        x = share * d[i]
        for j in range(i, hidden):
            s[i, j] += rate * (x * d[j] - s[i, j])


@leaf
def _invert_root(u: np.ndarray, hidden: int, row: np.ndarray) -> float:
    """Covariance (upper triangle) to the inverse of its transposed Cholesky factor; returns its log determinant."""
    log_det = 0.0
    for k in range(hidden):
        pivot = max(u[k, k], 0.01 * ROOT_FLOOR)  # the floor keeps it above, up to rounding
        log_det += log64(pivot)
        inverse = 1.0 / np.sqrt(pivot)
        for i in range(k + 1, hidden):
            u[k, i] *= inverse
        u[k, k] = inverse
        for j in range(k + 1, hidden):
            x = u[k, j]
            for i in range(j, hidden):
                u[j, i] -= x * u[k, i]
    for k in range(hidden - 1, -1, -1):
        inverse = u[k, k]
        for i in range(k + 1, hidden):
            row[i] = u[k, i] * inverse
            u[k, i] = 0.0
        for j in range(k + 1, hidden):
            x = row[j]
            for i in range(j, hidden):
                u[k, i] -= x * u[j, i]
    return log_det


@leaf
def _renew(
    u: np.ndarray,
    s: np.ndarray,
    hidden: int,
    n: float,
    pooled_n: float,
    settings: Settings,
    pooled: np.ndarray,
    row: np.ndarray,
) -> float:
    """Factor of n labels' covariance, shrunk to the pooled one, and that to 1; returns the log of the peak."""
    own, unit = settings.own, settings.unit
    a, b = 1.0 / (n + own), 1.0 / (pooled_n + unit)
    for i in range(hidden):
        for j in range(i, hidden):
            p = pooled_n * pooled[i, j] * b
            if i == j:
                p += unit * b
            v = (n * s[i, j] + own * p) * a
            u[i, j] = v + (ROOT_FLOOR + ROOT_FLOOR_SHARE * p) if i == j else v
    return -0.5 * (_invert_root(u, hidden, row) + hidden * LOG_2PI)


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
    mean, covariance, root, white, constant, prior, score, seen, pooled, skipped = state
    normalise, memory = settings.normalise, settings.memory
    columns, hidden = mean.shape[1], latent.shape[1]
    z, r, w = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    lane, joint = np.zeros(PARTIAL_SUMS), np.zeros(seen.size)
    tied = white.shape[0] > 0
    labels, known = count(seen)
    for i in range(op.size):
        if op[i] != LEARN and op[i] != EXPIRE:
            take(latent, i, normalise, z)
            if tied:
                _whiten(root, 0, z, w, lane)
            for k in range(seen.size):
                if seen[k] > 0:
                    for j in range(columns):
                        r[j] = w[j] - white[k, j] if tied else z[j] - mean[k, j]
                    if not tied:
                        _whiten(root, k, r, w, lane)
                    joint[k] = score[k] - 0.5 * _square(r if tied else w, lane)
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
            g = 1.0 / min(n + 1.0, memory)
            for j in range(hidden):
                r[j] = z[j] - mean[c, j]
                mean[c, j] = mean[c, j] + g * r[j] if n > 0.0 else z[j]
            if n > 0.0:  # the first label of a class says nothing of its width
                _add(pooled, 1.0 / min(pooled_n, memory), 1.0 - g, r, hidden)
                if not tied:
                    _add(covariance[c], 1.0 / min(n, memory), 1.0 - g, r, hidden)
            seen[c] += 1
            n_root = labels if tied else seen[c]
            if (n_root <= ROOTS_EARLY and n_root & (n_root - 1) == 0) or n_root % ROOTS_EVERY == 0:
                if tied:
                    peak = _renew(root[0], pooled, hidden, 0.0, min(pooled_n, memory), settings, pooled, r)
                    for k in range(seen.size):
                        constant[k] = peak
                        _whiten(root, 0, mean[k], white[k], lane)
                else:
                    constant[c] = _renew(
                        root[c],
                        covariance[c],
                        hidden,
                        min(n, memory),
                        min(pooled_n, memory),
                        settings,
                        pooled,
                        r,
                    )
            if tied:
                constant[c] = constant[0]
                _whiten(root, 0, mean[c], white[c], lane)
            share_out(c, 1.0 / min(np.float64(labels), memory), prior, constant, score, seen)
