"""Texts to numbers, as people and spreadsheets write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LARGEST_EXACT = 1 << 53
"""A float64 holds every integer up to this, and not the next one."""
_PLAIN = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE
)
_MONEY = r"(?:[$€£¥₹₽₩₺₴₪฿₫₱¢]|(?:EUR|USD|GBP|JPY|CHF|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|R\$|kr|zł|Kč)\.?)"
_DRESSED = re.compile(
    rf"(?P<open>\()?(?P<sign>[+-])?\s*(?:{_MONEY}\s*)?(?P<inner>[+-])?(?P<digits>[0-9.][0-9.,' ]*|,[0-9]+)"
    rf"(?P<exponent>e[+-]?[0-9]+)?\s*(?:{_MONEY}|%)?(?P<after>-)?(?P<close>\))?",
    re.IGNORECASE,
)
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2019": "'"})


class NumberFormat(NamedTuple):
    """How numbers of a column are written: the sign before the decimals, and between groups of thousands."""

    decimal: str = "."
    group: str = ""

    def __str__(self) -> str:
        return f"1{self.group}234{self.decimal}5"


PLAIN = NumberFormat()
NUMBER_FORMATS = tuple(
    NumberFormat(decimal, group)
    for decimal, group in (
        (".", ""),
        (".", ","),
        (",", ""),
        (",", "."),
        (".", " "),
        (",", " "),
        (".", "'"),
        (",", "'"),
    )
)
"""Those that are looked for, the likelier first."""
_GROUPED = {
    f: re.compile(
        rf"[0-9]{{1,3}}(?:{re.escape(f.group)}[0-9]{{2,3}})*{re.escape(f.group)}[0-9]{{3}}(?:{re.escape(f.decimal)}[0-9]*)?"
        if f.group
        else r"(?!)"
    )
    for f in NUMBER_FORMATS
}
_UNGROUPED = {d: re.compile(rf"[0-9]+(?:{re.escape(d)}[0-9]*)?|{re.escape(d)}[0-9]+") for d in (".", ",")}


def number(text: str, format: NumberFormat = PLAIN) -> float | None:
    """The number that a text says, None when it says none.

    Currency, percent signs, brackets for minus and a minus behind are understood; 12 % is 12.

    Examples
    --------
    >>> number("1e3"), number("$4,912.50", NumberFormat(".", ",")), number("12,5 %", NumberFormat(",", "."))
    (1000.0, 4912.5, 12.5)
    >>> number("4.912,50", NumberFormat(".", ",")), number("n/a")
    (None, None)
    """
    text = text.strip()
    if format.decimal == "." and _PLAIN.fullmatch(text):
        return float(text)
    text = text.translate(_SPACES)
    found = _DRESSED.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    digits = found["digits"].strip()
    signs = [s for s in (found["sign"], found["inner"], found["after"], found["open"] and "-") if s]
    if len(signs) > 1:
        return None
    if format.group and _GROUPED[format].fullmatch(digits):
        digits = digits.replace(format.group, "")
    elif not _UNGROUPED[format.decimal].fullmatch(digits):
        return None
    value = float(digits.replace(format.decimal, ".") + (found["exponent"] or ""))
    return -value if "-" in signs else value


def number_format(
    texts: Sequence[str], decimal: str | None = None, group: str | None = None
) -> tuple[NumberFormat, int]:
    """The format in which most of some texts are numbers, and how many are.

    Parameters
    ----------
    texts : sequence of str
    decimal : str, optional
        What stands before the decimals in other columns of the table: it decides what "1,234" means.
    group : str, optional
        What stands between thousands, where that is known.

    Examples
    --------
    >>> number_format(["4.912,50", "12,5", "x"])
    (NumberFormat(decimal=',', group='.'), 2)
    """
    order = [
        f
        for f in NUMBER_FORMATS
        if f.decimal == (f.decimal if decimal is None else decimal)
        and f.group == (f.group if group is None else group)
    ] or list(NUMBER_FORMATS)
    best, most = order[0], -1
    for f in order:
        fits = sum(number(t, f) is not None for t in texts)
        if fits > most:
            best, most = f, fits
        if most == len(texts):
            break
    return best, most


def integer(text: str) -> int | None:
    """The integer that a text is, digit for digit; None for any other text, such as ``"007"`` or ``"7.0"``.

    Examples
    --------
    >>> integer("3141592653589793238"), integer("007"), integer("-5")
    (3141592653589793238, None, -5)
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 40:
        return None
    return int(text) if digits == "0" or digits[0] != "0" else None
