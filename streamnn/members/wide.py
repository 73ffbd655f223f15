"""A wide linear member: straight from columns, category rows and hashed pairs to the classes or the number."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.ieee import rsqrt32, softmax
from .._kernels.jit import kernel, leaf_options
from .._kernels.lanes import LANES, load, rsqrt, splat, store
from ..features.inputs import PAIR_BITS
from ..network.start import entry_bias
from ..stage import Stage, grown

f4 = np.float32
HUBER = f4(1.0)
"""Errors of a number count as no more than this, in units of its scale."""


@njit(**leaf_options)
def _add(table, ids, s, o):
    # scores of the rows of a table that an event names
    C = len(o)
    for q in range(ids.shape[1]):
        r = ids[s, q]
        if r < 0:
            break
        for c in range(C):
            o[c] += table[r, 0, c]


@njit(**leaf_options)
def _adagrad(table, ids, s, o, step):
    C = len(o)
    for q in range(ids.shape[1]):
        r = ids[s, q]
        if r < 0:
            break
        for c in range(C):
            g = o[c]
            g2 = table[r, 1, c] + g * g
            table[r, 1, c] = g2
            table[r, 0, c] -= step * g * rsqrt32(g2 + f4(1e-1))


@kernel
def _scan(
    op,
    slot,
    target,
    weight,
    classify,
    at,
    n,
    member,
    step,
    use_pairs,
    rows,
    ids,
    pairs,
    w,
    w2,
    table,
    pair,
    p,
):
    C = p.shape[2]
    P = len(w) // (n + 1)  # classes, a lane each
    o, g = np.zeros(C, f4), np.zeros(P, f4)
    one, tiny = f4(1.0), splat(f4(1e-3))
    fresh = -1
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        if s != fresh:
            for j in range(0, P, LANES):
                v = load(w, n * P + j)
                for i in range(n):
                    x = rows[s, at + i]
                    if x != f4(0.0):
                        v = v + splat(x) * load(w, i * P + j)
                store(g, j, v)
            for c in range(C):
                o[c] = g[c]
            _add(table, ids, s, o)
            if use_pairs:
                _add(pair, pairs, s, o)
            if classify:
                softmax(o)
            fresh = s
        if op[e] != 1:
            for c in range(C):
                p[s, member, c] = o[c]
            continue
        fresh = -1
        if classify:
            o[np.int64(target[e])] -= one
        else:
            o[0] = min(max(o[0] - target[e], -HUBER), HUBER)
        for c in range(P):
            if c < C:
                o[c] *= weight[e]
            g[c] = o[c] if c < C else f4(0.0)
        for j in range(0, P, LANES):
            gj = load(g, j)
            tj = splat(step) * gj
            for i in range(n + 1):
                x = rows[s, at + i] if i < n else one
                if x != f4(0.0):
                    k = i * P + j
                    u = splat(x) * gj
                    q = load(w2, k) + u * u
                    store(w2, k, q)
                    store(w, k, load(w, k) - splat(x) * tj * rsqrt(q + tiny))
        _adagrad(table, ids, s, o, step)
        if use_pairs:
            _adagrad(pair, pairs, s, o, step)


def _padded(classes: int) -> int:
    return -(-classes // LANES) * LANES


class Wide(Stage):
    """Linear model with Adagrad steps on a piece of the row and the category rows: logistic for classes, with
    Huber's loss for a number.

    Parameters
    ----------
    name : str
    reads : tuple of str
        First and last block of the row.
    inputs : int
    classes : int
        0 for a number.
    pairs : bool
        Also learn from hashed pairs of category columns.
    member : int
        Its place among the pool's predictions.
    """

    def __init__(
        self,
        name: str,
        reads: tuple[str, str],
        inputs: int,
        classes: int,
        pairs: bool,
        member: int,
        step: float = 0.05,
    ):
        super().__init__(f"wide/{name}")
        self.reads, self.member, self.pairs, self.step = reads, member, pairs, f4(step)
        self._classify = classes > 0
        classes = max(classes, 1)
        n = 1 << PAIR_BITS if pairs else 0
        self.s = {
            "w": np.zeros((inputs + 1, _padded(classes)), f4),  # the last row is the bias
            "w2": np.zeros((inputs + 1, _padded(classes)), f4),
            # a weight, and the sum of its squared gradients
            "table": np.zeros((0, 2, classes), f4),
            "pair": np.zeros((n, 2, classes), f4),
        }
        self._classes = classes

    def grow(
        self, columns: np.ndarray, inputs: int, classes: int, category_rows: int, spare: int = 0
    ) -> None:
        """Make room; `columns` are the new places of the old inputs."""
        s, old = self.s, self._classes
        if inputs + 1 != len(s["w"]):
            where = np.append(columns, inputs)
            for k in ("w", "w2"):
                v = np.zeros((inputs + 1, s[k].shape[1]), f4)
                v[where] = s[k]
                s[k] = v
        if classes > old:
            low = entry_bias(s["w"][-1, :old])
            for k in ("w", "w2"):
                s[k] = grown(s[k], inputs + 1, _padded(classes))
            for k in ("table", "pair"):
                s[k] = grown(s[k], len(s[k]), 2, classes)
            s["w"][-1, old:classes] = low
            self._classes = classes
        self.reserve("table", category_rows, spare)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        start: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan(
            op,
            slot,
            target,
            weight,
            self._classify,
            start,
            len(s["w"]) - 1,
            self.member,
            self.step,
            self.pairs,
            store["row"],
            store["ids"],
            store["pairs"],
            s["w"].reshape(-1),
            s["w2"].reshape(-1),
            s["table"],
            s["pair"],
            store["p"],
        )
