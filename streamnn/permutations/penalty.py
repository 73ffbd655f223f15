"""The exact l1-l2 penalty of AutoShuffleNet, and the balance of rows and columns that makes it exact."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError

f4 = np.float32
Array = np.ndarray

_SMALLEST_SUM = f4(1e-12)


def penalty(shares: Array) -> float:
    """Sum over rows and columns of l1 norm minus l2 norm, divided by the number of rows.

    On doubly stochastic matrices it is 0 for permutations and for nothing else (Lyu, Zhang, Qi & Xin 2020). If it is
    below 1/4 times 1/rows, then the largest entry of every row makes a permutation, no entry of which is farther from
    the matrix than twice the undivided penalty.

    Parameters
    ----------
    shares : ndarray, shape (n, n)
        Not negative.

    Examples
    --------
    >>> penalty(np.eye(3)[[2, 0, 1]]), round(penalty(np.full((4, 4), 0.25)), 12)
    (0.0, 1.0)
    """
    m = _square(shares)
    total = m.sum() - np.sqrt((m * m).sum(1)).sum() + m.sum() - np.sqrt((m * m).sum(0)).sum()
    return float(total / len(m))


def penalty_gradient(shares: Array) -> Array:
    """Gradient of the undivided :func:`penalty` by every entry: ``2 - m / |row| - m / |column|``.

    Examples
    --------
    >>> penalty_gradient(np.eye(2))
    array([[0., 2.],
           [2., 0.]])
    """
    m = _square(shares)
    rows, columns = np.sqrt((m * m).sum(1, keepdims=True)), np.sqrt((m * m).sum(0, keepdims=True))
    return np.asarray(2.0 - m / (rows + 1e-300) - m / (columns + 1e-300))


def balanced(shares: Array, sweeps: int) -> Array:
    """The matrix after so many sweeps of Sinkhorn: columns divided by their sums, then rows by theirs.

    Columns sum to rows / columns, so that a matrix that is not square groups its rows into equal groups.

    Parameters
    ----------
    shares : ndarray, shape (rows, columns)
        Positive.
    sweeps : int

    Examples
    --------
    >>> m = balanced(np.array([[3.0, 1.0], [1.0, 1.0]]), 50)
    >>> m.sum(0).round(6), m.sum(1).round(6)
    (array([1., 1.]), array([1., 1.]))
    """
    m = np.array(shares, np.float64)
    cap = m.shape[0] / m.shape[1]
    for _ in range(sweeps):
        m *= cap / m.sum(0)
        m /= m.sum(1, keepdims=True)
    return m


def _square(shares: Array) -> Array:
    m = np.asarray(shares, np.float64)
    if m.ndim != 2 or m.shape[0] != m.shape[1]:
        raise SpecError(f"a penalty is of a square matrix; this one has shape {m.shape}")
    return m


@leaf
def sinkhorn(t, at, rows, columns, sweeps, work):
    """Sweeps as :func:`balanced` does them, of the matrix at t[at:]; `work` is where t has room for its columns."""
    cap = f4(rows) / f4(columns)
    for _ in range(sweeps):
        for k in range(columns):
            t[work + k] = _SMALLEST_SUM
        for i in range(rows):
            for k in range(columns):
                t[work + k] += t[at + i * columns + k]
        for k in range(columns):
            t[work + k] = cap / t[work + k]
        for i in range(rows):
            s = _SMALLEST_SUM
            for k in range(columns):
                v = t[at + i * columns + k] * t[work + k]
                t[at + i * columns + k] = v
                s += v
            s = f4(1.0) / s
            for k in range(columns):
                t[at + i * columns + k] *= s


@leaf
def column_norms(t, at, rows, columns, work):
    """l2 norm of every column into t[work:]."""
    for k in range(columns):
        t[work + k] = f4(0.0)
    for i in range(rows):
        for k in range(columns):
            v = t[at + i * columns + k]
            t[work + k] += v * v
    for k in range(columns):
        t[work + k] = np.sqrt(t[work + k]) + _SMALLEST_SUM


@leaf
def row_norm(t, at, columns):
    """l2 norm of the row that begins at t[at]."""
    s = f4(0.0)
    for k in range(columns):
        s += t[at + k] * t[at + k]
    return np.sqrt(s) + _SMALLEST_SUM


@leaf
def unsettled(t, at, rows, columns):
    """Mean and largest of the rows' penalties, the mean doubled: that of a permutation's rows and columns."""
    total, worst = f4(0.0), f4(0.0)
    for i in range(rows):
        p = f4(1.0) - row_norm(t, at + i * columns, columns)
        total += p
        worst = max(worst, p)
    return f4(2.0) * total / f4(rows), worst
