"""Windows that slide over positions, of convolutions and pools."""

from __future__ import annotations

from ..errors import SpecError

Pair = int | tuple[int, int]
"""One number for height and width, or one each."""


def pair(value: Pair) -> tuple[int, int]:
    """Of height and width."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def positions(size: int, kernel: int, stride: int, padding: int, dilation: int, what: str) -> int:
    """How many windows fit along an axis of `size` positions.

    Raises
    ------
    SpecError
        If there is none, or a setting is below its least value.

    Examples
    --------
    >>> positions(8, kernel=3, stride=2, padding=1, dilation=1, what="pool")
    4
    """
    if kernel < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise SpecError(
            f"a {what} with kernel {kernel}, stride {stride}, dilation {dilation} and padding {padding}: "
            "the first three are at least 1, padding at least 0"
        )
    found = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if found < 1:
        raise SpecError(
            f"a {what} whose kernel spans {dilation * (kernel - 1) + 1} of {size} + 2 x {padding} positions"
        )
    return found
