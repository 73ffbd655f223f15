"""A wide linear member: straight from columns, category rows and hashed pairs to the classes or the number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import rsqrt32, softmax
from .._kernels.jit import kernel, leaf
from .._kernels.lanes import LANES, load, rsqrt, splat, store
from ..features.inputs import PAIR_BITS
from ..features.layout import Layout
from ..network.start import entry_bias
from ..stage import grown
from ..state import Arrays
from ..types import EXPIRE, LEARN
from .member import Member, Room, Segment

f4 = np.float32
HUBER = f4(1.0)
"""Errors of a number count as no more than this, in units of its scale."""
RATE = f4(0.05)
"""Step of Adagrad (Duchi, Hazan and Singer 2011), over the root of each weight's summed squared gradients."""


class _Setting(NamedTuple):
    """Inputs, the place of its predictions, the step, and whether pairs are learnt from."""

    inputs: int
    place: int
    step: np.float32
    pairs: bool


class _Weights(NamedTuple):
    """Weights of the row and their sums of squared gradients; both of category rows and of pairs."""

    w: np.ndarray
    w2: np.ndarray
    table: np.ndarray
    pair: np.ndarray


class _Store(NamedTuple):
    """What is read and written of pending events."""

    row: np.ndarray
    ids: np.ndarray
    pairs: np.ndarray
    p: np.ndarray


@leaf
def _add(table, ids, s, o):
    # scores of the rows of a table that an event names
    C = len(o)
    for q in range(ids.shape[1]):
        r = ids[s, q]
        if r < 0:
            break
        for c in range(C):
            o[c] += table[r, 0, c]


@leaf
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
def _scan(op, slot, target, weight, classify, at, setting: _Setting, weights: _Weights, events: _Store):
    n, place, step, use_pairs = setting
    w, w2, table, pair = weights
    rows, ids, pairs, p = events
    C = p.shape[2]
    P = len(w) // (n + 1)  # classes, a lane each
    o, g = np.zeros(C, f4), np.zeros(P, f4)
    one, tiny = f4(1.0), splat(f4(1e-3))
    fresh = -1
    for e in range(len(op)):
        if op[e] == EXPIRE:
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
        if op[e] != LEARN:
            for c in range(C):
                p[s, place, c] = o[c]
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


class Wide(Member):
    """Linear model with Adagrad steps on a piece of the row and the category rows: logistic for classes, with
    Huber's loss for a number.

    Parameters
    ----------
    name : str
        Of its predictions.
    reads : tuple of str
        First and last block of the row.
    pairs : bool
        Also learn from hashed pairs of category columns.
    room : Room
    """

    compiled = True

    def __init__(self, name: str, reads: tuple[str, str], pairs: bool, room: Room) -> None:
        super().__init__(f"wide/{name}", (name,), room)
        self.reads, self._pairs = reads, pairs
        self._classify, self._values = room.classify, room.values
        inputs, n = room.layout.width(reads), 1 << PAIR_BITS if pairs else 0
        self.s = {
            "w": np.zeros((inputs + 1, _padded(room.values)), f4),  # the last row is the bias
            "w2": np.zeros((inputs + 1, _padded(room.values)), f4),
            # a weight, and the sum of its squared gradients
            "table": np.zeros((0, 2, room.values), f4),
            "pair": np.zeros((n, 2, room.values), f4),
        }

    def make_room(self, room: Room) -> None:
        """Grow with rows and labels."""
        s, old, values = self.s, self._values, room.values
        columns, inputs = room.piece(self.reads)
        if inputs + 1 != len(s["w"]):
            where = np.append(columns, inputs)
            for k in ("w", "w2"):
                v = np.zeros((inputs + 1, s[k].shape[1]), f4)
                v[where] = s[k]
                s[k] = v
        if values > old:
            low = entry_bias(s["w"][-1, :old])
            for k in ("w", "w2"):
                s[k] = grown(s[k], inputs + 1, _padded(values))
            for k in ("table", "pair"):
                s[k] = grown(s[k], len(s[k]), 2, values)
            s["w"][-1, old:values] = low
            self._values = values
        self.reserve("table", room.category_rows)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan(
            *(segment.op, segment.slot, segment.target, segment.weight),
            self._classify,
            layout.span(*self.reads)[0],
            _Setting(len(s["w"]) - 1, self.place, RATE, self._pairs),
            _Weights(s["w"].reshape(-1), s["w2"].reshape(-1), s["table"], s["pair"]),
            _Store(store["row"], store["ids"], store["pairs"], store["p"]),
        )
