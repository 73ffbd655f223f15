"""Nearest neighbours over nested windows, each neighbour trusted by its record."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.jit import kernel, leaf_options
from .._kernels.lanes import LANES
from ..stage import Stage
from .distances import BLOCK, distances, held_rows, hold, with_columns

f4 = np.float32
WINDOWS = (64, 128, 512)
NEAREST = 5
_FLOOR = f4(0.02)  # of every class's vote: a new class changes no ratio between the others


@njit(**leaf_options)
def _vote(near_i, label, trust, p, s, member):
    C = p.shape[2]
    t = _FLOOR * f4(C)
    for c in range(C):
        p[s, member, c] = _FLOOR
    for j in range(len(near_i)):
        if near_i[j] >= 0:
            v = trust[near_i[j]] / (f4(1.0) + f4(0.25) * f4(j))
            p[s, member, label[near_i[j]]] += v
            t += v
    for c in range(C):
        p[s, member, c] /= t


@kernel
def _scan(op, slot, ticket, y, at, member, windows, rows, ring, label, trust, owner, count, near, p):
    d = len(ring) // len(label)
    W = len(label)
    dist, nearest = np.zeros(W, f4), np.zeros(W // LANES, f4)
    k = near.shape[1]
    near_d, near_i = np.zeros(k, f4), np.zeros(k, np.int64)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == 1:
            for j in range(k):  # the neighbours of then are trusted more or less, if they are still held
                q = near[s, j, 0]
                if q >= 0 and owner[q] == near[s, j, 1]:
                    trust[q] = min(f4(1.0), trust[q] * f4(1.25)) if label[q] == y[e] else trust[q] * f4(0.5)
            q = count[0] % W
            hold(ring, d, q, rows, s, at)
            label[q], trust[q], owner[q] = y[e], f4(1.0), ticket[e]
            count[0] += 1
        elif op[e] != 2:
            held = min(count[0], W)
            pos = count[0] % W
            for j in range(k):
                near_d[j], near_i[j] = f4(1e30), -1
            worst = f4(1e30)
            w = 0
            a = 0
            block, start = -1, -1
            while a < held:  # from the latest backwards
                q = pos - 1 - a
                if q < 0:
                    q += W
                if q // BLOCK != block:
                    block = q // BLOCK
                    if block != start:  # the latest and the oldest rows share one: its distances are there
                        distances(ring, d, block, rows, s, at, worst, dist, nearest)
                    if a == 0:
                        start = block
                # to the start of its sixteen, of the window, or of what is held
                stop = min(q % LANES + 1, held - a)
                if w < len(windows):
                    stop = min(stop, windows[w] - a)
                if nearest[q // LANES] < worst:
                    for r in range(q, q - stop, -1):
                        x = dist[r]
                        if x < worst:
                            j = k - 1
                            while j > 0 and near_d[j - 1] > x:
                                near_d[j], near_i[j] = near_d[j - 1], near_i[j - 1]
                                j -= 1
                            near_d[j], near_i[j] = x, r
                            worst = near_d[k - 1]
                a += stop
                if w < len(windows) and a == windows[w]:
                    _vote(near_i, label, trust, p, s, member + w)
                    w += 1
            while w < len(windows):
                _vote(near_i, label, trust, p, s, member + w)
                w += 1
            for j in range(k):
                near[s, j, 0] = near_i[j]
                near[s, j, 1] = owner[near_i[j]] if near_i[j] >= 0 else -1


class Neighbours(Stage):
    """The five nearest of the last 64, 128 and 512 learnt events, found in one pass; one member for each window.

    A neighbour's vote is its rank's weight times its trust, which grows when it agreed with a label and
    halves when it did not.

    Parameters
    ----------
    columns : int
    member : int
        Place of the first of its members among the pool's predictions.
    """

    def __init__(self, columns: int, member: int):
        super().__init__("neighbours")
        W = WINDOWS[-1]
        self.member = member
        self._windows = np.array(WINDOWS)
        self.s = {
            "ring": held_rows(columns, W),
            "label": np.zeros(W, np.int64),
            "trust": np.zeros(W, f4),
            "owner": np.full(W, -1, np.int64),
            "count": np.zeros(1, np.int64),
        }

    def grow(self, columns: int) -> None:
        """Make room for columns; rows held have 0, the mean, there."""
        self.s["ring"] = with_columns(self.s["ring"], columns)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        ticket: np.ndarray,
        y: np.ndarray,
        start: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan(
            op,
            slot,
            ticket,
            y,
            start,
            self.member,
            self._windows,
            store["row"],
            s["ring"].reshape(-1),
            s["label"],
            s["trust"],
            s["owner"],
            s["count"],
            store["near"],
            store["p"],
        )
