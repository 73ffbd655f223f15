"""How integers lie in memory: whole bytes and words, or several small ones to a byte, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = {"int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4"}
"""Types of C (with ``_t``), and numpy's names of them."""


@dataclass(frozen=True, slots=True)
class Table:
    """Constants of one kind.

    Parameters
    ----------
    name : str
        As the C calls it.
    kind : str
        One of KINDS.
    values : ndarray of int64, shape (n,)
    """

    name: str
    kind: str
    values: np.ndarray

    @property
    def data(self) -> bytes:
        """As it lies in memory, little end first."""
        return np.ascontiguousarray(self.values).astype(KINDS[self.kind]).tobytes()


def smallest(values: np.ndarray) -> str:
    """The smallest signed kind that holds all values.

    Examples
    --------
    >>> import numpy as np
    >>> smallest(np.array([-128, 127])), smallest(np.array([128])), smallest(np.array([1 << 20]))
    ('int8', 'int16', 'int32')
    """
    low, high = int(np.min(values, initial=0)), int(np.max(values, initial=0))
    for bits in (8, 16, 32):
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return f"int{bits}"
    raise OverflowError(f"values from {low} to {high} do not fit 32 bits")


def fits(values: np.ndarray, field: int) -> bool:
    """Whether all values can be written in fields of so many bits: one bit is -1 or 1, two are -1, 0 or 1."""
    if field == 1:
        return bool(np.all(np.abs(values) == 1))
    top = 2 if field == 2 else 1 << (field - 1)
    return bool(np.all((values >= (-1 if field == 2 else -top)) & (values < top)))


def packed(rows: np.ndarray, field: int, size: int) -> np.ndarray:
    """Rows of small integers, several to a byte, the first in the lowest bits; filled up with 0.

    Parameters
    ----------
    rows : ndarray of int64, shape (n, width)
    field : {1, 2, 4, 8}
        Bits of each. One bit: set for 1, clear for -1. Two: two's complement. Four: 8 more than it is. Eight: as it is.
    size : int
        Bytes of a row.

    Returns
    -------
    ndarray of int64, shape (n, size)

    Examples
    --------
    >>> import numpy as np
    >>> packed(np.array([[1, -1, 7]]), 4, 2).tolist()
    [[121, 143]]
    >>> packed(np.array([[1, -1, 1]]), 1, 1).tolist()
    [[5]]
    """
    each = 8 // field
    full = np.zeros((len(rows), size * each), np.int64)
    full[:, : rows.shape[1]] = rows
    if field == 8:
        return full
    bits = full > 0 if field == 1 else full + 8 if field == 4 else full & 3
    return (bits.reshape(len(rows), size, each) << (field * np.arange(each))).sum(2)


def words(bits: np.ndarray) -> np.ndarray:
    """Rows of bits as words of 32, the first in the lowest bit; what fills the last word up is clear.

    Parameters
    ----------
    bits : ndarray of bool, shape (n, width)

    Returns
    -------
    ndarray of int64, shape (n, words)

    Examples
    --------
    >>> import numpy as np
    >>> words(np.array([[True, False, True]])).tolist()
    [[5]]
    """
    n, width = bits.shape
    full = np.zeros((n, -(-width // 32) * 32), np.int64)
    full[:, :width] = bits
    return (full.reshape(n, -1, 32) << np.arange(32)).sum(2)
