"""Columns told apart by how their values are distributed: which is which after wires were swapped, without labels."""

from __future__ import annotations

import numpy as np

from ..errors import SpecError
from .assignment import assignment

f4 = np.float32
Array = np.ndarray

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_LARGEST_DEVIATION = 3.0


class Fingerprints:
    """Of every column seven quantiles, the shares of zeros and of missing values, and how much a value keeps to the next.

    Parameters
    ----------
    columns : int
    memory : int
        How many of the last rows count.

    Raises
    ------
    SpecError
        When there is nothing to remember.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(300, 3)) * [1.0, 5.0, 1.0] + [0.0, 0.0, 9.0]
    >>> before, after = Fingerprints(3), Fingerprints(3)
    >>> before.see(rows[:200])
    >>> after.see(rows[200:, [2, 0, 1]])
    >>> rewired(before, after)
    array([1, 2, 0])
    """

    def __init__(self, columns: int, memory: int = 4000) -> None:
        if columns < 1 or memory < 2:
            raise SpecError(f"fingerprints of {columns} columns over {memory} rows: at least 1 over 2")
        self.s: dict[str, Array] = {"rows": np.zeros((memory, columns), f4), "seen": np.zeros(1, np.int64)}
        """All of it, as arrays to save."""

    def see(self, rows: Array) -> None:
        """Rows in their order, shape (events, columns), or one row; NaN is missing."""
        kept = self.s["rows"]
        rows = np.asarray(rows, f4).reshape(-1, kept.shape[1])
        n = int(self.s["seen"][0])
        for i, row in enumerate(rows[-len(kept) :], n + max(len(rows) - len(kept), 0)):
            kept[i % len(kept)] = row
        self.s["seen"][0] = n + len(rows)

    def recent(self) -> Array:
        """The rows that count, oldest first."""
        kept, n = self.s["rows"], int(self.s["seen"][0])
        return kept[:n] if n <= len(kept) else np.roll(kept, -(n % len(kept)), axis=0)

    def marks(self) -> tuple[Array, Array, Array]:
        """Quantiles (columns, 7); shares of zeros and of missing values (columns, 2); and unsteadiness (columns,):
        mean square of a step over twice the variance, 1 for noise and near 0 for what moves slowly."""
        x = np.asarray(self.recent(), np.float64)
        if len(x) < 2:
            raise SpecError(f"fingerprints after {len(x)} rows: at least 2 are needed")
        gone = np.isnan(x)
        middle = np.nan_to_num(np.nanmean(np.where(gone.all(0), 0.0, x), axis=0))
        x = np.where(gone, middle, x)
        shares = np.stack([(x == 0.0).mean(0), gone.mean(0)], 1)
        steps = np.diff(x, axis=0)
        return np.quantile(x, LEVELS, axis=0).T, shares, (steps**2).mean(0) / (2.0 * x.var(0) + 1e-9)


def rewired(before: Fingerprints, after: Fingerprints) -> Array:
    """Which column is which after columns changed places: what was column j is now column ``order[j]``.

    By :func:`streamnn.permutations.assignment.assignment` of fingerprints. Sensors are told apart after 50 to 200
    rows; columns of codes or of equal distributions are not, at any number of rows.

    Parameters
    ----------
    before, after : Fingerprints
        Of rows before the change and after it, as many columns in both.

    Returns
    -------
    ndarray of int64, shape (columns,)
    """
    (q, z, u), (q2, z2, u2) = before.marks(), after.marks()
    if len(q) != len(q2):
        raise SpecError(f"fingerprints of {len(q)} and of {len(q2)} columns: which is which needs as many")
    unit = (q.std(1) + np.abs(q).mean(1) + 1e-6)[:, None, None]
    far = np.clip(np.abs(q[:, None] - q2[None]) / unit, 0.0, _LARGEST_DEVIATION).mean(2)
    far += np.abs(z[:, None] - z2[None]).sum(2)
    far += 0.5 * np.clip(np.abs(np.log((u[:, None] + 0.01) / (u2[None] + 0.01))), 0.0, _LARGEST_DEVIATION)
    return assignment(-far)
