"""Rows held in blocks of 64 and their squared distances, given up early where they are too far."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, smaller, smallest, splat, store
from .._kernels.memory import zeros

f4 = np.float32
BLOCK = 4 * LANES
_GLANCE = 16
"""Columns after which a block is looked at: it may be too far already."""


def held_rows(columns: int, rows: int) -> np.ndarray:
    """Room for rows: blocks of 64 of them, within a block column by column."""
    return zeros((rows // BLOCK, columns, BLOCK), f4)


def with_columns(ring: np.ndarray, columns: int) -> np.ndarray:
    """The same rows with more columns; they have 0, the mean, there."""
    if columns <= ring.shape[1]:
        return ring
    out = held_rows(columns, len(ring) * BLOCK)
    out[:, : ring.shape[1]] = ring
    return out


@leaf
def hold(ring, d, q, rows, s, at):
    """Put row `s` of the store into place `q`."""
    o = q // BLOCK * d * BLOCK + q % BLOCK
    for i in range(d):
        ring[o + i * BLOCK] = rows[s, at + i]


@leaf
def distances(ring, d, block, rows, s, at, worst, dist, nearest):
    """Squared distances of row `s` of the store to the 64 rows of a block, and the smallest of each sixteen.

    Where none is below `worst` the distances may be left out: ``nearest`` is then no smaller than it. Rows not
    held yet are 0.
    """
    zero = splat(f4(0.0))
    v0, v1, v2, v3 = zero, zero, zero, zero
    o, b = block * d * BLOCK, block * 4
    for first in range(0, d, _GLANCE):
        for i in range(first, min(first + _GLANCE, d)):
            x, k = splat(rows[s, at + i]), o + i * BLOCK
            u0, u1 = load(ring, k) - x, load(ring, k + LANES) - x
            u2, u3 = load(ring, k + 2 * LANES) - x, load(ring, k + 3 * LANES) - x
            v0, v1, v2, v3 = v0 + u0 * u0, v1 + u1 * u1, v2 + u2 * u2, v3 + u3 * u3
        near = smallest(smaller(smaller(v0, v1), smaller(v2, v3)))
        if near >= worst:
            nearest[b], nearest[b + 1], nearest[b + 2], nearest[b + 3] = near, near, near, near
            return
    store(dist, block * BLOCK, v0)
    store(dist, block * BLOCK + LANES, v1)
    store(dist, block * BLOCK + 2 * LANES, v2)
    store(dist, block * BLOCK + 3 * LANES, v3)
    nearest[b], nearest[b + 1] = smallest(v0), smallest(v1)
    nearest[b + 2], nearest[b + 3] = smallest(v2), smallest(v3)
