"""Linear sum assignment, and groups of equal size: which input goes where, once and for all."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from ..errors import SpecError

Array = np.ndarray

_INFINITE = np.int64(2**61)
_FINE = 2.0**40
"""Scores are compared as whole multiples of their range divided by this, so that sums are exact and ties are ties."""


@leaf
def assign(scores, at, rows, columns, scale, places, work, w):
    """Rows to columns, rows / columns each, with the largest sum of scores; work[places + i] is the column of row i.

    Shortest augmenting paths (Kuhn 1955, Munkres 1957, Jonker & Volgenant 1987), rows in their order; of paths of one
    length the one through the first column. `work` has room for 6 (rows + 1) numbers from `w` on; it is left 0.
    """
    n, share = rows, rows // columns
    u, v, match = w, w + n + 1, w + 2 * (n + 1)
    way, least, used = w + 3 * (n + 1), w + 4 * (n + 1), w + 5 * (n + 1)
    for j in range(6 * (n + 1)):
        work[w + j] = 0
    for i in range(1, n + 1):
        work[match] = i
        j0 = 0
        for j in range(n + 1):
            work[least + j], work[used + j] = _INFINITE, 0
        while True:
            work[used + j0] = 1
            row, delta, j1 = work[match + j0], _INFINITE, 0
            for j in range(1, n + 1):
                if work[used + j] == 0:
                    score = np.int64(np.float64(scores[at + (row - 1) * columns + (j - 1) // share]) * scale)
                    cut = -score - work[u + row] - work[v + j]
                    if cut < work[least + j]:
                        work[least + j], work[way + j] = cut, j0
                    if work[least + j] < delta:
                        delta, j1 = work[least + j], j
            for j in range(n + 1):
                if work[used + j] == 1:
                    work[u + work[match + j]] += delta
                    work[v + j] -= delta
                else:
                    work[least + j] -= delta
            j0 = j1
            if work[match + j0] == 0:
                break
        while j0 != 0:
            j1 = work[way + j0]
            work[match + j0] = work[match + j1]
            j0 = j1
    for j in range(1, n + 1):
        work[places + work[match + j] - 1] = (j - 1) // share
    for j in range(6 * (n + 1)):
        work[w + j] = 0


@leaf
def assign_shares(shares, at, rows, columns, places, work, w):
    """:func:`assign` of shares, which lie between 0 and 1."""
    assign(shares, at, rows, columns, _FINE, places, work, w)


@kernel
def _assigned(scores, rows, columns, scale, out):
    work = np.zeros(6 * (rows + 1) + rows, np.int64)
    assign(scores, 0, rows, columns, scale, 0, work, rows)
    for i in range(rows):
        out[i] = work[i]


def assignment(scores: Array) -> Array:
    """The column of every row, each column rows / columns times, with the largest sum of scores.

    Exact for scores rounded to 2**-40 of the largest one. Of several best assignments the one is taken that shortest
    augmenting paths find, rows taken in their order and columns in theirs: the same on every machine.

    Parameters
    ----------
    scores : ndarray, shape (rows, columns)
        Finite. Rows a multiple of columns.

    Returns
    -------
    ndarray of int64, shape (rows,)

    Raises
    ------
    SpecError
        When rows are no multiple of columns, or a score is not finite.

    Examples
    --------
    >>> assignment(np.array([[9.0, 8.0], [9.0, 1.0]]))
    array([1, 0])
    >>> assignment(np.array([[1.0, 0.0], [0.9, 0.0], [0.8, 0.0], [0.1, 0.0]]))
    array([0, 0, 1, 1])
    """
    a = np.ascontiguousarray(scores, np.float64)
    if a.ndim != 2 or a.shape[1] == 0 or a.shape[0] % a.shape[1]:
        raise SpecError(
            f"an assignment is of a whole number of rows a column; this matrix has shape {a.shape}"
        )
    if not np.isfinite(a).all():
        raise SpecError("an assignment is by finite scores; some are NaN or infinite")
    out = np.zeros(len(a), np.int64)
    if len(a):
        _assigned(a.ravel(), len(a), a.shape[1], _FINE / max(float(np.abs(a).max()), 1e-300), out)
    return out
