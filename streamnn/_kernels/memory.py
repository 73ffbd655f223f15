"""Arrays that start on a cache line, so that sixteen lanes never lie in two."""

from __future__ import annotations

import math

import numpy as np

LINE = 64


def zeros(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Zeros that start on a cache line; the system gives memory only to what is touched."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    memory = np.zeros(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(kind).reshape(shape)


def aligned(a: np.ndarray) -> np.ndarray:
    """`a`, or its copy on a cache line if it lies elsewhere and is not empty."""
    if not a.size or a.ctypes.data % LINE == 0:
        return a
    out = zeros(a.shape, a.dtype)
    out[...] = a
    return out
