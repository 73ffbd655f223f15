"""A stage is a scan: arrays that a compiled loop changes in place, saved and loaded leaf by leaf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ._kernels.memory import read_only, unlocked, zeros
from .state import check_leaves

Arrays = TypeVar("Arrays", bound=NamedTuple)


class Stage:
    """Base of everything that keeps state.

    Subclasses put every array that outlives a chunk into ``self.s``; nothing else may reach a later prediction.

    Parameters
    ----------
    name : str
        Prefix of its leaves in a checkpoint.
    """

    compiled = True
    """Whether only kernels touch its arrays."""

    def __init__(self, name: str):
        self.name = name
        self.s: dict[str, np.ndarray] = {}
        # leaves with a row for every category row: how many of them are in use, the rest are zero
        self.used: dict[str, int] = {}
        self.kept = False  # whether leaves may be those of a state that is read-only

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all leaves, ``name/leaf``."""
        return {f"{self.name}/{k}": v.copy() for k, v in self._leaves().items()}

    def _leaves(self) -> dict[str, np.ndarray]:
        return {k: v[: self.used[k]] if k in self.used else v for k, v in self.s.items()}

    def reserve(self, leaf: str, rows: int) -> None:
        """Make room for `rows` first-axis entries of a leaf; doubles, so growth is cheap."""
        self.used[leaf] = rows
        a = self.s[leaf]
        if rows > len(a):
            self.s[leaf] = grown(a, max(256, 1 << rows.bit_length()), *a.shape[1:])

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over leaves that were checked against this stage's shapes.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            ``name/leaf``; those of other stages are left alone.
        keep : bool
            Do not copy leaves that are read-only: the stage can then be looked at, and must not learn.

        Raises
        ------
        StateError
            Names the leaf that is missing, unknown or of another shape or dtype.
        """
        leaves, given = self._leaves(), self._given(arrays)
        self.kept = keep
        for k, v in leaves.items():
            if keep and read_only(given[k]):
                # kernels are compiled for arrays that they may write to, and write to none of these at LOOK
                self.s[k] = unlocked(given[k]) if self.compiled else given[k]
            else:
                v[...] = given[k]

    def _given(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        # the leaves that are this stage's, checked
        prefix, leaves = self.name + "/", self._leaves()
        mine = {k: v for k, v in arrays.items() if k.startswith(prefix)}
        check_leaves(mine, {prefix + k: v for k, v in leaves.items()}, self.name)
        return {k: mine[prefix + k] for k in leaves}


def grown(a: np.ndarray, *shape: int, fill: float = 0.0) -> np.ndarray:
    """`a` in the first corner of a new array of `shape`, the rest filled.

    Examples
    --------
    >>> import numpy as np
    >>> grown(np.ones((1, 2)), 2, 3).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if a.shape == shape:
        return a
    out = zeros(shape, a.dtype)
    if fill:
        out.fill(fill)
    out[tuple(slice(0, n) for n in a.shape)] = a
    return out


def gathered(kind: type[Arrays], arrays: Mapping[str, np.ndarray], *first: Any) -> Arrays:
    """The arrays that a kernel takes as one named tuple, found by the names of its fields.

    Parameters
    ----------
    kind : type
        The named tuple.
    arrays : mapping of str to ndarray
        Leaves of a stage or of the pending store; they may be more than are taken.
    *first
        Values of the first fields, which are no leaves.

    Examples
    --------
    >>> import numpy as np
    >>> class Sums(NamedTuple):
    ...     rate: float
    ...     total: np.ndarray
    >>> gathered(Sums, {"total": np.ones(2), "other": np.zeros(1)}, 0.5)
    Sums(rate=0.5, total=array([1., 1.]))
    """
    return kind._make((*first, *map(arrays.__getitem__, kind._fields[len(first) :])))
