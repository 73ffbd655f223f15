"""Long curves joined to as many points as a picture shows."""

from __future__ import annotations

import numpy as np


class Downsampling:
    """Neighbouring points joined to at most `most` groups.

    A last group that is not half as large as the others joins the one before: a mean of a few events among means of
    hundreds is a spike that says nothing, and the end of a picture is where one looks.

    Parameters
    ----------
    sizes : ndarray of float, shape (n,)
        Events, or labels, that each point stands for.
    most : int

    Attributes
    ----------
    starts, last : ndarray of int, shape (groups,)
        First and last point of each group.

    Examples
    --------
    >>> import numpy as np
    >>> Downsampling(np.array([9, 9, 9, 9, 9]), 3).starts
    array([0, 2, 4])
    >>> Downsampling(np.array([9, 9, 9, 9, 2]), 3).starts
    array([0, 2])
    """

    def __init__(self, sizes: np.ndarray, most: int):
        self.sizes = sizes
        starts = np.arange(0, len(sizes), max(1, -(-len(sizes) // most)))
        if len(starts) > 2:
            joined = np.add.reduceat(np.asarray(sizes, float), starts)
            if joined[-1] < 0.5 * np.median(joined[:-1]):
                starts = starts[:-1]
        self.starts = starts
        self.last = np.append(starts[1:], len(sizes)) - 1 if len(sizes) else starts

    def mean(self, values: np.ndarray, weighted: bool = True) -> np.ndarray:
        """Mean of each group, each point weighted by its size, or all of them alike."""
        return join_means(values, self.sizes if weighted else np.ones(len(self.sizes)), self.starts)


def join_means(values: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Weighted mean of each group of neighbours; NaNs are left out, a group of NaNs stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> join_means(np.array([1.0, 3.0, np.nan]), np.array([3.0, 1.0, 1.0]), np.array([0, 2]))
    array([1.5, nan])
    """
    if not len(starts):
        return np.empty(0)
    good = np.isfinite(values) & (weights > 0)
    mass = np.add.reduceat(np.where(good, weights, 0.0), starts)
    total = np.add.reduceat(np.where(good, np.where(good, values, 0.0) * weights, 0.0), starts)
    return np.divide(total, mass, out=np.full(len(starts), np.nan), where=mass > 0)
