"""Points in time and durations, whatever they are written as, in seconds: a time counts from 1970, UTC.

A time without zone is taken as UTC. One instant is one float64 whatever its type and unit, as long as whole seconds and
their fraction are converted apart: a count of nanoseconds since 1970 does not fit into a float64.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from ..errors import SchemaError

FINE_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15, "as": 10**18}
"""How many of a unit are a second."""
COARSE_UNITS = {"min": 60, "h": 3600, "d": 86_400}
"""How many seconds a unit has."""
SIZED_UNITS, SIZE_LIMITS = ("s", "ms", "us", "ns"), (1e11, 1e14, 1e17)
"""Units that a count since 1970 is told by its size to be of, and what counts of all but the last stay below. From
1973-03-03 to 5138-11-16 a count is told rightly in all four."""
ALLOWED_TIMES = "a datetime, a date, a numpy.datetime64, a text such as 2025-02-03T10:00:00+01:00, or a number of seconds since 1970"
ALLOWED_DURATIONS = 'a number of seconds, or a text of numbers and units such as "2 days", "36 h", "90 min", "1 day 12 h", "500 ms", "36:00:00"'

_BEGINNING, _FIRST_DAY = datetime(1970, 1, 1), date(1970, 1, 1).toordinal()
_ISO_8601 = re.compile(
    r"\d{4}(?:-\d\d-\d\d|(?=\d{4}[Tt])\d{4})"
    r"(?:[Tt ]\d\d(?::?\d\d(?::?\d\d(?:[.,](?P<fraction>\d+))?)?)?(?: ?(?:[Zz]|UTC|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII,
)
_CLOCK = r"(?:,? +(?P<clock>\d?\d:\d\d(?::\d\d(?:[.,]\d+)?)?))?"
_DOTTED = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})" + _CLOCK, re.ASCII)
_SLASHED = re.compile(r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})" + _CLOCK, re.ASCII)
_WORDS = {
    "ns": ("ns", "nanosecond", "nanoseconds"),
    "us": ("us", "µs", "μs", "microsecond", "microseconds"),
    "ms": ("ms", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "7d": ("w", "week", "weeks"),
}
_UNIT_OF = {word: unit for unit, words in _WORDS.items() for word in words}
_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-zµμ]+)\s*(?:,|and\b)?")
_SPAN = re.compile(r"\s*(?:([0-9]+) days?,? +)?([0-9]+):([0-5][0-9]):([0-5][0-9](?:\.[0-9]*)?)\s*")
_ISO_SPAN = re.compile(
    r"\s*P(?=.)(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]*)?)S)?)?\s*"
)


def seconds(value: Any) -> float:
    """A point in time as seconds since 1970, UTC.

    Parameters
    ----------
    value : number, datetime, date, numpy.datetime64, str or None
        Numbers are seconds; a pandas Timestamp is a datetime, a date the instant at which it begins; texts are ISO
        8601. What has no zone is UTC.

    Returns
    -------
    float
        NaN for None and for NaT.

    Raises
    ------
    SchemaError
        When it is none of these, or a text that is no time.

    Examples
    --------
    >>> seconds("2025-02-03T05:30:00+05:00") == seconds(datetime(2025, 2, 3, 0, 30)) == 1738542600.0
    True
    >>> seconds(date(1970, 1, 2)), seconds(np.datetime64("1970-01-01T00:00:00.001")), seconds(None)
    (86400.0, 0.001, nan)
    """
    if value is None:
        return float("nan")
    if isinstance(value, str):
        return _text_seconds(value)
    if hasattr(value, "to_datetime64"):  # pandas, whose NaT is a datetime too
        value = value.to_datetime64()
    if isinstance(value, np.datetime64):
        return float(array_seconds(np.array([value]))[0])
    if isinstance(value, datetime):
        return _datetime_seconds(value)
    if isinstance(value, date):
        return (value.toordinal() - _FIRST_DAY) * 86_400.0
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if type(value).__name__ == "NAType":  # pandas' own missing value
        return float("nan")
    raise SchemaError(
        f"a time is the {type(value).__name__} {str(value)[:40]!r}; allowed are {ALLOWED_TIMES}"
    )


def array_seconds(array: Any) -> np.ndarray:
    """An array of points in time as seconds since 1970, UTC: float64 of its shape, NaN where there is none.

    Raises
    ------
    SchemaError
        As :func:`seconds`.

    Examples
    --------
    >>> array_seconds(np.array(["1970-01-01T00:00:01.5", "NaT"], "datetime64[ns]")).tolist()
    [1.5, nan]
    >>> array_seconds(["1970-01-02", None]).tolist()
    [86400.0, nan]
    """
    v = np.asarray(array)
    if v.dtype.kind in "fiu":
        return v.astype(np.float64)
    if v.dtype.kind == "M":
        unit, _ = np.datetime_data(v.dtype)
        unit = unit if unit in FINE_UNITS else "s"
        count = v.astype(f"datetime64[{unit}]").astype(np.int64)
        return np.where(np.isnat(v), np.nan, counted(count, unit))
    if v.dtype.kind in "OU":
        found = np.empty(v.shape)
        found.ravel()[:] = [seconds(x) for x in v.ravel().tolist()]
        return found
    raise SchemaError(f"times are an array of {v.dtype}; allowed are {ALLOWED_TIMES}")


def counted(counts: np.ndarray, unit: str) -> np.ndarray:
    """Counts of a unit as seconds; integers of any size lose no fraction.

    Parameters
    ----------
    counts : ndarray
        Integers or floats.
    unit : str
        ``ns us ms s min h d``.

    Examples
    --------
    >>> counted(np.array([1738540800000000001]), "ns").tolist(), counted(np.array([1.5]), "min").tolist()
    ([1738540800.0], [90.0])
    """
    if unit in COARSE_UNITS:
        return np.asarray(counts * np.float64(COARSE_UNITS[unit]))
    per = FINE_UNITS[unit]
    if per == 1:
        return np.asarray(counts, np.float64)
    if counts.dtype.kind == "f":
        return np.asarray(counts / np.float64(per))
    if counts.dtype.itemsize < 8:
        counts = counts.astype(np.int64)
    whole, rest = np.divmod(counts, counts.dtype.type(per))
    return np.asarray(whole + rest / np.float64(per))


def unit_by_size(values: Any) -> str:
    """The unit of counts since 1970, told by the size of their median: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.

    Small numbers are seconds of a clock of its own.

    Examples
    --------
    >>> [unit_by_size([1738540800 * k]) for k in (1, 10**3, 10**6, 10**9)], unit_by_size([0, 60, 120])
    (['s', 'ms', 'us', 'ns'], 's')
    """
    v = np.abs(np.asarray(values, np.float64))
    v = v[np.isfinite(v)]
    size = float(np.median(v)) if v.size else 0.0
    return SIZED_UNITS[int(np.searchsorted(SIZE_LIMITS, size, side="right"))]


def is_time(text: str) -> bool:
    """Whether a text is a date or a date and time of ISO 8601, or written as 3.2.2025 or 2025/2/3. A bare year is none,
    nor are eight digits, nor 2/3/2025, which is another day here than there.

    Examples
    --------
    >>> [is_time(t) for t in ("2025-02-03", "2025-02-03 10:00", "20250203T100000Z", "2025", "20250203", "2025-13-01")]
    [True, True, True, False, False, False]
    >>> seconds("03.02.2025 10:00") == seconds("2025/2/3 10:00") == seconds("2025-02-03T10:00Z")
    True
    """
    text = _as_iso(text.strip())
    if _ISO_8601.fullmatch(text) is None:
        return False
    try:
        _text_seconds(text)
    except SchemaError:
        return False
    return True


def duration(value: Any) -> float:
    """A duration in seconds.

    Parameters
    ----------
    value : number, str, timedelta or numpy.timedelta64
        Numbers are seconds. A text is numbers with units from nanoseconds to weeks, hours, minutes and seconds with
        colons between, or ISO 8601. Months and years have no fixed length.

    Raises
    ------
    SchemaError
        When it is none of these.

    Examples
    --------
    >>> duration("2 days"), duration("1 day 12 h"), duration("500ms"), duration(90)
    (172800.0, 129600.0, 0.5, 90.0)
    >>> duration("36:00:00"), duration("1 days 00:00:01.5"), duration("PT15M"), duration("P1DT12H")
    (129600.0, 86401.5, 900.0, 129600.0)
    """
    if isinstance(value, timedelta):
        return value / timedelta(seconds=1)
    if isinstance(value, np.timedelta64):
        unit, _ = np.datetime_data(value)
        if unit in FINE_UNITS or unit in ("m", "h", "D", "W"):
            return float(value / np.timedelta64(1, "s"))
        raise SchemaError(f"the duration {value!r} has no fixed length; allowed: {ALLOWED_DURATIONS}")
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return float(value)
    total, text, at = 0.0, value if isinstance(value, str) else "", 0
    if (span := _SPAN.fullmatch(text)) is not None:
        return _sum(span.groups(), (86_400, 3600, 60, 1))
    if (span := _ISO_SPAN.fullmatch(text)) is not None:
        return _sum(span.groups(), (604_800, 86_400, 3600, 60, 1))
    while at < len(text):
        part = _AMOUNT.match(text, at)
        if part is None or (named := _UNIT_OF.get(part[2], _UNIT_OF.get(part[2].lower()))) is None:
            break
        at = part.end()
        total += _in_seconds(float(part[1]), named)
    if not text.strip() or text[at:].strip():
        raise SchemaError(f"{value!r} is no duration; allowed: {ALLOWED_DURATIONS}")
    return total


def _sum(amounts: tuple[str | None, ...], lengths: tuple[int, ...]) -> float:
    return sum((float(a or 0) * length for a, length in zip(amounts, lengths, strict=True)), 0.0)


def _in_seconds(number: float, unit: str) -> float:
    if unit == "7d":
        return number * 7 * COARSE_UNITS["d"]
    return number * COARSE_UNITS[unit] if unit in COARSE_UNITS else number / FINE_UNITS[unit]


def _datetime_seconds(at: datetime) -> float:
    since = (at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)) - _BEGINNING
    return since.days * 86_400.0 + since.seconds + since.microseconds / 1e6


def _as_iso(text: str) -> str:
    """A date that is unmistakable though not of ISO 8601, as one."""
    found = _DOTTED.fullmatch(text) or _SLASHED.fullmatch(text)
    if found is None:
        return text
    clock = "" if found["clock"] is None else "T" + ("0" * (found["clock"][1] == ":")) + found["clock"]
    return f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}{clock}"


def _text_seconds(text: str) -> float:
    at, fraction = _as_iso(text.strip()), 0.0
    found = _ISO_8601.fullmatch(at)
    try:
        if found is None:
            raise ValueError
        if at.endswith("UTC"):
            at = at[:-3].rstrip() + "Z"
        digits = found["fraction"]
        if digits is not None:  # any number of them; Python's own reading ends at microseconds
            at = at.replace(found[0][found.start("fraction") - 1] + digits, "", 1)
            fraction = int(digits) / 10 ** len(digits)
        return (
            _datetime_seconds(datetime.fromisoformat(at.upper().replace(" +", "+").replace(" Z", "Z")))
            + fraction
        )
    except (ValueError, OverflowError):
        raise SchemaError(f"the text {text[:40]!r} is no time; allowed are {ALLOWED_TIMES}") from None
