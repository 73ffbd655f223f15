"""Arguments of the kernel for one segment of the log."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._scan import Family, Operations, scan


class Segment(NamedTuple):
    """A monitor and the operations it takes; it may be taken again with other contents of the arrays."""

    family: Family
    operations: Operations
    out: np.ndarray  # int64, one row for each of the most fires there can be

    def take(self) -> int:
        """Run the kernel to the end of a block with fires, or to the end; how many fires."""
        return int(scan(*self))
