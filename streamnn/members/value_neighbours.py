"""Nearest neighbours for a number target: the mean of the targets of the nearest of the latest rows."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from .._kernels.lanes import LANES
from ..stage import Stage
from .distances import BLOCK, distances, held_rows, hold, with_columns

f4 = np.float32
WINDOW = 1024
NEAREST = 16


@kernel
def _scan(op, slot, y, at, member, rows, ring, label, count, scale, p):
    W, K = len(label), NEAREST
    d = len(ring) // W
    dist, nearest = np.zeros(W, f4), np.zeros(W // LANES, f4)
    near_d, near_y = np.zeros(K, f4), np.zeros(K)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == 1:
            q = count[0] % W
            hold(ring, d, q, rows, s, at)
            label[q] = y[e]
            count[0] += 1
        elif op[e] != 2:
            held = min(count[0], W)
            k, worst = 0, f4(1e30)
            for b in range(0, held, LANES):
                if b % BLOCK == 0:
                    distances(ring, d, b // BLOCK, rows, s, at, worst, dist, nearest)
                if nearest[b // LANES] >= worst:
                    continue
                for q in range(b, min(b + LANES, held)):
                    x = dist[q]
                    if x < worst:
                        j = min(k, K - 1)
                        while j > 0 and near_d[j - 1] > x:
                            near_d[j], near_y[j] = near_d[j - 1], near_y[j - 1]
                            j -= 1
                        near_d[j], near_y[j] = x, label[q]
                        k = min(k + 1, K)
                        if k == K:
                            worst = near_d[K - 1]
            t = 0.0
            for j in range(k):
                t += near_y[j]
            p[s, member, 0] = (t / k - scale[s, 0]) / scale[s, 1] if k > 0 else 0.0


class ValueNeighbours(Stage):
    """Mean target of the 16 nearest of the last 1,024 learnt events.

    Parameters
    ----------
    columns : int
    member : int
        Its place among the pool's predictions.
    """

    def __init__(self, columns: int, member: int):
        super().__init__("neighbours")
        self.member = member
        self.s = {
            "ring": held_rows(columns, WINDOW),
            "label": np.zeros(WINDOW),
            "count": np.zeros(1, np.int64),
        }

    def grow(self, columns: int) -> None:
        """Make room for columns; rows held have 0, the mean, there."""
        self.s["ring"] = with_columns(self.s["ring"], columns)

    def scan(
        self, op: np.ndarray, slot: np.ndarray, y: np.ndarray, start: int, store: dict[str, np.ndarray]
    ) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan(
            op,
            slot,
            y,
            start,
            self.member,
            store["row"],
            s["ring"].reshape(-1),
            s["label"],
            s["count"],
            store["scale"],
            store["p"],
        )
