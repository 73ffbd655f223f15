"""Where arrays lie: on a cache line, so that sixteen lanes never lie in two, or in memory that must not be written."""

from __future__ import annotations

import math
from typing import Any

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


def read_only(a: np.ndarray) -> bool:
    """Whether numpy lets nobody write to an array, and a kernel can read it where it lies."""
    return not a.flags.writeable and a.flags.c_contiguous and a.flags.aligned


class _Memory:
    def __init__(self, a: np.ndarray) -> None:
        self._array = a  # as long as this is the base of a view
        self.__array_interface__: dict[str, Any] = {**a.__array_interface__, "data": (a.ctypes.data, False)}


def unlocked(a: np.ndarray) -> np.ndarray:
    """A view that kernels take for an array that may be written to; in mapped memory, a write ends the process."""
    return np.asarray(_Memory(a))
