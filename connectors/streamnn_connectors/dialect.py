"""How a file of delimited text is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written: what was declared, and the rest as a look at its beginning showed it.

    Parameters
    ----------
    delimiter : str, default ","
        One ASCII character between the fields of a record.
    encoding : str, default "utf-8"
        Of the file. Records come to the decoder of cells as UTF-8 whatever it is.
    decimal : str or None, default None
        ``"."`` or ``","``; None where the cells are to show it.
    thousands : str or None, default None
        Between groups of three digits, such as ``","``, ``"."``, ``"'"`` or a blank; ``""`` for none; None where
        the cells are to show it.
    header : bool, default True
        Whether the first record has the names of the columns; otherwise they are ``column_1``, ``column_2`` ...
    comment : str or None, default None
        What a line begins with that is no record; None where only lines of ``#`` at the top are none.
    missing : tuple of str, default ()
        Tokens that stand for a missing value, beside those that always do.

    Examples
    --------
    >>> Dialect(delimiter=";", decimal=",").header
    True
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str | None = None
    thousands: str | None = None
    header: bool = True
    comment: str | None = None
    missing: tuple[str, ...] = ()
