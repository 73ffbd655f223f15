"""Signs of numbers as bits of 64-bit words: packed, turned, and unpacked again."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..errors import SchemaError
from ._lanes import BITS, load_shorts, lowest, not_numbers, positive, positive_floats


def pack(rows: np.ndarray) -> np.ndarray:
    """Signs of rows: bit k of word w is 1 where column 64 w + k is above 0; bits beyond the last column are 0.

    Parameters
    ----------
    rows : ndarray of float32 or whole numbers, shape (n, columns)

    Returns
    -------
    ndarray of uint64, shape (n, words)
        64 columns a word.

    Raises
    ------
    SchemaError
        When it is no matrix of numbers, or a number is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> pack(np.float32([[1.0, -0.5, 0.0, 2.0]])).tolist()
    [[9]]
    """
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind not in "fiu":
        found = f"{rows.dtype} of shape {rows.shape}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise SchemaError(
            f"rows are {found}, expected a matrix of float32 or whole numbers, one row a vector"
        )
    kind: type[np.generic] = np.float32 if rows.dtype.kind == "f" else np.int16
    if not np.can_cast(rows.dtype, kind):  # the signs fit
        rows = rows > 0 if rows.dtype.kind == "u" else np.sign(rows)
    n, columns = rows.shape
    w = -(-columns // BITS)
    if columns == w * BITS:
        flat = np.ascontiguousarray(rows, kind)
    else:
        flat = np.zeros((n, w * BITS), kind)
        flat[:, :columns] = rows
    out = np.empty((n, w), np.uint64)
    if kind is np.int16:
        _pack_shorts(flat.reshape(-1), out.reshape(-1))
    elif (bad := _pack_floats(flat.reshape(-1), out.reshape(-1))) >= 0:
        row, column = divmod(bad, w * BITS)
        raise SchemaError(f"rows[{row}, {column}] is NaN, which has no sign: fill it before packing")
    return out


def unpack(words: np.ndarray, n: int) -> np.ndarray:
    """The first `n` signs of each packed row, as +1 and -1.

    Parameters
    ----------
    words : ndarray of uint64, shape (rows, words)
    n : int

    Returns
    -------
    ndarray of int8, shape (rows, n)

    Examples
    --------
    >>> import numpy as np
    >>> unpack(np.array([[9]], np.uint64), 4).tolist()
    [[1, -1, -1, 1]]
    """
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, count=n, bitorder="little")
    return (2 * bits.astype(np.int8) - 1).astype(np.int8)


def transposed(words: np.ndarray, n: int) -> np.ndarray:
    """Packed columns of packed rows.

    Parameters
    ----------
    words : ndarray of uint64, shape (rows, words)
    n : int
        Signs in a row.

    Returns
    -------
    ndarray of uint64, shape (n, words for that many rows)

    Examples
    --------
    >>> import numpy as np
    >>> transposed(np.array([[1], [3]], np.uint64), 2).tolist()
    [[3], [2]]
    """
    return pack(np.ascontiguousarray(unpack(words, n).T))


@kernel
def _pack_floats(flat, out):
    # returns the place of the first NaN, -1 if there is none
    for i in range(len(out)):
        bad = not_numbers(flat, i * BITS)
        if bad != np.uint64(0):
            return i * BITS + lowest(bad)
        out[i] = positive_floats(flat, i * BITS)
    return -1


@kernel
def _pack_shorts(flat, out):
    for i in range(len(out)):
        out[i] = positive(load_shorts(flat, i * BITS))
