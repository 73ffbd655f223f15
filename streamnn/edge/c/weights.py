"""How a module's weights lie: in blocks, in fields of bits, in rows of whole bytes."""

from __future__ import annotations

import numpy as np

from ..modules import Module
from .storage import fits


def groups_of(m: Module) -> int:
    """Blocks of a module; 1 where weights lie outside of its blocks."""
    n, units = m.weights.shape
    if m.groups <= 1 or n % m.groups or units % m.groups:
        return 1
    inside = np.kron(np.eye(m.groups, dtype=bool), np.ones((n // m.groups, units // m.groups), bool))
    return 1 if m.weights[~inside].any() else m.groups


def counts_bits(m: Module, signs: bool) -> bool:
    """Whether a module counts bits: weights of -1, 0, 1 on inputs of -1, 1, each once."""
    once = m.gather is None or np.array_equal(np.sort(m.gather), np.arange(len(m.gather)))
    return signs and m.weight_bits <= 2 and groups_of(m) == 1 and once and m.table is None


def stored_bits(w: np.ndarray, bits: int) -> int:
    """In fields of how many bits integers of so many bits are stored; more than 8 where bytes are too small."""
    return next((f for f in (1, 2, 4, 8) if bits <= f and fits(w, f)), 16)


def blocks_of(w: np.ndarray, groups: int) -> list[np.ndarray]:
    """The weights of each block, shape (inputs / groups, units / groups)."""
    n, units = w.shape[0] // groups, w.shape[1] // groups
    return [w[g * n : (g + 1) * n, g * units : (g + 1) * units] for g in range(groups)]


def row_bytes(width: int, fld: int) -> int:
    """Bytes of a row of weights; rows of bytes that are read four at a time are filled up if that costs little."""
    if fld == 4:
        return -(-width // 4) * 2
    full = -(-width // 4) * 4
    if fld == 8:
        return full if 8 * (full - width) <= width else width
    return -(-width * fld // 8)


def row_name(width: int, fld: int) -> str:
    """Helper that adds a row."""
    return "row8x4" if fld == 8 and row_bytes(width, fld) % 4 == 0 else f"row{fld}"
