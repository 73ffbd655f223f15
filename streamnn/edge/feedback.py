"""Rounding with error feedback: each weight's rounding error is made up for by the weights rounded after it.

With H the second moments of the inputs, the error (w - q)' H (w - q) is cut weight by weight, the most important
first, and those not yet rounded take the best values given those that are: GPTQ (Frantar et al. 2023), which is
Babai's nearest-plane rule. So one triangular factor of H is enough, and no inverse. All sums have a fixed order.
"""

from __future__ import annotations

from math import fsum

import numpy as np

from .._kernels.jit import kernel

PULL = 0.1
"""What is added to the diagonal of the second moments, of its mean: rare inputs are then trusted less."""


@kernel
def _moments(x, ids, place, inputs, out, total):
    # sums of products (upper triangle) and sums of inputs and of category rows in use: exact, they are integers
    n = len(x)
    for t in range(n):
        for i in range(inputs):
            total[i] += x[t, i]
    whole = n - n % 4
    for t in range(0, whole, 4):  # four at a time: sums are fetched and kept a quarter as often
        for i in range(inputs):
            a, b, c, d = x[t, i], x[t + 1, i], x[t + 2, i], x[t + 3, i]
            if a != 0.0 or b != 0.0 or c != 0.0 or d != 0.0:
                for j in range(i, inputs):
                    out[i, j] += (a * x[t, j] + b * x[t + 1, j]) + (c * x[t + 2, j] + d * x[t + 3, j])
    for t in range(whole, n):
        for i in range(inputs):
            for j in range(i, inputs):
                out[i, j] += x[t, i] * x[t, j]
    for t in range(n):
        for k in range(ids.shape[1]):
            p = place[ids[t, k]] if ids[t, k] >= 0 else -1
            if p < 0:
                continue
            total[p] += 1.0
            for i in range(inputs):
                out[i, p] += x[t, i]
            for m in range(ids.shape[1]):
                q = place[ids[t, m]] if ids[t, m] >= 0 else -1
                if q >= p:
                    out[p, q] += 1.0


@kernel
def _factor(h):
    # upper triangular R in place of H = R'R; only the upper triangle of H is read
    n = len(h)
    for k in range(n):
        root = np.sqrt(h[k, k])
        h[k, k] = root
        for j in range(k + 1, n):
            h[k, j] /= root
        for i in range(k + 1, n):
            v = h[k, i]
            if v != 0.0:
                for j in range(i, n):
                    h[i, j] -= v * h[k, j]


@kernel
def _round(r, w, step, top, out):
    # w: (inputs, columns), step: size of the grid, overwritten by errors; from the last input to the first
    n, columns = w.shape
    wanted = np.zeros(columns)
    for i in range(n - 1, -1, -1):
        for c in range(columns):
            wanted[c] = w[i, c]
        for k in range(i + 1, n):
            f = r[i, k] / r[i, i]
            if f != 0.0:
                for c in range(columns):
                    wanted[c] += f * w[k, c]
        for c in range(columns):
            q = np.floor(wanted[c] / step[i, c] + 0.5)
            q = min(max(q, -top[i] - 1.0), top[i])
            out[i, c] = q
            w[i, c] -= q * step[i, c]


def second_moments(x: np.ndarray, ids: np.ndarray, used: np.ndarray, fraction: int) -> np.ndarray:
    """Covariance of inputs and of the category rows in use, with something added to its diagonal.

    Parameters
    ----------
    x : ndarray of int64, shape (n, inputs)
    ids : ndarray of int32, shape (n, k)
    used : ndarray of int64, shape (rows,)
        Which category rows, ascending.
    fraction : int
        Fraction bits of x.

    Returns
    -------
    ndarray of float64, shape (inputs + rows, inputs + rows)
        Its upper triangle is of use.
    """
    n, inputs = x.shape
    size = inputs + len(used)
    place = np.full(int(ids.max(initial=0)) + 1, -1, np.int64)
    place[used] = np.arange(inputs, size)
    out, total = np.zeros((size, size)), np.zeros(size)
    _moments(
        np.ascontiguousarray(x, np.float64), np.ascontiguousarray(ids, np.int32), place, inputs, out, total
    )
    unit = np.ones(size)
    unit[:inputs] = np.ldexp(1.0, -fraction)
    mean = total / n
    out = (out / n - mean[:, None] * mean) * (unit[:, None] * unit)
    diagonal = np.diag_indices(size)
    out[diagonal] += PULL * fsum(out[diagonal]) / size + 1e-6
    return out


def round_with_feedback(
    moments: np.ndarray, weights: np.ndarray, fraction: np.ndarray, top: np.ndarray
) -> np.ndarray:
    """Integers q such that q * 2**-fraction stand for weights whose outputs are near.

    Parameters
    ----------
    moments : ndarray of float64, shape (inputs, inputs)
        See :func:`second_moments`.
    weights : ndarray of float64, shape (inputs, columns)
    fraction : ndarray of int64, shape (inputs, columns)
    top : ndarray of int64, shape (inputs,)
        Largest integer; the smallest is one further from 0.

    Returns
    -------
    ndarray of int64, shape (inputs, columns)

    Examples
    --------
    Two inputs that are always the same: what one loses the other gives.

    >>> both = np.array([[1.0, 0.999], [0.999, 1.0]])
    >>> round_with_feedback(both, np.array([[0.4], [0.4]]), np.zeros((2, 1), np.int64), np.array([7, 7])).ravel()
    array([1, 0])
    """
    order = np.argsort(
        np.diagonal(moments), kind="stable"
    )  # the most important is rounded first: it stands last
    rows, columns = np.minimum.outer(order, order), np.maximum.outer(order, order)
    r = np.ascontiguousarray(moments[rows, columns])
    _factor(r)
    w = np.ascontiguousarray(weights[order])
    found = np.zeros_like(w)
    _round(r, w, np.ldexp(1.0, -fraction[order].astype(np.int32)), top[order].astype(np.float64), found)
    out = np.zeros(weights.shape, np.int64)
    out[order] = found
    return out
