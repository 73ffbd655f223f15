"""Canonical signed digits: a constant as the fewest powers of two that are added or taken away."""

from __future__ import annotations


def signed_digits(v: int) -> list[tuple[int, int]]:
    """Signs and shifts whose sum of ``sign << shift`` is `v`; no two shifts are neighbours (Reitwiesner 1960).

    Parameters
    ----------
    v : int

    Returns
    -------
    list of (int, int)
        Sign, 1 or -1, and shift, ascending; empty for 0.

    Examples
    --------
    >>> signed_digits(7)
    [(-1, 0), (1, 3)]
    >>> signed_digits(-6)
    [(1, 1), (-1, 3)]
    """
    digits = []
    rest, shift = int(v), 0
    while rest:
        if rest & 1:
            sign = 2 - (rest & 3)
            digits.append((sign, shift))
            rest -= sign
        rest >>= 1
        shift += 1
    return digits
