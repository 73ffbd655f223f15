"""A wide linear member: straight from columns, category rows and hashed pairs to the classes or the number."""

from __future__ import annotations

import numpy as np

from .._jit import kernel
from .._math import softmax
from ..features.inputs import PAIR_BITS
from ..stage import Stage, grown

f4 = np.float32
HUBER = f4(1.0)
"""Errors of a number count as no more than this, in units of its scale."""


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
    table2,
    pair,
    pair2,
    p,
):
    C = w.shape[1]
    o = np.zeros(C, f4)
    bias = len(w) - 1
    fresh = -1
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        if s != fresh:
            for c in range(C):
                o[c] = w[bias, c]
            for i in range(n):
                x = rows[s, at + i]
                if x != f4(0.0):
                    for c in range(C):
                        o[c] += x * w[i, c]
            for q in range(ids.shape[1]):
                r = ids[s, q]
                if r < 0:
                    break
                for c in range(C):
                    o[c] += table[r, c]
            if use_pairs:
                for q in range(pairs.shape[1]):
                    r = pairs[s, q]
                    if r < 0:
                        break
                    for c in range(C):
                        o[c] += pair[r, c]
            if classify:
                softmax(o)
            fresh = s
        if op[e] != 1:
            for c in range(C):
                p[s, member, c] = o[c]
            continue
        fresh = -1
        if classify:
            o[np.int64(target[e])] -= f4(1.0)
        else:
            o[0] = min(max(o[0] - target[e], -HUBER), HUBER)
        for c in range(C):
            o[c] *= weight[e]
        for i in range(n + 1):
            x = rows[s, at + i] if i < n else f4(1.0)
            r = i if i < n else bias
            if x != f4(0.0):
                for c in range(C):
                    g = x * o[c]
                    w2[r, c] += g * g
                    w[r, c] -= step * g / (np.sqrt(w2[r, c]) + f4(1e-2))
        for q in range(ids.shape[1]):
            r = ids[s, q]
            if r < 0:
                break
            for c in range(C):
                table2[r, c] += o[c] * o[c]
                table[r, c] -= step * o[c] / (np.sqrt(table2[r, c]) + f4(1e-1))
        if use_pairs:
            for q in range(pairs.shape[1]):
                r = pairs[s, q]
                if r < 0:
                    break
                for c in range(C):
                    pair2[r, c] += o[c] * o[c]
                    pair[r, c] -= step * o[c] / (np.sqrt(pair2[r, c]) + f4(1e-1))


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
            "w": np.zeros((inputs + 1, classes), f4),  # the last row is the bias
            "w2": np.zeros((inputs + 1, classes), f4),
            "table": np.zeros((0, classes), f4),
            "table2": np.zeros((0, classes), f4),
            "pair": np.zeros((n, classes), f4),
            "pair2": np.zeros((n, classes), f4),
        }

    def grow(
        self, columns: np.ndarray, inputs: int, classes: int, category_rows: int, spare: int = 0
    ) -> None:
        """Make room; `columns` are the new places of the old inputs."""
        s = self.s
        old = s["w"].shape[1]
        if inputs + 1 != len(s["w"]):
            where = np.append(columns, inputs)
            for k in ("w", "w2"):
                v = np.zeros((inputs + 1, old), f4)
                v[where] = s[k]
                s[k] = v
        if classes > old:
            low = s["w"][-1].min() - f4(3.0)  # a new class enters with a small share
            for k in s:
                s[k] = grown(s[k], len(s[k]), classes)
            s["w"][-1, old:] = low
        self.reserve("table", category_rows, spare)
        self.reserve("table2", category_rows, spare)

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
            s["w"],
            s["w2"],
            s["table"],
            s["table2"],
            s["pair"],
            s["pair2"],
            store["p"],
        )
