"""The XNOR product on a GPU with CUDA: the same whole numbers as on the CPU.

Not imported by the package: numba's CUDA part and a driver are needed, which most machines do not have.
"""

from __future__ import annotations

import numpy as np
from numba import cuda, uint64

from ..errors import SpecError
from .xnor import check_words

TILE = 16
"""Rows, columns and words that a block of threads shares."""


def xnor_product_gpu(a_words: np.ndarray, b_words: np.ndarray, n: int) -> np.ndarray:
    """As :func:`streamnn.bits.xnor_product`, worked out on the current CUDA device.

    Parameters
    ----------
    a_words, b_words : ndarray of uint64, shapes (M, words) and (N, words)
        Packed signs.
    n : int
        Signs in a row.

    Returns
    -------
    ndarray of int32, shape (M, N)

    Raises
    ------
    SchemaError
        When the arrays are no packed rows of `n` signs.
    SpecError
        When there is no CUDA device.
    """
    for name, v in (("a_words", a_words), ("b_words", b_words)):
        check_words(name, v, n)
    if not cuda.is_available():
        raise SpecError(
            "xnor_product_gpu needs a GPU with CUDA, none is found: use streamnn.bits.xnor_product"
        )
    m, size = len(a_words), len(b_words)
    if not (m and size):
        return np.zeros((m, size), np.int32)
    out = cuda.device_array((m, size), np.int32)
    a, b = (cuda.to_device(np.ascontiguousarray(v)) for v in (a_words, b_words))
    _product[(-(-m // TILE), -(-size // TILE)), (TILE, TILE)](a, b, n, out)
    found: np.ndarray = out.copy_to_host()
    return found


@cuda.jit
def _product(a, b, n, out):
    rows = cuda.shared.array((TILE, TILE), uint64)
    columns = cuda.shared.array(
        (TILE, TILE), uint64
    )  # a line of its own: the simulator tells arrays apart by lines
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.x * TILE + y, cuda.blockIdx.y * TILE + x
    other = cuda.blockIdx.y * TILE + y
    differing = 0
    for first in range(0, a.shape[1], TILE):
        k = first + x
        rows[y, x] = a[i, k] if i < a.shape[0] and k < a.shape[1] else uint64(0)
        columns[x, y] = b[other, k] if other < b.shape[0] and k < b.shape[1] else uint64(0)
        cuda.syncthreads()
        for w in range(TILE):
            differing += cuda.popc(rows[y, w] ^ columns[w, x])
        cuda.syncthreads()
    if i < out.shape[0] and j < out.shape[1]:
        out[i, j] = n - 2 * differing
