"""How far a network's outputs are from the row that it read."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel, leaf

f4 = np.float32


@leaf
def reconstruction(share, n, y, scratch):
    """Mean squared error of `n` outputs, at `y`, against the inputs; its gradient times `share` goes to ``scratch.d``.

    Inputs that are exactly 0, the mean, are left out: so are missing values and columns that have not come, and neither
    a row's error nor what is learnt from it depends on how many of those there are.
    """
    z, d = scratch.z, scratch.d
    there = 0
    for c in range(n):
        there += z[c] != f4(0.0)
    part = f4(1.0) / f4(max(there, 1))
    total = f4(0.0)
    for c in range(n):
        e = z[y + c] - z[c] if z[c] != f4(0.0) else f4(0.0)
        total += e * e
        d[y + c] = f4(2.0) * part * share * e
    return total * part


@kernel
def log_error(p, out):
    """The logarithm of an error, ``p[0, 0, 0]``, to ``out[0, 0]``; it is no number where the error is none."""
    e = np.float64(p[0, 0, 0])
    out[0, 0] = log64(max(e, 1e-30)) if np.isfinite(e) else np.nan
