"""What is done to a network's splines once in so many learnt events: their grids follow what comes in, and their dead
knots die."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.jit import kernel, leaf_options
from .arrays import TIGHT
from .prox import FIRM, box

FOLLOW = 100
"""Grids are looked at every so many learnt events."""
NARROW, WIDE = 0.4, 0.9
"""A grid of which less than this share is used is halved; one that would be used more than that is doubled."""


@njit(**leaf_options)
def shrink(c, grid, pull, limit, patience, side, dead, room, f):
    """One proximal step on every unit, in place.

    Values come out as whole multiples of a power of two, so that a dead knot's second difference is 0 in any
    arithmetic. Slopes stay within `limit`; knots dead for `patience` steps in a row are pruned.

    Parameters
    ----------
    c : ndarray of float32, shape (units, knots)
    grid : ndarray of float32, shape (3, units)
    pull : ndarray of float32, shape (units,)
        How far the sum of slope changes is pulled to 0.
    limit : float
        Largest slope; 0 is none.
    patience : int
        0 prunes nothing.
    side, dead : ndarray of int8 and uint8, shapes (units, knots - 2)
        Sign of each knot's bend, and for how many steps it has been dead, at most 255.
    room : ndarray of float64, shape (9, knots)
    f : ndarray of int64, shape (knots - 2,)
    """
    U, K = c.shape
    n = K - 2
    b, lam, u, x, work = room[0, :n], room[1, :n], room[2, :n], room[3], room[4:, :n]
    for j in range(U):
        top = 0.0
        for i in range(K):
            x[i] = c[j, i]
            top = max(top, abs(x[i]))
        if not top < 1e30:
            continue
        for k in range(n):
            b[k] = x[k] - 2.0 * x[k + 1] + x[k + 2]
            lam[k] = np.float64(pull[j]) / np.float64(grid[1, j])
            if patience > 0 and dead[j, k] >= patience:
                lam[k] *= FIRM
        if box(b, lam, side[j], u, work, f) < 0:
            continue
        for k in range(n):  # x = c - D'u
            x[k] -= u[k]
            x[k + 1] += 2.0 * u[k]
            x[k + 2] -= u[k]
        unit = 2.0**-10
        while unit < top:
            unit *= 2.0
        unit *= 2.0**-21
        most = np.floor(np.float64(limit) * np.float64(TIGHT) * np.float64(grid[1, j]) / unit)
        # steps between knots in whole units, equal where a knot is dead
        a, low, mean = 0, 0.0, 0.0
        for k in range(1, K):
            if k < K - 1 and side[j, k - 1] == 0:
                continue
            step = np.floor((x[k] - x[a]) / ((k - a) * unit) + 0.5)
            if limit > 0.0:
                step = min(max(step, -most), most)
            for i in range(a + 1, k + 1):
                low += step
                mean += x[i] - low * unit
                c[j, i] = np.float32(low * unit)
            a = k
        start = np.floor((mean + x[0]) / (K * unit) + 0.5)
        c[j, 0] = np.float32(start * unit)
        for i in range(1, K):
            c[j, i] = np.float32(np.float64(c[j, i]) + start * unit)
        for k in range(n):
            bend = (np.float64(c[j, k]) - np.float64(c[j, k + 1])) - (
                np.float64(c[j, k + 1]) - np.float64(c[j, k + 2])
            )
            side[j, k] = 1 if bend > 0.0 else -1 if bend < 0.0 else 0
            dead[j, k] = 0 if side[j, k] != 0 else min(dead[j, k] + 1, 255)


@njit(**leaf_options)
def _move(c, piece, offset, new, place, x):
    # the same function's values on another grid; x is room
    K = len(c)
    for i in range(K):
        u = (i - place) * (new / piece) + offset
        q = min(max(int(np.floor(u)), 0), K - 2)
        x[i] = c[q] + (u - q) * (np.float64(c[q + 1]) - np.float64(c[q]))
    for i in range(K):
        c[i] = np.float32(x[i])


@njit(**leaf_options)
def follow(c, means, grid, reach, smallest, side, dead, x):
    """Move grids to where the pre-activations are, in place.

    Knots stay on whole multiples of their distance, which is halved or doubled. A grid that moves or is halved keeps
    its function on all of the new grid; one that is doubled keeps it at all of its knots, and everywhere if the knots
    it loses are dead.

    Parameters
    ----------
    c, means : ndarray of float32, shape (units, knots)
        Values, and their averages or none.
    grid : ndarray of float32, shape (3, units)
    reach : ndarray of float32, shape (2, units)
        Lower and upper end of what comes in.
    smallest : float
        Distance of knots that is not halved.
    side, dead : ndarray, shapes (units, knots - 2) or none
        Forgotten where a grid moves.
    x : ndarray of float64, shape (knots,)
    """
    U, K = c.shape
    for j in range(U):
        piece, offset = np.float64(grid[1, j]), np.float64(grid[2, j])
        low, high = np.float64(reach[0, j]), np.float64(reach[1, j])
        all_ = (K - 1) * piece
        new = piece
        if low < -offset * piece or high > all_ - offset * piece:
            if high - low > WIDE * all_:
                new = piece * 2.0
        elif high - low < NARROW * all_ and piece > smallest:
            new = piece * 0.5
        else:
            continue
        place = np.floor((K - 1) // 2 - 0.5 * (low + high) / new + 0.5)
        if (new == piece and place == offset) or not abs(place) < 1e6:
            continue
        _move(c[j], piece, offset, new, place, x)
        if len(means) > 0:
            _move(means[j], piece, offset, new, place, x)
        grid[0, j], grid[1, j], grid[2, j] = np.float32(1.0 / new), np.float32(new), np.float32(place)
        if len(side) > 0:
            for k in range(K - 2):
                side[j, k], dead[j, k] = 0, 0


@kernel
def settle(learnt, settled, c, means, grid, reach, smallest, pull, every, limit, patience, side, dead):
    """Move grids and take the proximal step if they are due at this many learnt events, once."""
    if learnt[0] == settled[0]:
        return 0
    settled[0] = learnt[0]
    room, f = np.zeros((9, c.shape[1])), np.zeros(c.shape[1], np.int64)
    if reach.shape[1] > 0 and learnt[0] % FOLLOW == 0:
        follow(c, means, grid, reach, smallest, side, dead, room[0])
    if side.shape[0] > 0 and learnt[0] % every == 0:
        shrink(c, grid, pull, limit, patience, side, dead, room, f)
    return 1
