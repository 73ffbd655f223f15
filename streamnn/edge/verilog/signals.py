"""Signed wires with the least and the greatest number they can carry, and the fewest bits for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import SpecError

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TERMS_A_LINE = 8


@dataclass(frozen=True, slots=True)
class Signal:
    """A wire that carries integers.

    Parameters
    ----------
    name : str
    low, high : int
        Bounds of what it stands for.
    binary : bool
        One bit: 1 stands for +1, 0 for -1.
    """

    name: str
    low: int
    high: int
    binary: bool = False

    @property
    def bits(self) -> int:
        """Width of the wire."""
        return 1 if self.binary else bits_between(self.low, self.high)

    @property
    def value(self) -> str:
        """Signed expression of what it stands for."""
        return f"({self.name} ? 2'sd1 : -2'sd1)" if self.binary else self.name

    def wire(self, expression: str) -> str:
        """Its declaration."""
        width = "" if self.binary else f"signed [{self.bits - 1}:0] "
        return f"  wire {width}{self.name} = {expression};"


def bits_between(low: int, high: int) -> int:
    """Bits of the narrowest two's complement that holds `low` to `high`.

    Examples
    --------
    >>> bits_between(-128, 127), bits_between(0, 128), bits_between(0, 0)
    (8, 9, 1)
    """
    return max((~int(v) if v < 0 else int(v)).bit_length() + 1 for v in (low, high))


def literal(v: int, bits: int = 0) -> str:
    """A signed constant, whose width holds the size of `v` with its sign whatever it is extended to.

    Examples
    --------
    >>> literal(5), literal(-8), literal(3, 8)
    ("4'sd5", "-5'sd8", "8'sd3")
    """
    v = int(v)
    bits = max(bits, abs(v).bit_length() + 1)
    return f"-{bits}'sd{-v}" if v < 0 else f"{bits}'sd{v}"


def shift(expression: str, low: int, high: int, right: int) -> str:
    """Shifted to the right with halves up, or to the left, where the wire it is given to is wide enough.

    Parameters
    ----------
    expression : str
    low, high : int
        Its bounds.
    right : int
        Negative to the left.

    Examples
    --------
    >>> shift("a", -128, 127, 7), shift("a", 0, 1, -3)
    ("(a + 9'sd64) >>> 7", 'a <<< 3')
    """
    if right > 0:
        # Verilog adds as wide as the widest operand, so the constant is wide enough for the carry
        half = 1 << (right - 1)
        return f"({expression} + {literal(half, bits_between(low, high + half))}) >>> {right}"
    return f"{expression} <<< {-right}" if right else expression


def shifted_bounds(low: int, high: int, right: int) -> tuple[int, int]:
    """What :func:`shift` makes of bounds."""
    if right > 0:
        half = 1 << (right - 1)
        return (low + half) >> right, (high + half) >> right
    return low << -right, high << -right


def products(low: int, high: int, factor: int) -> tuple[int, int]:
    """Bounds of a number times a constant."""
    return min(low * factor, high * factor), max(low * factor, high * factor)


def spread(terms: Iterable[str]) -> str:
    """Terms of a sum, each with its sign, over as many lines as they need."""
    terms = list(terms)
    lines = [" ".join(terms[i : i + _TERMS_A_LINE]) for i in range(0, len(terms), _TERMS_A_LINE)]
    text = "\n      ".join(lines)
    return text[2:] if text.startswith("+ ") else text


def identifier(name: str) -> str:
    """`name`, if Verilog takes it for a module; SpecError otherwise."""
    if not _IDENTIFIER.fullmatch(name):
        raise SpecError(f"{name!r} is no name of a Verilog module: use letters, digits and _, a letter first")
    return name
