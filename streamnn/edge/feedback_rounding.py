"""Error feedback for the candidates of one module: weights and category rows together, group by group."""

from __future__ import annotations

import numpy as np

from .bits import Bits
from .feedback import round_with_feedback, second_moments

Array = np.ndarray
FEEDBACK_INPUTS = 1024
"""Most inputs of a group that are rounded with feedback, whose cost grows with their third power."""
FEEDBACK_ROWS = 512
"""Category rows rounded with feedback, the most frequent; the others are rounded alone."""


class FeedbackRounding:
    """Rounds the weights of one module.

    Parameters
    ----------
    weights : ndarray of float64, shape (inputs, units)
    table : ndarray of float64, shape (rows, units)
    groups : int
        Blocks of inputs and of units, of which each sees its own only.
    x, ids : ndarray
        Integers that come in, and category rows, of all events that are known.
    fraction : int
        Fraction bits of x.
    options : Bits
    """

    def __init__(
        self, weights: Array, table: Array, groups: int, x: Array, ids: Array, fraction: int, options: Bits
    ) -> None:
        self._weights, self._table, self._options = weights, table, options
        self._x, self._ids, self._fraction = x, ids, fraction
        inputs, units = weights.shape
        self._blocks = [
            (
                slice(g * inputs // groups, (g + 1) * inputs // groups),
                slice(g * units // groups, (g + 1) * units // groups),
            )
            for g in range(groups)
        ]
        self._moments: list[Array] = []
        self._used = np.zeros(0, np.int64)

    def __call__(self, weight_fraction: Array, table_fraction: Array, table: Array) -> Array:
        """Integer weights of candidates; the rows of the table in use are rounded with them.

        Parameters
        ----------
        weight_fraction, table_fraction : ndarray of int64, shape (candidates, units)
        table : ndarray of int64, shape (candidates, rows, units)
            Its rows in use are overwritten.

        Returns
        -------
        ndarray of int64, shape (candidates, inputs, units)
        """
        if not self._moments:
            self._used = self._rows_in_use()
            self._moments = [
                second_moments(self._x[:, own], self._ids, self._used, self._fraction)
                for own, _ in self._blocks
            ]
        candidates = len(weight_fraction)
        out = np.zeros((candidates, *self._weights.shape), np.int64)
        for (own, of), moments in zip(self._blocks, self._moments, strict=True):
            wanted = np.concatenate([self._weights[own, of], self._table[self._used][:, of]])
            rows, units = wanted.shape
            inputs = own.stop - own.start
            grid = np.repeat(weight_fraction[None, :, of], rows, 0)
            grid[inputs:] = table_fraction[None, :, of]
            top = np.full(rows, (1 << (self._options.weights - 1)) - 1)
            top[inputs:] = (1 << (self._options.of_table - 1)) - 1
            # candidates of a unit are columns side by side
            columns = np.repeat(wanted[:, None], candidates, 1).reshape(rows, -1)
            q = round_with_feedback(moments, columns, grid.reshape(rows, -1), top)
            q = q.reshape(rows, candidates, units)
            out[:, own, of] = q[:inputs].transpose(1, 0, 2)
            table[:, self._used, of] = q[inputs:].transpose(1, 0, 2)
        return out

    def _rows_in_use(self) -> Array:
        if not len(self._table):
            return np.zeros(0, np.int64)
        count = np.bincount(self._ids[self._ids >= 0].ravel(), minlength=len(self._table))
        found = np.argsort(-count, kind="stable")[:FEEDBACK_ROWS]
        return np.sort(found[count[found] > 0])
