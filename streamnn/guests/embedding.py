"""What the values of text columns add to a guest's row, learnt beside the network by a rule of its own."""

from __future__ import annotations

import numpy as np

from ..state import Arrays

f4 = np.float32
_LEAST = 64


class Embedding:
    """A row of numbers for every value of a text or declared category column, added to the row that the network reads.

    Zero at the start. It is no parameter of the network's optimiser, as a value is seen seldom: each row has AdaGrad's
    steps [1]_, ``v += g * g; row -= lr * g / (sqrt(v) + 1e-8)``, with g the gradient of the loss by the input row.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Receives ``table`` and ``table2``, float32, shape (rows, inputs): the rows, and the sums of their squared
        gradients. There are no rows before a value comes. ``sizes[3]`` is how many there are.
    lr : float
    inputs : int

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
       optimization", JMLR 12 (2011).
    """

    def __init__(self, arrays: Arrays, lr: float, inputs: int) -> None:
        self._s, self._lr = arrays, f4(lr)
        arrays["table"], arrays["table2"] = np.zeros((0, inputs), f4), np.zeros((0, inputs), f4)

    def rows(self, rows: int) -> None:
        """Have so many rows."""
        for leaf in ("table", "table2"):
            old = self._s[leaf]
            self._s[leaf] = np.zeros((rows, old.shape[1]), f4)
            self._s[leaf][: len(old)] = old[:rows]
        self._s["sizes"][3] = rows

    def make_room(self, ids: np.ndarray) -> None:
        """Have a row for each of an event's values."""
        if ids[0] >= 0:
            most = int(ids.max())
            if most >= len(self._s["table"]):
                self.rows(max(_LEAST, 1 << most.bit_length()))

    def add(self, row: np.ndarray, ids: np.ndarray, out: np.ndarray) -> None:
        """Write a row, or a window of rows, with what an event's values add to the last of them."""
        out[...] = row
        if ids[0] >= 0:
            table, last = self._s["table"], out if out.ndim == 1 else out[-1]
            for r in ids.tolist():
                if 0 <= r < len(table):
                    last += table[r]

    def learn(self, names: np.ndarray, gradient: np.ndarray) -> None:
        """A step by the gradients of a micro-batch's rows, in their order; `names`, shape (n, columns), are their values."""
        table, squares = self._s["table"], self._s["table2"]
        for ids, g in zip(names, gradient, strict=True):
            g = g if g.ndim == 1 else g[-1]
            for r in ids.tolist():
                if r < 0:
                    break
                squares[r] += g * g
                table[r] -= self._lr * g / (np.sqrt(squares[r]) + f4(1e-8))
