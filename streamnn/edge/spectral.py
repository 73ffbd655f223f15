"""Bounds of largest singular values, with the same bits on every machine: sums in a fixed order, no LAPACK."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import exp64
from .._kernels.jit import kernel, leaf

ROUNDED_UP = 1.0 + 1e-9
"""Factor that covers rounding in double precision: bounds stay bounds."""
_SQUARINGS = 12
_TURNS = 24
_POWER_STEPS = 8


@leaf
def _product(a, b, out):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            out[i, j] = 0.0
        for k in range(a.shape[1]):
            v = a[i, k]
            if v != 0.0:
                for j in range(b.shape[1]):
                    out[i, j] += v * b[k, j]


@kernel
def _multiply(a, b, out):
    _product(a, b, out)


@kernel
def _largest(gram):
    # square, normalise, square: the Frobenius norm of a power is between its largest eigenvalue and root-rank times it
    n = len(gram)
    g, other = gram.copy(), np.zeros((n, n))
    sizes = np.zeros(_SQUARINGS + 1)
    for k in range(_SQUARINGS + 1):
        total = 0.0
        for i in range(n):
            for j in range(n):
                total += g[i, j] * g[i, j]
        size = np.sqrt(total)
        sizes[k] = size
        if size == 0.0:
            return 0.0
        for i in range(n):
            for j in range(n):
                g[i, j] /= size
        if k < _SQUARINGS:
            _product(g, g, other)
            g, other = other, g
    bound = sizes[_SQUARINGS]
    for k in range(_SQUARINGS - 1, -1, -1):
        bound = sizes[k] * np.sqrt(bound)
    return np.sqrt(bound)


@leaf
def _power(gram, weight, v, to):
    # largest eigenvalue of diag(weight) gram diag(weight), from the vector v on, which becomes its own
    n = len(v)
    size = 0.0
    for _ in range(_POWER_STEPS):
        size = 0.0
        for i in range(n):
            to[i] = 0.0
        for k in range(n):
            f = weight[k] * v[k]
            for i in range(n):
                to[i] += gram[k, i] * f
        for i in range(n):
            to[i] *= weight[i]
            size += to[i] * to[i]
        size = np.sqrt(size)
        if size == 0.0:
            return 0.0
        for i in range(n):
            v[i] = to[i] / size
    return size


@kernel
def _split(below, above, out):
    # Descends the logarithm of the two sides' norms; its gradient are squares of singular vectors.
    n = len(out)
    left, right, to = np.ones(n), np.ones(n), np.zeros(n)
    d, inverse = np.ones(n), np.ones(n)
    for i in range(n):
        a, b = np.sqrt(below[i, i]), np.sqrt(above[i, i])
        if a > 0.0 and b > 0.0:
            d[i] = min(max(np.sqrt(b / a), 1e-3), 1e3)
    found = np.inf
    for turn in range(_TURNS):
        for i in range(n):
            inverse[i] = 1.0 / d[i]
        size = _power(below, d, left, to) * _power(above, inverse, right, to)
        if size < found:
            found = size
            for i in range(n):
                out[i] = d[i]
        rate = 1.0 / (1.0 + 0.25 * turn)
        for i in range(n):
            d[i] = min(max(d[i] * exp64(rate * (right[i] * right[i] - left[i] * left[i])), 1e-6), 1e6)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix product with sums in a fixed order."""
    out = np.zeros((a.shape[0], b.shape[1]))
    _multiply(np.ascontiguousarray(a, np.float64), np.ascontiguousarray(b, np.float64), out)
    return out


def spectral_bound(w: np.ndarray) -> float:
    """A bound of the largest singular value of a matrix, at most a thousandth above it.

    Examples
    --------
    >>> round(spectral_bound(np.array([[3.0, 0.0], [0.0, -4.0]])), 3)
    4.0
    """
    if not w.size:
        return 0.0
    w = w if w.shape[0] <= w.shape[1] else w.T
    return float(_largest(multiply(w, w.T))) * ROUNDED_UP


def balance(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Positive factors d for which the norms of ``d * below`` and ``above / d`` have a small product.

    Parameters
    ----------
    below : ndarray of float64, shape (units, inputs)
    above : ndarray of float64, shape (outputs, units)

    Returns
    -------
    ndarray of float64, shape (units,)
    """
    out = np.ones(len(below))
    _split(multiply(below, below.T), multiply(above.T, above), out)
    return out
