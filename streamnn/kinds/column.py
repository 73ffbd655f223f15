"""A column's kind, how its values are read by it, and when it is decided again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np

from ..errors import SchemaError
from .missing import DOUBTFUL, MISSING
from .numbers import LARGEST_EXACT, PLAIN, NumberFormat, integer, number
from .times import duration, is_time, seconds, unit_by_size

KINDS = ("number", "category", "text", "boolean", "id", "time", "duration", "ignored")
"""What a column can be. Numbers, booleans and durations (seconds) are quantities, times become calendar features; a
category, a text and an id are names, and keep every digit; what is ignored is not looked at."""
NAMES = frozenset(("category", "text", "id"))
"""Kinds whose values are names."""
SETTLED_AFTER = 20
"""A kind that was seen this often stays; before, it is decided again when other values are the more."""
MISFIT: Final = object()
"""What :meth:`Column.read` gives for a value that is not of the column's kind."""
YEAR_1, YEAR_10000 = -62_135_596_800.0, 253_402_300_800.0
"""Seconds between which a time has a year of four digits; a number that says another is none."""
_FALSE_TRUE = {
    "false": False,
    "true": True,
    "f": False,
    "t": True,
    "no": False,
    "yes": True,
    "n": False,
    "y": True,
    "0": False,
    "1": True,
}
_NUMBER_CLASSES = (int, float, np.integer, np.floating, Decimal)
_MOST_DIGITS = 40
"""Integers with more are amounts beyond all ids."""
_COMMON_TYPES = frozenset((float, int, str, bool))
_NAN_TYPES = ("NAType", "NaTType")


def is_missing(value: Any) -> bool:
    """Whether a value of a record is none: None, NaN, pandas' NA and NaT.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing(0), is_missing("")
    (True, True, False, False)
    """
    if value is None or type(value).__name__ in _NAN_TYPES:
        return True
    return isinstance(value, (float, np.floating, Decimal, np.datetime64, np.timedelta64)) and value != value


def name_of(value: Any) -> str:
    """A value as a name: the same text for 7, 7.0 and "7", whatever it came in.

    Examples
    --------
    >>> name_of(7), name_of(7.0), name_of("07"), name_of(3141592653589793238), name_of(True), name_of(0.5)
    ('7', '7', '07', '3141592653589793238', 'true', '0.5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (timedelta, np.timedelta64)):
        value = duration(value)
    if isinstance(value, Decimal):
        value = _as_integer(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating, Decimal)):
        v = float(value)
        return str(int(v)) if v.is_integer() and abs(v) <= LARGEST_EXACT else repr(v)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def kind_of(value: Any) -> str | None:
    """The kind that one value of a record shows; None when it is missing, or a text that says nothing.

    A text of digits alone may be a code, so it is a text; one with a decimal point is a number that was quoted.

    Examples
    --------
    >>> [kind_of(v) for v in (1, "1", "1.5", True, 1 << 60, "2025-02-03", "n/a", None)]
    ['number', 'text', 'number', 'boolean', 'id', 'time', None, None]
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        if value in MISSING or value in DOUBTFUL:
            return None
        if is_time(value):
            return "time"
        return "number" if "." in value and number(value) is not None else "text"
    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, (timedelta, np.timedelta64)):  # numpy's is one of its integers
        return "duration"
    if isinstance(value, Decimal):
        value = _as_integer(value)
    if isinstance(value, (int, np.integer)):
        return "id" if abs(int(value)) > LARGEST_EXACT else "number"
    if isinstance(value, _NUMBER_CLASSES):
        return "number"
    if isinstance(value, (date, np.datetime64)):
        return "time"
    raise SchemaError(
        f"holds a {type(value).__name__}: allowed are numbers, texts, bools, times, durations and None"
    )


class Column:
    """What is known of a column.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    why : str
        How that is known, for a person.
    format : NumberFormat
        How its numbers are written, where they are texts.
    unit : str
        Unit of numbers that are times: ``s ms us ns``, or ``""`` to tell each by its size.
    fits, others : int
        How many values have been of the kind, and of other kinds; `fits` counts up to ``SETTLED_AFTER``.

    Examples
    --------
    >>> column = Column("number")
    >>> column.read("12.5"), column.read("n/a"), column.read("high") is MISFIT
    (12.5, None, True)
    """

    __slots__ = ("fits", "format", "kind", "others", "unit", "why")

    def __init__(
        self,
        kind: str,
        why: str = "",
        format: NumberFormat = PLAIN,
        unit: str = "",
        fits: int = 0,
        others: int = 0,
    ) -> None:
        if kind not in KINDS:
            raise SchemaError(f"{kind!r} is no kind of a column: choose one of {', '.join(KINDS)}")
        self.kind, self.why, self.format, self.unit = kind, why, format, unit
        self.fits, self.others = fits, others

    @property
    def is_name(self) -> bool:
        """Whether values are names, and not quantities."""
        return self.kind in NAMES

    @property
    def settled(self) -> bool:
        """Whether the kind stays whatever comes."""
        return self.fits >= SETTLED_AFTER

    def read(self, value: Any, missing: frozenset[str] = MISSING) -> Any:
        """A value of a record as one of this kind.

        Returns
        -------
        float, bool, str or None
            Times and durations in seconds. None for what is missing, ``MISFIT`` for what is of another kind.

        Raises
        ------
        SchemaError
            When it can't be a value of any column.
        """
        if is_missing(value):
            return None
        if type(value) not in _COMMON_TYPES:
            kind_of(value)  # refuses what is no value of a column
        if self.kind in NAMES:
            return name_of(value)
        if isinstance(value, str):
            return self._read_text(value, missing)
        if isinstance(value, (timedelta, np.timedelta64)):
            return duration(value) if self.kind in ("duration", "number") else MISFIT
        if self.kind == "time":
            if isinstance(value, _NUMBER_CLASSES) and not isinstance(value, bool):
                return _instant(float(value), self.unit)
            return seconds(value) if isinstance(value, (date, np.datetime64)) else MISFIT
        if isinstance(value, (bool, np.bool_)):
            return bool(value) if self.kind == "boolean" else float(value)
        if not isinstance(value, _NUMBER_CLASSES):
            return (
                seconds(value)
                if self.kind == "number" and isinstance(value, (date, np.datetime64))
                else MISFIT
            )
        if self.kind == "boolean":
            return bool(value) if value in (0, 1) else MISFIT
        if self.kind == "number" and isinstance(value, (int, np.integer)) and abs(int(value)) > LARGEST_EXACT:
            return MISFIT  # as in texts
        try:
            return float(value)
        except OverflowError:  # an integer beyond every float
            return float("inf") if value > 0 else float("-inf")

    def _read_text(self, text: str, missing: frozenset[str]) -> Any:
        bare = text.strip()
        if bare in missing or bare in DOUBTFUL:
            return None
        if self.kind == "boolean":
            return _FALSE_TRUE.get(bare.lower(), MISFIT)
        if self.kind == "time":
            if is_time(bare):
                return seconds(bare)
            found = number(bare)
            return MISFIT if found is None else _instant(found, self.unit)
        if self.kind == "number" and abs(integer(bare) or 0) > LARGEST_EXACT:
            return MISFIT  # an id: a float has not all of its digits
        found = number(bare, self.format)
        if found is None and self.kind == "duration":
            try:
                return duration(bare)
            except SchemaError:
                return MISFIT
        if found is None:
            return MISFIT
        return None if found != found else found  # "NAN", however it is written

    def count(self, fits: bool) -> bool:
        """Count a value of this kind or of another; True when the others are the more, so that it must be decided again."""
        if fits:
            self.fits = min(self.fits + 1, SETTLED_AFTER)
            return False
        if self.settled:
            return False
        self.others += 1
        return self.others > self.fits

    def decided_again(self, kind: str, format: NumberFormat = PLAIN) -> Column:
        """This column as one of another kind, of which it has seen the others."""
        return Column(kind, "most of its first values", format, "", min(self.others, SETTLED_AFTER), 0)

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        data = {
            "kind": self.kind,
            "why": self.why,
            "fits": self.fits,
            "others": self.others,
            "unit": self.unit,
        }
        return data | {"format": list(self.format)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Column:
        """What gave this :meth:`state`."""
        return cls(**{**state, "format": NumberFormat(*state["format"])})

    def __repr__(self) -> str:
        return f"Column({self.kind!r}, {self.why!r})"


def declared(kind: str, **known: Any) -> Column:
    """A column whose kind is given: it stays.

    Examples
    --------
    >>> declared("category").read(7)
    '7'
    """
    return Column(kind, "declared", fits=SETTLED_AFTER, **known)


def fits(column: Column, value: Any) -> bool:
    """Whether a value that is not missing is of a column's kind by itself, and not only by being written as one."""
    kind = kind_of(value)
    if kind is None:
        return True
    if column.kind in ("number", "boolean", "duration"):
        return kind in ("number", "boolean", "duration", "id") and column.read(value) is not MISFIT
    if column.kind in NAMES:
        return kind in ("text", "time") if column.kind == "text" else kind in ("text", "id", "number")
    return column.kind == kind


def _instant(value: float, unit: str) -> Any:
    if abs(value) == float("inf"):
        return MISFIT
    per = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    at = value / per[unit or unit_by_size([value])]
    return at if YEAR_1 <= at <= YEAR_10000 else MISFIT


def _as_integer(value: Decimal) -> Decimal | int:
    """A decimal that is an integer as one: a float64 would not hold its digits."""
    if value.is_finite() and value.adjusted() < _MOST_DIGITS and value == value.to_integral_value():
        return int(value)
    return value
