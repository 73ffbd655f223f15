"""Arguments of the kernel for one stretch of operations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._scan import scan


class Stretch(NamedTuple):
    """Arrays of a monitor and of the operations it takes; it may be taken again with other contents."""

    signals: np.ndarray
    views: np.ndarray
    family: np.ndarray
    clock: np.ndarray
    share: np.ndarray
    values: np.ndarray
    tags: np.ndarray
    op: np.ndarray
    when: np.ndarray
    event: np.ndarray
    horizon: float
    out: np.ndarray

    def take(self) -> int:
        """Run the kernel to the end of a block with fires, or to the end; how many fires."""
        return int(scan(*self))
