"""Products of matrices of signs: sixty-four multiplications and additions are one XOR and one popcount."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from .._kernels.memory import zeros
from ..errors import SchemaError
from ._lanes import BITS, WORD_LANES, count_differing, load_words, spread_word, store_balance

ROWS = 4
"""Rows of the product that are worked out together, so that words loaded once serve all of them."""


def xnor_product(a_words: np.ndarray, b_words: np.ndarray, n: int) -> np.ndarray:
    """Inner products of all rows of two matrices of +1 and -1: ``n - 2 popcount(a xor b)`` (Rastegari et al. 2016).

    Parameters
    ----------
    a_words, b_words : ndarray of uint64, shapes (M, words) and (N, words)
        Signs as :func:`streamnn.bits.pack` packs them; bits beyond the first `n` must be 0.
    n : int
        Signs in a row.

    Returns
    -------
    ndarray of int32, shape (M, N)
        Exact; the same on every machine.

    Raises
    ------
    SchemaError
        When the arrays are not of uint64, are not matrices, or `n` needs another number of words.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.bits import pack
    >>> a, b = np.float32([[1, -1, 1]]), np.float32([[1, 1, 1], [-1, 1, -1]])
    >>> xnor_product(pack(a), pack(b), 3).tolist()
    [[1, -3]]
    """
    for name, v in (("a_words", a_words), ("b_words", b_words)):
        check_words(name, v, n)
    (m, w), size = a_words.shape, len(b_words)
    if not (m and size):
        return np.zeros((m, size), np.int32)
    rows, columns = -(-m // ROWS) * ROWS, -(-size // (2 * WORD_LANES)) * 2 * WORD_LANES
    a, b = a_words, zeros((w, columns), np.uint64)
    if rows != m:
        a = np.zeros((rows, w), np.uint64)
        a[:m] = a_words
    b[:, :size] = b_words.T
    out = np.empty((rows, columns), np.int32)
    _product(np.ascontiguousarray(a).reshape(-1), b.reshape(-1), n, w, columns, out.reshape(-1))
    return out if (rows, columns) == (m, size) else np.ascontiguousarray(out[:m, :size])


def check_words(name: str, v: np.ndarray, n: int) -> None:
    """Refuse what is no matrix of packed rows of `n` signs.

    Raises
    ------
    SchemaError
        Names the argument.
    """
    if not isinstance(v, np.ndarray) or v.dtype != np.uint64 or v.ndim != 2:
        found = f"{v.dtype} of shape {v.shape}" if isinstance(v, np.ndarray) else type(v).__name__
        raise SchemaError(
            f"{name} is {found}, expected a matrix of uint64: pack signs with streamnn.bits.pack"
        )
    if n < 1 or v.shape[1] != -(-n // BITS):
        raise SchemaError(
            f"{name} has {v.shape[1]} words a row, {n} signs take {max(-(-n // BITS), 1)}: give the number of signs "
            "that were packed"
        )


@kernel
def _product(a, b, n, w, columns, out):
    # b word by word, so that eight columns lie side by side: counts need no sum over lanes
    zero = spread_word(np.uint64(0))
    for j in range(0, columns, 2 * WORD_LANES):
        for i in range(0, len(out) // columns, ROWS):
            c0, c1, c2, c3, d0, d1, d2, d3 = zero, zero, zero, zero, zero, zero, zero, zero
            for k in range(w):
                u, v = load_words(b, k * columns + j), load_words(b, k * columns + j + WORD_LANES)
                x = spread_word(a[i * w + k])
                c0, d0 = count_differing(c0, x, u), count_differing(d0, x, v)
                x = spread_word(a[(i + 1) * w + k])
                c1, d1 = count_differing(c1, x, u), count_differing(d1, x, v)
                x = spread_word(a[(i + 2) * w + k])
                c2, d2 = count_differing(c2, x, u), count_differing(d2, x, v)
                x = spread_word(a[(i + 3) * w + k])
                c3, d3 = count_differing(c3, x, u), count_differing(d3, x, v)
            at = i * columns + j
            store_balance(out, at, n, c0)
            store_balance(out, at + WORD_LANES, n, d0)
            store_balance(out, at + columns, n, c1)
            store_balance(out, at + columns + WORD_LANES, n, d1)
            store_balance(out, at + 2 * columns, n, c2)
            store_balance(out, at + 2 * columns + WORD_LANES, n, d2)
            store_balance(out, at + 3 * columns, n, c3)
            store_balance(out, at + 3 * columns + WORD_LANES, n, d3)
