"""The activation functions of a network, one linear spline a unit, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Functions:
    """Linear splines on evenly spaced knots; outside them the first and last piece go on.

    ReLU and its relatives are splines of three knots.

    Parameters
    ----------
    start, piece : ndarray, shape (units,)
        First knot of each unit, and the distance of its knots.
    values : ndarray, shape (units, knots)

    Examples
    --------
    >>> relu = Functions(np.array([-1.0]), np.array([1.0]), np.array([[0.0, 0.0, 1.0]]))
    >>> relu.at(np.array([[-3.0], [2.0]]))[0].ravel().tolist()
    [0.0, 2.0]
    >>> relu.bv2().tolist(), relu.bends().tolist()
    ([2.0], [1])
    """

    start: np.ndarray
    piece: np.ndarray
    values: np.ndarray

    @classmethod
    def two_slopes(cls, below: np.ndarray) -> Functions:
        """Slope 1 above 0 and `below` under it, shape (units,): ReLU and its relatives."""
        one = np.ones(len(below))
        return cls(-one, one, np.stack([-below, 0.0 * one, one], 1))

    def of(self, a: int, b: int) -> Functions:
        """Those of units a .. b - 1."""
        return Functions(self.start[a:b], self.piece[a:b], self.values[a:b])

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and slopes at x, shape (n, units) each; at a knot the slope to the right of it."""
        u = (x - self.start) / self.piece
        i = np.clip(u, 0, self.values.shape[1] - 1.5).astype(int)
        unit = np.arange(len(self.start))
        low, high = self.values[unit, i], self.values[unit, i + 1]
        return low + (u - i) * (high - low), (high - low) / self.piece

    def slopes(self) -> np.ndarray:
        """Slope of each piece, shape (units, knots - 1)."""
        return np.diff(self.values, axis=1) / self.piece[:, None]

    def bends(self) -> np.ndarray:
        """How many knots each unit has at which its slope changes at all."""
        return (np.diff(self.values, 2, axis=1) != 0).sum(1)

    def bv2(self) -> np.ndarray:
        """BV(2) norm of each unit (Aziznejad et al. 2020): total variation of the slope, and sizes at 0 and 1."""
        zero, one = (np.full((1, len(self.start)), x) for x in (0.0, 1.0))
        ends = np.abs(self.at(zero)[0][0]) + np.abs(self.at(one)[0][0])
        out: np.ndarray = np.abs(np.diff(self.slopes(), axis=1)).sum(1) + ends
        return out

    def places(self) -> np.ndarray:
        """Where to look at all of them: their knots where they share them, else as many places over all grids."""
        last = self.start + self.piece * (self.values.shape[1] - 1)
        return np.linspace(self.start.min(), last.max(), max(21, self.values.shape[1]))

    def on(self, x: np.ndarray) -> np.ndarray:
        """Values at the same places for every unit, shape (units, len(x))."""
        return self.at(np.repeat(x[:, None], len(self.start), 1))[0].T
