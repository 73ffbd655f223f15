"""What is done to a network's splines every hundred or thousand learnt events: grids move, knots die."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from .arrays import TIGHT, Adaptation, Splines
from .prox import FIRM, box

GRID_EVERY = 100
"""Learnt events between two looks at the grids."""
HALVED_BELOW, DOUBLED_ABOVE = 0.4, 0.9
"""Shares of a grid: one of which less is used is halved, one of which more would be used is doubled."""


@leaf
def proximal_step(splines, adaptation, room, f):
    """One proximal step on every unit, in place.

    Values come out as whole multiples of a power of two, so that a dead knot's second difference is 0 in any
    arithmetic. Slopes stay within the limit; knots that have been dead for long are pruned.

    Parameters
    ----------
    splines : Splines
    adaptation : Adaptation
    room : ndarray of float64, shape (9, knots)
    f : ndarray of int64, shape (knots - 2,)
    """
    c, _, grid, _, side, dead = splines
    pull, _, limit, patience, _ = adaptation
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


@leaf
def _move(c, piece, offset, new, place, x):
    # the same function's values on another grid; x is room
    K = len(c)
    for i in range(K):
        u = (i - place) * (new / piece) + offset
        q = min(max(int(np.floor(u)), 0), K - 2)
        x[i] = c[q] + (u - q) * (np.float64(c[q + 1]) - np.float64(c[q]))
    for i in range(K):
        c[i] = np.float32(x[i])


@leaf
def move_grids(splines, smallest, x):
    """Move grids to where the pre-activations are, in place.

    Knots stay on whole multiples of their distance, which is halved or doubled. A grid that moves or is halved keeps
    its function on all of the new grid; one that is doubled keeps it at all of its knots, and everywhere if the knots
    it loses are dead.

    Parameters
    ----------
    splines : Splines
        Sides and ages of dead knots are forgotten where a grid moves.
    smallest : float
        Distance of knots that is not halved.
    x : ndarray of float64, shape (knots,)
    """
    c, means, grid, reach, side, dead = splines
    U, K = c.shape
    for j in range(U):
        piece, offset = np.float64(grid[1, j]), np.float64(grid[2, j])
        low, high = np.float64(reach[0, j]), np.float64(reach[1, j])
        all_ = (K - 1) * piece
        new = piece
        if low < -offset * piece or high > all_ - offset * piece:
            if high - low > DOUBLED_ABOVE * all_:
                new = piece * 2.0
        elif high - low < HALVED_BELOW * all_ and piece > smallest:
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
def adapt_splines(learnt, adapted, splines: Splines, adaptation: Adaptation):
    """Move grids and take the proximal step if they are due at this many learnt events, once."""
    if learnt[0] == adapted[0]:
        return 0
    adapted[0] = learnt[0]
    K = splines.knots.shape[1]
    room, f = np.zeros((9, K)), np.zeros(K, np.int64)
    if splines.reach.shape[1] > 0 and learnt[0] % GRID_EVERY == 0:
        move_grids(splines, adaptation.smallest, room[0])
    if splines.side.shape[0] > 0 and learnt[0] % adaptation.every == 0:
        proximal_step(splines, adaptation, room, f)
    return 1
