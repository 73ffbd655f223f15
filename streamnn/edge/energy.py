"""Energy of an event, as an estimate from a table of 45 nm gates: what to compare by, not what a device draws."""

from __future__ import annotations

from dataclasses import dataclass

from .counts import Counts

ENERGY_SOURCE = (
    "estimate: Horowitz, Computing's energy problem, ISSCC 2014, 45 nm, 0.9 V, figures as the literature repeats them: "
    "pJ: 8-bit add 0.03, multiply 0.2; 32-bit add 0.1, multiply 3.1; float32 add 0.9, multiply 3.7; 64 bits from "
    "a memory of 8 KB 10. Bits between are interpolated, linearly for additions, by the product of bits for "
    "multiplications; a shift and a comparison are counted as 32-bit additions; no instruction fetch, no leakage"
)
"""Where the figures come from, and what is assumed."""
ADD32, MULTIPLY32 = 0.1, 3.1
FLOAT_ADD, FLOAT_MULTIPLY = 0.9, 3.7
BYTE_READ = 10 / 8
_ADD_BIT, _MULTIPLY_BIT = ADD32 / 32, MULTIPLY32 / 32**2
_PLACE_BITS, _RISE_BITS = 16, 9
_POPCOUNT_ADDED = 2
"""Additions of one bit for each bit that a popcount adds: less than two, whatever the width."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Picojoules for one event.

    Parameters
    ----------
    arithmetic : float
    memory : float
        Reading tables.
    requantising : float
        Part of the arithmetic.
    """

    arithmetic: float
    memory: float
    requantising: float

    @property
    def total(self) -> float:
        """Arithmetic and memory."""
        return self.arithmetic + self.memory


def integer_energy(c: Counts, multiply: bool = False) -> Energy:
    """Of integers as they are.

    Parameters
    ----------
    c : Counts
    multiply : bool
        Whether a requantisation multiplies by a 32-bit factor before it shifts, which reads four bytes more.

    Examples
    --------
    >>> c = Counts("x", nonzero=10, bit_operations=640, bit_products=640, requantisations=1)
    >>> round(integer_energy(c).arithmetic, 4), round(integer_energy(c, multiply=True).arithmetic, 4)
    (3.0375, 6.1375)
    """
    requantising = c.requantisations * (ADD32 + (MULTIPLY32 if multiply else 0.0))
    linear = c.bit_products * _MULTIPLY_BIT
    # sums of products are 32 bits wide; of +-1 times +-1 only bits are counted
    binary = c.multiply_accumulates > 0 and c.bit_operations == c.multiply_accumulates
    linear += c.nonzero * (_POPCOUNT_ADDED * _ADD_BIT if binary else ADD32)
    rest = (
        c.multiplications * _PLACE_BITS * _RISE_BITS * _MULTIPLY_BIT + (c.additions + c.comparisons) * ADD32
    )
    memory = (c.bytes_read + (4 * c.requantisations if multiply else 0)) * BYTE_READ
    return Energy(linear + rest + requantising, memory, requantising)


def float_energy(c: Counts) -> Energy:
    """Of the same in float32: weights and tables of four bytes, no requantisation.

    Examples
    --------
    >>> round(float_energy(Counts("x", multiply_accumulates=10, nonzero=9)).arithmetic, 4)
    46.0
    """
    arithmetic = c.multiply_accumulates * (FLOAT_MULTIPLY + FLOAT_ADD) + c.multiplications * FLOAT_MULTIPLY
    arithmetic += (c.additions + c.comparisons) * FLOAT_ADD
    return Energy(arithmetic, 4 * (c.multiply_accumulates + c.lookups) * BYTE_READ, 0.0)


def together(parts: list[Energy]) -> Energy:
    """Sum of parts."""
    return Energy(
        sum(p.arithmetic for p in parts), sum(p.memory for p in parts), sum(p.requantising for p in parts)
    )
